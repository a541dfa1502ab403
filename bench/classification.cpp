#include "classification/counts/counting.h"
#include <metrics/classification/accuracy.h>
#include <metrics/classification/confusion_matrix.h>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/ops/max.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>

#include <benchmark/benchmark.h>

// Counting beside reading the scores alone, and beside its plain-tensor version. The last argument is the number of
// threads.

namespace {

using at::Tensor;
using namespace metrics::classification::counts;

struct Batch {
  Tensor preds, target;
};

Batch classes(int64_t rows, int64_t count, at::ScalarType dtype = at::kFloat) {
  at::manual_seed(0);
  return {at::randn({rows, count}).to(dtype), at::randint(count, {rows}, at::kLong)};
}

Batch questions(int64_t rows, int64_t labels) {
  at::manual_seed(0);
  return {at::rand({rows, labels}), at::randint(2, {rows, labels}, at::kLong)};
}

void use_threads(const benchmark::State& state, int argument) {
  at::set_num_threads(static_cast<int>(state.range(argument)));
}

void count_bytes(benchmark::State& state, const Batch& batch) {
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(batch.preds.nbytes()));
}

void reading_alone(benchmark::State& state) {
  const Batch batch = classes(state.range(0), state.range(1));
  use_threads(state, 2);
  for (auto _ : state) benchmark::DoNotOptimize(at::max(batch.preds));
  count_bytes(state, batch);
}
BENCHMARK(reading_alone)->Args({8192, 1000, 1})->Unit(benchmark::kMicrosecond);

void multiclass_accuracy_update(benchmark::State& state) {
  const Batch batch = classes(state.range(0), state.range(1));
  use_threads(state, 2);
  metrics::MulticlassAccuracy accuracy({.num_classes = state.range(1)});
  for (auto _ : state) accuracy.update(batch.preds, batch.target);
  count_bytes(state, batch);
}
BENCHMARK(multiclass_accuracy_update)->Args({32, 10, 1})->Args({8192, 1000, 1})->Args({8192, 1000, 2});

void multiclass_accuracy_top5_update(benchmark::State& state) {
  const Batch batch = classes(state.range(0), state.range(1));
  use_threads(state, 2);
  metrics::MulticlassAccuracy accuracy({.num_classes = state.range(1), .top_k = 5});
  for (auto _ : state) accuracy.update(batch.preds, batch.target);
  count_bytes(state, batch);
}
BENCHMARK(multiclass_accuracy_top5_update)->Args({8192, 1000, 1})->Args({8192, 1000, 2});

void multiclass_confusion_matrix_update(benchmark::State& state) {
  const Batch batch = classes(state.range(0), state.range(1));
  use_threads(state, 2);
  metrics::MulticlassConfusionMatrix confusion({.num_classes = state.range(1)});
  for (auto _ : state) confusion.update(batch.preds, batch.target);
  count_bytes(state, batch);
}
BENCHMARK(multiclass_confusion_matrix_update)->Args({8192, 1000, 1})->Args({8192, 1000, 2});

void binary_accuracy_update(benchmark::State& state) {
  const Batch batch = questions(state.range(0), 1);
  use_threads(state, 1);
  metrics::BinaryAccuracy accuracy;
  for (auto _ : state) accuracy.update(batch.preds, batch.target);
  count_bytes(state, batch);
}
BENCHMARK(binary_accuracy_update)->Args({32, 1})->Args({1 << 20, 1})->Args({1 << 20, 2});

void multilabel_accuracy_update(benchmark::State& state) {
  const Batch batch = questions(state.range(0), state.range(1));
  use_threads(state, 2);
  metrics::MultilabelAccuracy accuracy({.num_labels = state.range(1)});
  for (auto _ : state) accuracy.update(batch.preds, batch.target);
  count_bytes(state, batch);
}
BENCHMARK(multilabel_accuracy_update)->Args({1 << 17, 8, 1})->Args({8192, 128, 1})->Args({8192, 128, 2});

using CountClasses = void (*)(Tensor&, const Tensor&, const Tensor&, const ClassRule&);

