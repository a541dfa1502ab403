// Updates beside what reading both inputs costs.

#include <metrics/regression/mae.h>
#include <metrics/regression/mape.h>
#include <metrics/regression/minkowski.h>
#include <metrics/regression/mse.h>
#include <metrics/regression/pearson.h>
#include <metrics/regression/r2.h>

#include <ATen/Parallel.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/sum.h>

#include <benchmark/benchmark.h>

namespace {

// What an update reads, read twice by LibTorch's own sum: the mark is 1.5 times this.
void sum_of_both(benchmark::State& state) {
  at::set_num_threads(static_cast<int>(state.range(1)));
  const at::Tensor preds = at::rand({state.range(0)});
  const at::Tensor target = at::rand({state.range(0)});
  for (auto _ : state) {
    benchmark::DoNotOptimize(at::sum(preds));
    benchmark::DoNotOptimize(at::sum(target));
  }
}

template <class Metric>
void update(benchmark::State& state) {
  at::set_num_threads(static_cast<int>(state.range(1)));
  const at::Tensor preds = at::rand({state.range(0)});
  const at::Tensor target = at::rand({state.range(0)});
  Metric metric;
  for (auto _ : state) metric.update(preds, target);
}

// By products for a small whole exponent, in hundredths, else by powers.
void update_minkowski(benchmark::State& state) {
  at::set_num_threads(1);
  const at::Tensor preds = at::rand({state.range(0)});
  const at::Tensor target = at::rand({state.range(0)});
  metrics::MinkowskiDistance metric({.p = static_cast<double>(state.range(1)) / 100});
  for (auto _ : state) metric.update(preds, target);
}

// Many columns: a lane is a column.
template <class Metric>
void update_columns(benchmark::State& state) {
  at::set_num_threads(1);
  const at::Tensor preds = at::rand({state.range(0), state.range(1)});
  const at::Tensor target = at::rand({state.range(0), state.range(1)});
  Metric metric({.num_outputs = state.range(1)});
  for (auto _ : state) metric.update(preds, target);
}

template <class Metric>
void update_halves(benchmark::State& state) {
  at::set_num_threads(1);
  const at::Tensor preds = at::rand({state.range(0)}).to(at::kHalf);
  const at::Tensor target = at::rand({state.range(0)}).to(at::kHalf);
  Metric metric;
  for (auto _ : state) metric.update(preds, target);
}

template <class Metric>
void forward(benchmark::State& state) {
  at::set_num_threads(1);
  const at::Tensor preds = at::rand({state.range(0)});
  const at::Tensor target = at::rand({state.range(0)});
  Metric metric;
  for (auto _ : state) benchmark::DoNotOptimize(metric.forward(preds, target));
}

void sizes(benchmark::internal::Benchmark* bench) {
  for (const int64_t threads : {1, 2}) {
    for (const int64_t rows : {32, 8192, 100000, 1000000}) bench->Args({rows, threads});
  }
}

BENCHMARK(sum_of_both)->Apply(sizes)->UseRealTime();
BENCHMARK(update<metrics::MeanSquaredError>)->Apply(sizes)->UseRealTime();
BENCHMARK(update<metrics::MeanAbsoluteError>)->Apply(sizes)->UseRealTime();
BENCHMARK(update<metrics::MeanAbsolutePercentageError>)->Apply(sizes)->UseRealTime();
BENCHMARK(update_minkowski)->Args({1000000, 300})->Args({1000000, 270});
BENCHMARK(update<metrics::R2Score>)->Apply(sizes)->UseRealTime();
BENCHMARK(update<metrics::PearsonCorrCoef>)->Apply(sizes)->UseRealTime();
BENCHMARK(update_columns<metrics::MeanSquaredError>)->Args({100000, 10})->Args({1000, 1000});
BENCHMARK(update_columns<metrics::PearsonCorrCoef>)->Args({100000, 10})->Args({1000, 1000});
BENCHMARK(update_halves<metrics::MeanSquaredError>)->Arg(1000000);
BENCHMARK(update_halves<metrics::PearsonCorrCoef>)->Arg(1000000);
BENCHMARK(forward<metrics::MeanSquaredError>)->Arg(32);
BENCHMARK(forward<metrics::PearsonCorrCoef>)->Arg(32);

}  // namespace
