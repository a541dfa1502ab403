// Updates beside copying what they keep, and computes beside one sort of the documents of each query.

#include <metrics/retrieval/auroc.h>
#include <metrics/retrieval/average_precision.h>
#include <metrics/retrieval/fall_out.h>
#include <metrics/retrieval/hit_rate.h>
#include <metrics/retrieval/ndcg.h>
#include <metrics/retrieval/precision.h>
#include <metrics/retrieval/precision_recall_curve.h>
#include <metrics/retrieval/r_precision.h>
#include <metrics/retrieval/recall.h>
#include <metrics/retrieval/reciprocal_rank.h>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/sort.h>

#include <benchmark/benchmark.h>

namespace {

constexpr int64_t of_query = 100;

struct Documents {
  explicit Documents(int64_t count)
      : preds(at::rand({count})),
        target(at::randint(2, {count}, at::kLong)),
        indexes(at::randint(count / of_query, {count}, at::kLong)) {}

  at::Tensor preds, target, indexes;
};

// What an update keeps, in the form that it is kept in: the mark is 1.5 times this.
void copy_of_what_is_kept(benchmark::State& state) {
  at::set_num_threads(1);
  const Documents documents(state.range(0));
  const at::Tensor narrow = documents.indexes.to(at::kInt), bytes = documents.target.to(at::kByte);
  at::Tensor preds = at::empty_like(documents.preds), indexes = at::empty_like(narrow), target = at::empty_like(bytes);
  for (auto _ : state) {
    preds.copy_(documents.preds);
    indexes.copy_(narrow);
    target.copy_(bytes);
  }
}

// What an update reads at least: int64 indexes and targets, which become what is kept.
void conversion_of_what_is_given(benchmark::State& state) {
  at::set_num_threads(1);
  const Documents documents(state.range(0));
  at::Tensor preds = at::empty_like(documents.preds), indexes = at::empty_like(documents.indexes, at::kInt);
  at::Tensor target = at::empty_like(documents.target, at::kByte);
  for (auto _ : state) {
    preds.copy_(documents.preds);
    indexes.copy_(documents.indexes);
    target.copy_(documents.target);
  }
}

// The documents of each query already beside each other: the mark is 4 times this.
void sort_of_each_query(benchmark::State& state) {
  at::set_num_threads(1);
  const at::Tensor scores = at::rand({state.range(0) / of_query, of_query});
  for (auto _ : state) benchmark::DoNotOptimize(at::sort(scores, /*dim=*/1, /*descending=*/true));
}

template <class Metric>
void update(benchmark::State& state) {
  at::set_num_threads(1);
  const Documents documents(state.range(0));
  Metric metric;
  for (auto _ : state) {
    metric.reset();
    metric.update(documents.preds, documents.target, documents.indexes);
  }
}

template <class Metric>
void compute(benchmark::State& state) {
  at::set_num_threads(static_cast<int>(state.range(1)));
  const Documents documents(state.range(0));
  Metric metric({}, {.compute_with_cache = false});
  metric.update(documents.preds, documents.target, documents.indexes);
  for (auto _ : state) benchmark::DoNotOptimize(metric.compute());
}

// A query weighs as much as any other: what it costs to look.
void compute_weighted(benchmark::State& state) {
  at::set_num_threads(1);
  const Documents documents(state.range(0));
  metrics::RetrievalMAP metric({}, {.compute_with_cache = false});
  metric.update(documents.preds, documents.target, documents.indexes,
                metrics::Rows{.weights = at::ones_like(documents.preds)});
  for (auto _ : state) benchmark::DoNotOptimize(metric.compute());
}

constexpr int64_t kMillion = 1000000;

BENCHMARK(copy_of_what_is_kept)->Arg(kMillion)->Unit(benchmark::kMillisecond);
BENCHMARK(conversion_of_what_is_given)->Arg(kMillion)->Unit(benchmark::kMillisecond);
BENCHMARK(sort_of_each_query)->Arg(kMillion)->Unit(benchmark::kMillisecond);
BENCHMARK(update<metrics::RetrievalMAP>)->Arg(kMillion)->Unit(benchmark::kMillisecond);
BENCHMARK(update<metrics::RetrievalNormalizedDCG>)->Arg(kMillion)->Unit(benchmark::kMillisecond);
BENCHMARK(compute<metrics::RetrievalAUROC>)->Args({kMillion, 1})->Unit(benchmark::kMillisecond);
BENCHMARK(compute<metrics::RetrievalFallOut>)->Args({kMillion, 1})->Unit(benchmark::kMillisecond);
BENCHMARK(compute<metrics::RetrievalHitRate>)->Args({kMillion, 1})->Unit(benchmark::kMillisecond);
BENCHMARK(compute<metrics::RetrievalMAP>)->ArgsProduct({{kMillion}, {1, 2}})->Unit(benchmark::kMillisecond);
BENCHMARK(compute<metrics::RetrievalMRR>)->Args({kMillion, 1})->Unit(benchmark::kMillisecond);
BENCHMARK(compute<metrics::RetrievalNormalizedDCG>)->ArgsProduct({{kMillion}, {1, 2}})->Unit(benchmark::kMillisecond);
BENCHMARK(compute<metrics::RetrievalPrecision>)->Args({kMillion, 1})->Unit(benchmark::kMillisecond);
BENCHMARK(compute<metrics::RetrievalPrecisionRecallCurve>)->Args({kMillion, 1})->Unit(benchmark::kMillisecond);
BENCHMARK(compute<metrics::RetrievalRPrecision>)->Args({kMillion, 1})->Unit(benchmark::kMillisecond);
BENCHMARK(compute<metrics::RetrievalRecall>)->Args({kMillion, 1})->Unit(benchmark::kMillisecond);
BENCHMARK(compute<metrics::RetrievalRecallAtFixedPrecision>)->Args({kMillion, 1})->Unit(benchmark::kMillisecond);
BENCHMARK(compute_weighted)->Arg(kMillion)->Unit(benchmark::kMillisecond);

}  // namespace
