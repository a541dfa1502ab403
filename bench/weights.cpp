#include <metrics/classification/accuracy.h>
#include <metrics/classification/auroc.h>
#include <metrics/classification/confusion_matrix.h>
#include <metrics/regression/mse.h>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>

#include <benchmark/benchmark.h>

// Updates, and computes of areas, with and without weights of rows, one thread. Weights: 0 none, 1 integers, 2 float32,
// 3 float64.

namespace {

using at::Tensor;
using metrics::Rows;

Rows rows_of(int64_t count, int64_t kind) {
  if (kind == 0) return {};
  if (kind == 1) return {.weights = at::randint(1, 5, {count}, at::kLong)};
  return {.weights = at::rand({count}, kind == 2 ? at::kFloat : at::kDouble) + 0.1};
}

template <class Metric>
void update(benchmark::State& state, Metric metric, const Tensor& preds, const Tensor& target) {
  at::set_num_threads(1);
  const Rows rows = rows_of(preds.size(0), state.range(2));
  for (auto _ : state) metric.update(preds, target, rows);
}

void multiclass_accuracy(benchmark::State& state) {
  const int64_t rows = state.range(0), classes = state.range(1);
  update(state, metrics::MulticlassAccuracy({.num_classes = classes}), at::randn({rows, classes}),
         at::randint(classes, {rows}, at::kLong));
}
BENCHMARK(multiclass_accuracy)->ArgsProduct({{32}, {10}, {0, 1, 2, 3}})->ArgsProduct({{8192}, {1000}, {0, 1, 2, 3}});
BENCHMARK(multiclass_accuracy)->ArgsProduct({{100000}, {10}, {0, 1, 2, 3}});

void multiclass_confusion(benchmark::State& state) {
  const int64_t rows = state.range(0), classes = state.range(1);
  update(state, metrics::MulticlassConfusionMatrix({.num_classes = classes}), at::randn({rows, classes}),
         at::randint(classes, {rows}, at::kLong));
}
BENCHMARK(multiclass_confusion)->ArgsProduct({{32, 100000}, {10}, {0, 1, 2, 3}});

void binary_accuracy(benchmark::State& state) {
  const int64_t rows = state.range(0);
  update(state, metrics::BinaryAccuracy(), at::rand({rows}), at::randint(2, {rows}, at::kLong));
}
BENCHMARK(binary_accuracy)->ArgsProduct({{32, 100000}, {1}, {0, 1, 2, 3}});

void multilabel_accuracy(benchmark::State& state) {
  const int64_t rows = state.range(0), labels = state.range(1);
  update(state, metrics::MultilabelAccuracy({.num_labels = labels}), at::rand({rows, labels}),
         at::randint(2, {rows, labels}, at::kLong));
}
BENCHMARK(multilabel_accuracy)->ArgsProduct({{8192}, {128}, {0, 1, 2, 3}});

void mean_squared_error(benchmark::State& state) {
  const int64_t rows = state.range(0);
  update(state, metrics::MeanSquaredError(), at::randn({rows}), at::randn({rows}));
}
BENCHMARK(mean_squared_error)->ArgsProduct({{32, 1000000}, {1}, {0, 1, 2, 3}});

// Compute of all scores.
void binary_auroc(benchmark::State& state) {
  at::set_num_threads(1);
  const int64_t rows = state.range(0);
  metrics::BinaryAUROC metric({}, {.compute_with_cache = false});
  metric.update(at::rand({rows}), at::randint(2, {rows}, at::kLong), rows_of(rows, state.range(2)));
  for (auto _ : state) benchmark::DoNotOptimize(metric.compute());
}
BENCHMARK(binary_auroc)->ArgsProduct({{1000000}, {1}, {0, 1, 2, 3}})->Unit(benchmark::kMillisecond);

}  // namespace
