// Updates beside what reading both inputs costs.

#include <metrics/regression/concordance.h>
#include <metrics/regression/cosine_similarity.h>
#include <metrics/regression/explained_variance.h>
#include <metrics/regression/js_divergence.h>
#include <metrics/regression/kendall.h>
#include <metrics/regression/kl_divergence.h>
#include <metrics/regression/log_cosh.h>
#include <metrics/regression/log_mse.h>
#include <metrics/regression/mae.h>
#include <metrics/regression/mape.h>
#include <metrics/regression/minkowski.h>
#include <metrics/regression/mse.h>
#include <metrics/regression/nrmse.h>
#include <metrics/regression/pearson.h>
#include <metrics/regression/r2.h>
#include <metrics/regression/rse.h>
#include <metrics/regression/spearman.h>
#include <metrics/regression/symmetric_mape.h>
#include <metrics/regression/tweedie_deviance.h>
#include <metrics/regression/wmape.h>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/log.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/sum.h>

#include <benchmark/benchmark.h>

#include <array>

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

// What a logarithm, an exponential or a power of one input costs in LibTorch: the mark of those made of them is 1.5
// times this.
void exponential(benchmark::State& state) {
  at::set_num_threads(1);
  const at::Tensor preds = at::rand({state.range(0)});
  for (auto _ : state) benchmark::DoNotOptimize(at::exp(preds));
}
void logarithm(benchmark::State& state) {
  at::set_num_threads(1);
  const at::Tensor preds = at::rand({state.range(0)});
  for (auto _ : state) benchmark::DoNotOptimize(at::log(preds));
}
void power(benchmark::State& state) {
  at::set_num_threads(1);
  const at::Tensor preds = at::rand({state.range(0)});
  for (auto _ : state) benchmark::DoNotOptimize(at::pow(preds, 1.7));
}

// By arithmetic for some powers, in hundredths, else by powers.
void update_tweedie(benchmark::State& state) {
  at::set_num_threads(1);
  const at::Tensor preds = at::rand({state.range(0)}) + 0.5;
  const at::Tensor target = at::rand({state.range(0)}) + 0.5;
  metrics::TweedieDevianceScore metric({.power = static_cast<double>(state.range(1)) / 100});
  for (auto _ : state) metric.update(preds, target);
}

template <class Metric>
void update_rows(benchmark::State& state) {
  at::set_num_threads(1);
  const at::Tensor preds = at::rand({state.range(0), state.range(1)});
  const at::Tensor target = at::rand({state.range(0), state.range(1)});
  Metric metric;
  for (auto _ : state) metric.update(preds, target);
}

