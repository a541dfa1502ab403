// cmc, precision and map of embeddings beside distances and top-k in blocks, in the same threads, and quantiles of all
// distances.

#include <metrics/retrieval/embedding_metrics.h>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cdist.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/topk.h>

#include <benchmark/benchmark.h>

#include <algorithm>

namespace {

constexpr int64_t of_embedding = 128, samples_of_label = 20;

/// Queries, then the gallery; those of a label are somewhat nearer to each other than to others.
struct Embeddings {
  Embeddings(int64_t queries, int64_t gallery)
      : labels(at::randint((queries + gallery) / samples_of_label, {queries + gallery}, at::kLong)),
        numbers(at::randn({queries + gallery, of_embedding}) +
                0.5 * at::randn({(queries + gallery) / samples_of_label, of_embedding}).index_select(0, labels)),
        is_query(at::arange(queries + gallery) < queries) {}

  at::Tensor labels, numbers, is_query;
};

void embedding_metrics(benchmark::State& state, metrics::EmbeddingMetricsOptions options) {
  at::set_num_threads(static_cast<int>(state.range(2)));
  const Embeddings given(state.range(0), state.range(1));
  options.pcf_variance = {};
  metrics::EmbeddingMetrics metric(options, {.compute_with_cache = false});
  metric.update(given.numbers, given.labels, given.is_query, given.is_query.logical_not());
  for (auto _ : state) benchmark::DoNotOptimize(metric.compute());
}

void nearest(benchmark::State& state) {
  embedding_metrics(state, {});
}
void quantile(benchmark::State& state) {
  embedding_metrics(state, {.cmc_top_k = {}, .precision_top_k = {}, .map_top_k = {}, .fmr_vals = {0.01}});
}

// What `nearest` is measured by.
void cdist_and_topk(benchmark::State& state) {
  at::set_num_threads(static_cast<int>(state.range(2)));
  const int64_t queries = state.range(0), together = 256;
  const Embeddings given(queries, state.range(1));
  const at::Tensor gallery = given.numbers.slice(0, queries);
  for (auto _ : state) {
    for (int64_t begin = 0; begin < queries; begin += together) {
      const at::Tensor block = given.numbers.slice(0, begin, std::min(queries, begin + together));
      benchmark::DoNotOptimize(at::topk(at::cdist(block, gallery), 5, 1, /*largest=*/false));
    }
  }
}

void update(benchmark::State& state) {
  at::set_num_threads(1);
  const Embeddings given(1000, 9000);
  metrics::EmbeddingMetrics metric;
  for (auto _ : state) {
    metric.reset();
    metric.update(given.numbers, given.labels, given.is_query, given.is_query.logical_not());
  }
}

BENCHMARK(nearest)->ArgsProduct({{2000}, {20000}, {1, 2}})->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(cdist_and_topk)->ArgsProduct({{2000}, {20000}, {1, 2}})->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(quantile)->ArgsProduct({{2000}, {20000}, {1, 2}})->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(nearest)->Args({20000, 100000, 2})->Unit(benchmark::kSecond)->UseRealTime()->Iterations(1);
BENCHMARK(cdist_and_topk)->Args({20000, 100000, 2})->Unit(benchmark::kSecond)->UseRealTime()->Iterations(1);
BENCHMARK(quantile)->Args({20000, 100000, 2})->Unit(benchmark::kSecond)->UseRealTime()->Iterations(1);
BENCHMARK(update)->Unit(benchmark::kMillisecond);

}  // namespace
