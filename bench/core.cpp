// What the base class costs: growing states, and the way from a call to a metric's own arithmetic.
#include <metrics/aggregation/aggregation.h>
#include <metrics/core/define.h>

#include <ATen/Parallel.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros.h>

#include <benchmark/benchmark.h>

namespace {

using at::Tensor;
using metrics::Reduction;
using metrics::States;
using namespace std::string_view_literals;

constexpr int64_t batches = 10000;
constexpr int64_t rows = 32;

/// The four counters of a family in one tensor, counted by a plain loop: what is left is the base class's share.
template <bool commits>
struct CountersDefinition {
  static constexpr std::string_view name = "Counters";
  using Options = metrics::NoOptions;
  static constexpr std::array inputs{"preds"sv, "target"sv};
  static constexpr metrics::MetricTraits traits{.commits_last = commits};

  static void declare(States& states, const Options&) {
    states.add({"tp", "fp", "tn", "fn"}, Reduction::Sum, at::zeros({4}, at::kLong));
  }
  static void update(States& states, const Options&, const Tensor& preds, const Tensor& target) {
    const auto* p = preds.const_data_ptr<int64_t>();
    const auto* t = target.const_data_ptr<int64_t>();
    std::array<int64_t, 4> counted{};
    for (int64_t i = 0; i < preds.numel(); ++i) ++counted[static_cast<std::size_t>(2 * p[i] + t[i])];
    int64_t* counts = states.at(0).counts();
    for (std::size_t i = 0; i < counted.size(); ++i) counts[i] += counted[i];
  }
  static Tensor finalise(const States& states, const Options&) { return states.at(0).tensor(); }
};
using Counters = metrics::MetricOf<CountersDefinition<true>>;
using CarelessCounters = metrics::MetricOf<CountersDefinition<false>>;

Tensor labels() {
  return at::randint(2, {rows}, at::kLong);
}

template <class M>
void typed_update(benchmark::State& run) {
  M metric;
  const Tensor preds = labels(), target = labels();
  for (auto _ : run) metric.update(preds, target);
}
BENCHMARK(typed_update<Counters>)->Name("update/typed/counters");
BENCHMARK(typed_update<CarelessCounters>)->Name("update/typed/counters_with_rollback");

void dynamic_update(benchmark::State& run) {
  Counters counters;
  metrics::Metric& metric = counters;
  const metrics::Args args{labels(), labels()};
  for (auto _ : run) metric.update(args);
}
BENCHMARK(dynamic_update)->Name("update/dynamic/counters");

void dynamic_update_by_name(benchmark::State& run) {
  Counters counters;
  metrics::Metric& metric = counters;
  const metrics::Kwargs kwargs{{"preds", labels()}, {"target", labels()}};
  for (auto _ : run) metric.update({}, kwargs);
}
BENCHMARK(dynamic_update_by_name)->Name("update/dynamic_by_name/counters");

void forward(benchmark::State& run) {
  Counters metric;
  const Tensor preds = labels(), target = labels();
  for (auto _ : run) benchmark::DoNotOptimize(metric.forward(preds, target));
}
BENCHMARK(forward)->Name("forward/counters");

void functional(benchmark::State& run) {
  const Tensor preds = labels(), target = labels();
  for (auto _ : run) benchmark::DoNotOptimize(metrics::compute_once<CountersDefinition<true>>({}, preds, target));
}
BENCHMARK(functional)->Name("functional/counters");

void cached_compute(benchmark::State& run) {
  Counters metric;
  metric.update(labels(), labels());
  for (auto _ : run) benchmark::DoNotOptimize(metric.compute());
}
BENCHMARK(cached_compute)->Name("compute/cached");

template <class M>
void aggregate(benchmark::State& run) {
  M metric;
  const Tensor value = run.range(0) == 0 ? at::scalar_tensor(0.5) : at::randn({run.range(0)});
  for (auto _ : run) metric.update(value);
}
BENCHMARK(aggregate<metrics::SumMetric>)->Name("update/SumMetric")->Arg(0)->Arg(32)->Arg(100000);
BENCHMARK(aggregate<metrics::MeanMetric>)->Name("update/MeanMetric")->Arg(0)->Arg(32)->Arg(100000);
BENCHMARK(aggregate<metrics::MaxMetric>)->Name("update/MaxMetric")->Arg(0)->Arg(32)->Arg(100000);

void sum_of_number(benchmark::State& run) {
  metrics::SumMetric metric;
  for (auto _ : run) metric.update(0.5);
}
BENCHMARK(sum_of_number)->Name("update/SumMetric/number");

Tensor batch_of(int64_t columns) {
  return columns == 1 ? at::randn({rows}) : at::randn({rows, columns});
}

void cat_state(benchmark::State& run) {
  const Tensor batch = batch_of(run.range(0));
  for (auto _ : run) {
    States states;
    states.add("rows", Reduction::Cat);
    for (int64_t i = 0; i < batches; ++i) states.at(0).append(batch);
    benchmark::DoNotOptimize(states.at(0).tensor().const_data_ptr());
  }
}
BENCHMARK(cat_state)->Name("append/cat_state")->Arg(1)->Arg(10)->Unit(benchmark::kMillisecond);

void list_of_clones(benchmark::State& run) {
  const Tensor batch = batch_of(run.range(0));
  for (auto _ : run) {
    std::vector<Tensor> list;
    for (int64_t i = 0; i < batches; ++i) list.push_back(batch.clone());
    benchmark::DoNotOptimize(at::cat(list).const_data_ptr());
  }
}
BENCHMARK(list_of_clones)->Name("append/list_of_clones")->Arg(1)->Arg(10)->Unit(benchmark::kMillisecond);

}  // namespace