// Of random numbers, which hardly tie.
template <class Metric>
void compute_ranks(benchmark::State& state) {
  at::set_num_threads(static_cast<int>(state.range(1)));
  const at::Tensor preds = at::rand({state.range(0)});
  const at::Tensor target = preds + at::rand({state.range(0)});
  Metric metric({}, {.compute_with_cache = false});
  metric.update(preds, target);
  for (auto _ : state) benchmark::DoNotOptimize(metric.compute());
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

// Float32, float64, bfloat16 and float16 inputs, in the order of their number.
constexpr std::array dtypes{at::kFloat, at::kDouble, at::kBFloat16, at::kHalf};
at::Tensor numbers(benchmark::State& state) {
  at::set_num_threads(1);
  return at::rand({state.range(0)}).to(dtypes.at(static_cast<std::size_t>(state.range(1))));
}

void sum_of_both_of(benchmark::State& state) {
  const at::Tensor preds = numbers(state), target = numbers(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(at::sum(preds));
    benchmark::DoNotOptimize(at::sum(target));
  }
}

template <class Metric>
void update_of(benchmark::State& state) {
  const at::Tensor preds = numbers(state), target = numbers(state);
  Metric metric;
  for (auto _ : state) metric.update(preds, target);
}

// Rows that weigh: 1 integers, 2 float32, 3 float64.
at::Tensor weights(benchmark::State& state) {
  at::set_num_threads(1);
  if (state.range(1) == 1) return at::randint(1, 5, {state.range(0)}, at::kLong);
  return at::rand({state.range(0)}, state.range(1) == 2 ? at::kFloat : at::kDouble) + 0.1;
}

void sum_of_three(benchmark::State& state) {
  const at::Tensor of_rows = weights(state), preds = at::rand({state.range(0)}), target = at::rand({state.range(0)});
  for (auto _ : state) {
    benchmark::DoNotOptimize(at::sum(preds));
    benchmark::DoNotOptimize(at::sum(target));
    benchmark::DoNotOptimize(at::sum(of_rows));
  }
}

template <class Metric>
void update_weighted(benchmark::State& state) {
  const metrics::Rows rows{.weights = weights(state)};
  const at::Tensor preds = at::rand({state.range(0)}), target = at::rand({state.range(0)});
  Metric metric;
  for (auto _ : state) metric.update(preds, target, rows);
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
BENCHMARK(update<metrics::SymmetricMeanAbsolutePercentageError>)->Apply(sizes)->UseRealTime();
BENCHMARK(update<metrics::WeightedMeanAbsolutePercentageError>)->Apply(sizes)->UseRealTime();
BENCHMARK(update<metrics::RelativeSquaredError>)->Apply(sizes)->UseRealTime();
BENCHMARK(update<metrics::ExplainedVariance>)->Apply(sizes)->UseRealTime();
BENCHMARK(update<metrics::ConcordanceCorrCoef>)->Apply(sizes)->UseRealTime();
BENCHMARK(update<metrics::NormalizedRootMeanSquaredError>)->Apply(sizes)->UseRealTime();
BENCHMARK(exponential)->Arg(1000000);
BENCHMARK(logarithm)->Arg(1000000);
BENCHMARK(power)->Arg(1000000);
BENCHMARK(update<metrics::LogCoshError>)->Args({1000000, 1});
BENCHMARK(update<metrics::MeanSquaredLogError>)->Args({1000000, 1});
BENCHMARK(update_tweedie)->Args({1000000, 100})->Args({1000000, 150})->Args({1000000, 170})->Args({1000000, 200});
BENCHMARK(update_rows<metrics::KLDivergence>)->Args({100000, 10})->Args({1000, 1000});
BENCHMARK(update_rows<metrics::JensenShannonDivergence>)->Args({100000, 10})->Args({1000, 1000});
BENCHMARK(update_rows<metrics::CosineSimilarity>)->Args({100000, 10})->Args({1000, 1000});
BENCHMARK(compute_ranks<metrics::SpearmanCorrCoef>)->Args({1000000, 1})->Args({1000000, 2})->UseRealTime();
BENCHMARK(compute_ranks<metrics::KendallRankCorrCoef>)->Args({10000, 1})->Args({100000, 1})->UseRealTime();
BENCHMARK(update_columns<metrics::MeanSquaredError>)->Args({100000, 10})->Args({1000, 1000});
BENCHMARK(update_columns<metrics::PearsonCorrCoef>)->Args({100000, 10})->Args({1000, 1000});
BENCHMARK(sum_of_both_of)->ArgsProduct({{1000000}, {0, 1, 2, 3}});
BENCHMARK(update_of<metrics::MeanSquaredError>)->ArgsProduct({{1000000}, {0, 1, 2, 3}});
BENCHMARK(update_of<metrics::SymmetricMeanAbsolutePercentageError>)->ArgsProduct({{1000000}, {0, 1, 2, 3}});
BENCHMARK(update_of<metrics::R2Score>)->ArgsProduct({{1000000}, {0, 1, 2, 3}});
BENCHMARK(update_of<metrics::ExplainedVariance>)->ArgsProduct({{1000000}, {0, 1, 2, 3}});
BENCHMARK(update_of<metrics::PearsonCorrCoef>)->ArgsProduct({{1000000}, {0, 1, 2, 3}});
BENCHMARK(sum_of_three)->ArgsProduct({{1000000}, {1, 2, 3}});
BENCHMARK(update_weighted<metrics::MeanSquaredError>)->ArgsProduct({{32, 1000000}, {1, 2, 3}});
BENCHMARK(update_weighted<metrics::MeanAbsoluteError>)->ArgsProduct({{32, 1000000}, {1, 2, 3}});
BENCHMARK(update_weighted<metrics::R2Score>)->ArgsProduct({{32, 1000000}, {1, 2, 3}});
BENCHMARK(update_weighted<metrics::ExplainedVariance>)->ArgsProduct({{32, 1000000}, {1, 2, 3}});
BENCHMARK(update_weighted<metrics::PearsonCorrCoef>)->ArgsProduct({{32, 1000000}, {1, 2, 3}});
BENCHMARK(forward<metrics::MeanSquaredError>)->Arg(32);
BENCHMARK(forward<metrics::PearsonCorrCoef>)->Arg(32);

}  // namespace