void class_counts(benchmark::State& state, CountClasses count, at::ScalarType dtype) {
  const Batch batch = classes(state.range(0), state.range(1), dtype);
  use_threads(state, 2);
  Tensor counts = at::zeros({4, state.range(1)}, at::kLong);
  const ClassRule rule{.num_classes = state.range(1), .top_k = state.range(3)};
  for (auto _ : state) count(counts, batch.preds, batch.target, rule);
  count_bytes(state, batch);
}
BENCHMARK_CAPTURE(class_counts, kernel, add_class_counts, at::kFloat)->Args({32, 10, 1, 1})->Args({8192, 1000, 1, 1});
BENCHMARK_CAPTURE(class_counts, plain, plain::add_class_counts, at::kFloat)
    ->Args({32, 10, 1, 1})
    ->Args({8192, 1000, 1, 1})
    ->Args({8192, 1000, 1, 5});
BENCHMARK_CAPTURE(class_counts, kernel_double, add_class_counts, at::kDouble)->Args({8192, 1000, 1, 1});
BENCHMARK_CAPTURE(class_counts, kernel_bfloat16, add_class_counts, at::kBFloat16)->Args({8192, 1000, 1, 1});
BENCHMARK_CAPTURE(class_counts, kernel_half, add_class_counts, at::kHalf)->Args({8192, 1000, 1, 1});

// Scores of pixels, the class dimension in front of them: [8, 21, 256, 256].
void pixel_counts(benchmark::State& state, CountClasses count) {
  at::manual_seed(0);
  const Batch batch{at::randn({8, 21, 256, 256}), at::randint(21, {8, 256, 256}, at::kLong)};
  use_threads(state, 0);
  Tensor counts = at::zeros({4, 21}, at::kLong);
  for (auto _ : state) count(counts, batch.preds, batch.target, {.num_classes = 21});
  count_bytes(state, batch);
}
BENCHMARK_CAPTURE(pixel_counts, kernel, add_class_counts)->Args({1})->Args({2});
BENCHMARK_CAPTURE(pixel_counts, plain, plain::add_class_counts)->Args({1});

// Rows of few classes beside `at::sum` of what is read: bytes a second are those of scores and targets, in both.
void count_all_bytes(benchmark::State& state, const Batch& batch) {
  const auto bytes = static_cast<int64_t>(batch.preds.nbytes() + batch.target.nbytes());
  state.SetBytesProcessed(state.iterations() * bytes);
}

void short_rows(benchmark::State& state, CountClasses count, at::ScalarType dtype, at::ScalarType labels) {
  Batch batch = classes(state.range(0), state.range(1), dtype);
  batch.target = batch.target.to(labels);
  at::set_num_threads(1);
  Tensor counts = at::zeros({4, state.range(1)}, at::kLong);
  for (auto _ : state) count(counts, batch.preds, batch.target, {.num_classes = state.range(1)});
  count_all_bytes(state, batch);
}

void sum_both(benchmark::State& state, const Batch& batch) {
  at::set_num_threads(1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(at::sum(batch.preds));
    benchmark::DoNotOptimize(at::sum(batch.target));
  }
  count_all_bytes(state, batch);
}

void summing_short_rows(benchmark::State& state, at::ScalarType dtype) {
  sum_both(state, classes(state.range(0), state.range(1), dtype));
}

void each_short_row(benchmark::internal::Benchmark* benchmark) {
  for (const int64_t count : {2, 3, 5, 10, 20, 50, 100}) benchmark->Args({100000, count});
  for (const int64_t rows : {4000000, 10000000}) benchmark->Args({rows, 10})->Unit(benchmark::kMicrosecond);
}
BENCHMARK_CAPTURE(summing_short_rows, float, at::kFloat)->Apply(each_short_row);
BENCHMARK_CAPTURE(summing_short_rows, double, at::kDouble)->Args({100000, 10})->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(summing_short_rows, bfloat16, at::kBFloat16)->Args({100000, 10})->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(summing_short_rows, half, at::kHalf)->Args({100000, 10})->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(short_rows, kernel, add_class_counts, at::kFloat, at::kLong)->Apply(each_short_row);
BENCHMARK_CAPTURE(short_rows, kernel_double, add_class_counts, at::kDouble, at::kLong)->Args({100000, 10});
BENCHMARK_CAPTURE(short_rows, kernel_bfloat16, add_class_counts, at::kBFloat16, at::kLong)->Args({100000, 10});
BENCHMARK_CAPTURE(short_rows, kernel_half, add_class_counts, at::kHalf, at::kLong)->Args({100000, 10});
BENCHMARK_CAPTURE(short_rows, kernel_int32_labels, add_class_counts, at::kFloat, at::kInt)->Args({100000, 10});
BENCHMARK_CAPTURE(short_rows, kernel_uint8_labels, add_class_counts, at::kFloat, at::kByte)->Args({100000, 10});
BENCHMARK_CAPTURE(short_rows, plain, plain::add_class_counts, at::kFloat, at::kLong)->Args({100000, 10});

