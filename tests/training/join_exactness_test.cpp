#include "distributed/worker.h"
#include <metrics/classification/confusion_matrix.h>
#include <metrics/distributed/process_group.h>
#include <metrics/training/join.h>
#include <metrics/training/loader.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

#include <optional>
#include <string>

using at::Tensor;
using metrics::init_process_group;
using metrics::MulticlassConfusionMatrix;
using metrics::training::Batch;
using metrics::training::DistributedSampler;
using metrics::training::in_memory;
using metrics::training::Join;
using metrics::training::Loader;
using metrics::training::Remainder;
using metrics_test::expect;
using metrics_test::run_workers;
using metrics_test::world_sizes;

namespace {

constexpr int64_t most_samples = 13;
constexpr int64_t classes = 4;

/// Scores that were saved once, and what is right.
struct Scored {
  Tensor scores, target;
};

Scored scored(int64_t samples) {
  const Tensor numbers = at::arange(samples * classes).reshape({samples, classes});
  return {(numbers * 7919).remainder(101).to(at::kFloat) / 101, at::arange(samples).mul(5).add(1).remainder(classes)};
}

Loader loader_of(const Scored& data, Remainder remainder, int64_t batch_size) {
  const int64_t samples = data.target.size(0);
  return Loader(in_memory(data.scores, data.target), DistributedSampler(samples, {.remainder = remainder}),
                {.batch_size = batch_size, .workers = 0});
}

Tensor counted(const Scored& data, Remainder remainder, int64_t batch_size) {
  MulticlassConfusionMatrix confusion({.num_classes = classes});
  for (const Batch& batch : loader_of(data, remainder, batch_size))
    confusion.update(batch.data, batch.target, batch.rows());
  return confusion.compute();
}

Tensor counted_with_join(const Scored& data, int64_t batch_size, bool batches_known) {
  MulticlassConfusionMatrix confusion({.num_classes = classes}, {.dist_sync_on_step = true});
  const Loader loader = loader_of(data, Remainder::Uneven, batch_size);
  Tensor steps = at::zeros({classes, classes}, at::kLong);
  Join join({confusion}, {.batches = batches_known ? std::optional(loader.size()) : std::nullopt});
  for (const Batch& batch : loader) steps += confusion.forward(batch.data, batch.target, batch.rows());
  join.finish();
  const Tensor value = confusion.compute();
  // Who makes all steps has seen the batches of all ranks.
  int64_t most = 0;
  for (int64_t rank = 0; rank < loader.sampler().num_replicas(); ++rank) most = std::max(most, loader.batches_of(rank));
  if (loader.size() == most) expect(at::equal(steps, value), "the steps' values to add up");
  return value;
}

}  // namespace

WORKER(three_ways_to_exactness) {
  const auto group = init_process_group();
  for (int64_t samples = 1; samples <= most_samples; ++samples) {
    const Scored data = scored(samples);
    const Tensor expected =
        metrics::functional::multiclass_confusion_matrix(data.scores, data.target, {.num_classes = classes});
    for (const int64_t batch_size : {1, 3}) {
      const auto expect_equal = [&](const Tensor& counts, const std::string& way) {
        expect(at::equal(counts, expected), way + " to count each of " + std::to_string(samples) + " samples once");
      };
      expect_equal(counted(data, Remainder::Uneven, batch_size), "uneven shards");
      expect_equal(counted(data, Remainder::Pad, batch_size), "marked padding");
      expect_equal(counted_with_join(data, batch_size, /*batches_known=*/true), "a join with known batches");
      expect_equal(counted_with_join(data, batch_size, /*batches_known=*/false), "a join by notices");
    }
  }
}

TEST_CASE("join: three ways to exactness give the same counts") {
  for (const int64_t ranks : world_sizes({1, 2, 3, 4})) {
    CAPTURE(ranks);
    CHECK(run_workers("three_ways_to_exactness", ranks).ok());
  }
}
