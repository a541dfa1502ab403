// Miners on a batch of 256 embeddings of 512 numbers, 8 of each label, beside the product of the batch with itself in
// float32, which any way of comparing all pairs takes at least.

#include <metrics/training/miners.h>

#include <ATen/Parallel.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/floor_divide.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>

#include <benchmark/benchmark.h>

namespace {

using namespace metrics::training;

constexpr int64_t samples = 256, width = 512, of_label = 8;

struct Given {
  at::Tensor embeddings = at::randn({samples, width}),
             labels = at::floor_divide(at::arange(samples, at::TensorOptions(at::kLong)), of_label);
};

void product_of_batch(benchmark::State& state) {
  at::set_num_threads(1);
  const Given given;
  for (auto _ : state) benchmark::DoNotOptimize(at::mm(given.embeddings, given.embeddings.t()));
}

void mine(benchmark::State& state, Miner miner) {
  at::set_num_threads(1);
  const Given given;
  for (auto _ : state) benchmark::DoNotOptimize(miner(given.embeddings, given.labels));
}

BENCHMARK(product_of_batch)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(mine, hard, HardTripletsMiner())->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(mine, n_hard, NHardTripletsMiner({.n_positive = 2, .n_negative = 4}))->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(mine, hard_cluster, HardClusterMiner())->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(mine, some_of_all, AllTripletsMiner({.max_output_triplets = 4096}))->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(mine, bank, MinerWithBank(4, NHardTripletsMiner({.n_positive = 2, .n_negative = 4})))
    ->Unit(benchmark::kMicrosecond);

}  // namespace