// Positions of a sample, whose classes lie in front of them: [100, 10, 1000].
Batch positions() {
  at::manual_seed(0);
  return {at::randn({100, 10, 1000}), at::randint(10, {100, 1000}, at::kLong)};
}

void short_columns(benchmark::State& state) {
  const Batch batch = positions();
  at::set_num_threads(1);
  Tensor counts = at::zeros({4, 10}, at::kLong);
  for (auto _ : state) add_class_counts(counts, batch.preds, batch.target, {.num_classes = 10});
  count_all_bytes(state, batch);
}
BENCHMARK(short_columns)->Unit(benchmark::kMicrosecond);

void summing_short_columns(benchmark::State& state) {
  sum_both(state, positions());
}
BENCHMARK(summing_short_columns)->Unit(benchmark::kMicrosecond);

// Pairs of labels of a segmentation: [8, 512, 1024] of 19 classes.
void label_pairs(benchmark::State& state) {
  at::manual_seed(0);
  const Batch batch{at::randint(19, {8, 512, 1024}, at::kLong), at::randint(19, {8, 512, 1024}, at::kLong)};
  at::set_num_threads(1);
  Tensor confusion = at::zeros({19, 19}, at::kLong);
  for (auto _ : state) add_class_confusion(confusion, batch.preds, batch.target, {.num_classes = 19});
  count_all_bytes(state, batch);
}
BENCHMARK(label_pairs);

using CountAnswers = ThresholdCounts (*)(const Tensor&, const Tensor&, const ThresholdRule&);

void answer_counts(benchmark::State& state, CountAnswers count) {
  const Batch batch = questions(state.range(0), 1);
  use_threads(state, 1);
  for (auto _ : state) benchmark::DoNotOptimize(count(batch.preds, batch.target, {}));
  count_bytes(state, batch);
}
BENCHMARK_CAPTURE(answer_counts, kernel, binary_counts)->Args({1 << 20, 1});
BENCHMARK_CAPTURE(answer_counts, plain, plain::binary_counts)->Args({1 << 20, 1});

// Many answers beside `at::sum` of scores and targets.
void many_answers(benchmark::State& state) {
  const Batch batch = questions(10000000, 1);
  at::set_num_threads(1);
  for (auto _ : state) benchmark::DoNotOptimize(binary_counts(batch.preds, batch.target, {}));
  count_all_bytes(state, batch);
}
BENCHMARK(many_answers)->Unit(benchmark::kMicrosecond);

void summing_many_answers(benchmark::State& state) {
  sum_both(state, questions(10000000, 1));
}
BENCHMARK(summing_many_answers)->Unit(benchmark::kMicrosecond);

// 100,000 answers of some labels, and exact matches of 100,000 samples of four classes.
void answers_of_labels(benchmark::State& state) {
  const int64_t labels = state.range(0);
  const Batch batch = questions(100000 / labels, labels);
  at::set_num_threads(1);
  for (auto _ : state) benchmark::DoNotOptimize(multilabel_counts(batch.preds, batch.target, labels, {}));
  count_all_bytes(state, batch);
}
BENCHMARK(answers_of_labels)->Arg(1)->Arg(10)->Arg(1000)->Unit(benchmark::kMicrosecond);

Batch labels_of_samples() {
  at::manual_seed(0);
  return {at::randint(10, {100000, 4}, at::kLong), at::randint(10, {100000, 4}, at::kLong)};
}

void exact_samples(benchmark::State& state) {
  const Batch batch = labels_of_samples();
  at::set_num_threads(1);
  for (auto _ : state) benchmark::DoNotOptimize(exact_class_matches(batch.preds, batch.target, {.num_classes = 10}));
  count_all_bytes(state, batch);
}
BENCHMARK(exact_samples)->Unit(benchmark::kMicrosecond);

void summing_exact_samples(benchmark::State& state) {
  sum_both(state, labels_of_samples());
}
BENCHMARK(summing_exact_samples)->Unit(benchmark::kMicrosecond);

}  // namespace
