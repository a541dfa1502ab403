// Aggregators, beside what reading the values once costs: a plain sum in double.

#include <metrics/aggregation/aggregation.h>

#include <ATen/ops/randn.h>
#include <ATen/ops/sum.h>

#include <benchmark/benchmark.h>

namespace {

template <class M>
void update(benchmark::State& state) {
  const at::Tensor values = at::randn({state.range(0)});
  M metric({.nan_strategy = metrics::aggregation::NanStrategy::Warn});
  for (auto _ : state) metric.update(values);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void plain_sum_in_double(benchmark::State& state) {
  const at::Tensor values = at::randn({state.range(0)});
  for (auto _ : state) benchmark::DoNotOptimize(values.sum(at::kDouble));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->Arg(32)->Arg(8192)->Arg(100000);
}

BENCHMARK(update<metrics::SumMetric>)->Apply(sizes);
BENCHMARK(update<metrics::MeanMetric>)->Apply(sizes);
BENCHMARK(update<metrics::MaxMetric>)->Apply(sizes);
BENCHMARK(update<metrics::MinMetric>)->Apply(sizes);
BENCHMARK(plain_sum_in_double)->Apply(sizes);

}  // namespace
