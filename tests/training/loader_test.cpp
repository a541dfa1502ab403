#include <metrics/classification/accuracy.h>
#include <metrics/core/errors.h>
#include <metrics/training/loader.h>

#include <ATen/ATen.h>
#include <torch/data/datasets/base.h>
#include <torch/data/datasets/map.h>
#include <torch/data/transforms/stack.h>

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <string>

using at::Tensor;
using metrics::InvalidArgument;
using metrics::training::Batch;
using metrics::training::DistributedSampler;
using metrics::training::from_dataset;
using metrics::training::in_memory;
using metrics::training::Loader;
using metrics::training::Remainder;
using metrics::training::Source;

namespace {

Tensor numbers(int64_t count) {
  return at::arange(count, at::kLong);
}

Source squares(int64_t count) {
  return in_memory(numbers(count).square().unsqueeze(1), numbers(count));
}

DistributedSampler shard(int64_t size, int64_t rank = 0, int64_t replicas = 1,
                         Remainder remainder = Remainder::Uneven) {
  return DistributedSampler(size, {.num_replicas = replicas, .rank = rank, .seed = 5, .remainder = remainder});
}

Tensor ids_of(const Loader& loader) {
  std::vector<Tensor> ids{at::empty({0}, at::kLong)};
  for (const Batch& batch : loader) ids.push_back(batch.ids);
  return at::cat(ids);
}

/// A dataset as LibTorch's users write them.
struct Doubles : torch::data::datasets::Dataset<Doubles> {
  torch::data::Example<> get(std::size_t index) override {
    return {at::full({2}, 2.0 * static_cast<double>(index)), at::scalar_tensor(static_cast<int64_t>(index), at::kLong)};
  }
  std::optional<std::size_t> size() const override { return 7; }
};

}  // namespace

TEST_CASE("loader: options, tensors and samplers that do not fit are refused by name") {
  const auto message = [](const auto& make) -> std::string {
    try {
      make();
    } catch (const InvalidArgument& error) {
      return error.what();
    }
    return "";
  };
  const auto loader = [&](metrics::training::LoaderOptions options) {
    return message([&] { Loader(squares(4), shard(4), options); });
  };
  CHECK(loader({.batch_size = 0}).find("batch_size") == 0);
  CHECK(loader({.workers = -1}).find("workers") == 0);
  CHECK(loader({.prefetch = 0}).find("prefetch") == 0);
  CHECK(message([] { Loader(squares(4), shard(5)); }).find("sampler") == 0);
  CHECK(message([] { Loader(Source{.size = 4, .read = {}}, shard(4)); }).find("source") == 0);
  CHECK(message([] { in_memory(numbers(3), numbers(4)); }).find("target") == 0);
  CHECK(message([] { in_memory(at::scalar_tensor(1)); }).find("data") == 0);
  CHECK(message([] { Loader(in_memory(numbers(3), numbers(3), at::ones({2})), shard(3)); }).find("Rows.weights") == 0);
}

TEST_CASE("loader: a batch has what its samples weigh, where the source says it") {
  const Tensor weights = at::arange(13, at::kDouble) / 4;
  for (const int64_t workers : {0, 2}) {
    for (const int64_t rank : {0, 1}) {
      const Loader loader(in_memory(numbers(13), numbers(13), weights), shard(13, rank, 2, Remainder::Pad),
                          {.batch_size = 3, .workers = workers});
      for (const Batch& batch : loader) {
        CHECK(at::equal(batch.weights, weights.index_select(0, batch.ids)));
        CHECK(batch.rows().weights->is_same(batch.weights));
        CHECK(batch.rows().valid->is_same(batch.valid));
      }
    }
  }
  for (const Batch& batch : Loader(squares(3), shard(3))) CHECK(!batch.rows().weights);
}

TEST_CASE("loader: batches come in the sampler's order, whatever the number of workers") {
  for (const int64_t workers : {0, 1, 3}) {
    for (const int64_t rank : {0, 1}) {
      Loader loader(squares(13), shard(13, rank, 2), {.batch_size = 3, .workers = workers, .prefetch = 1});
      for (const int64_t epoch : {0, 1}) {
        loader.set_epoch(epoch);
        auto order = shard(13, rank, 2);
        order.set_epoch(epoch);
        CHECK(at::equal(ids_of(loader), at::tensor(order.shard().indices, at::kLong)));
        int64_t batches = 0;
        for (const Batch& batch : loader) {
          CHECK(at::equal(batch.data, batch.ids.square().unsqueeze(1)));
          CHECK(at::equal(batch.target, batch.ids));
          CHECK(batch.valid.all().item<bool>());
          ++batches;
        }
        CHECK(batches == loader.size());
      }
    }
  }
  CHECK(Loader(squares(13), shard(13), {.batch_size = 5}).size() == 3);
  CHECK(Loader(squares(13), shard(13), {.batch_size = 5, .drop_last = true}).size() == 2);
  CHECK(ids_of(Loader(squares(1), shard(1, 1, 2))).numel() == 0);
}

TEST_CASE("loader: what a sampler repeats is marked, and counts once in a metric") {
  for (const int64_t size : {1, 2, 5, 7, 12, 13}) {
    metrics::BinaryAccuracy accuracy;
    for (const int64_t rank : {0, 1, 2}) {
      Loader loader(in_memory(at::ones({size}), at::ones({size}, at::kLong)), shard(size, rank, 3, Remainder::Pad),
                    {.batch_size = 2});
      for (const Batch& batch : loader) accuracy.update(batch.data, batch.target, batch.rows());
    }
    CHECK(accuracy.states().at(0).tensor().sum().item<int64_t>() == size);
  }
}

TEST_CASE("loader: what a source throws comes where its batch would have been, and the loop can be left early") {
  for (const int64_t workers : {0, 2}) {
    Source source{.size = 8, .read = [](const std::vector<int64_t>& indices) {
                    if (indices.front() == 4) throw std::runtime_error("sample 4 is damaged");
                    return std::pair(at::ones({2}), Tensor());
                  }};
    const DistributedSampler in_order(8, {.num_replicas = 1, .rank = 0, .shuffle = false});
    const Loader loader(source, in_order, {.batch_size = 2, .workers = workers});
    int seen = 0;
    CHECK_THROWS_WITH(
        [&] {
          for (const Batch& batch : loader) seen += static_cast<int>(batch.size());
        }(),
        "sample 4 is damaged");
    CHECK(seen == 4);
    for (const Batch& batch : loader) {
      CHECK(!batch.target.defined());
      break;
    }
  }
}

TEST_CASE("loader: no more is read ahead than was asked for") {
  std::atomic<int> reads = 0;
  Source source{.size = 100, .read = [&](const std::vector<int64_t>&) {
                  ++reads;
                  return std::pair(at::ones({1}), Tensor());
                }};
  const Loader loader(source, shard(100), {.batch_size = 1, .workers = 2, .prefetch = 3});
  auto batch = loader.begin();
  for (int i = 0; i < 10; ++i) ++batch;
  CHECK(reads <= 11 + 2 * 3);
}

TEST_CASE("loader: datasets of torch::data, collated or not") {
  const Loader plain(from_dataset(Doubles()), shard(7), {.batch_size = 3});
  const Loader stacked(from_dataset(Doubles().map(torch::data::transforms::Stack<>())), shard(7), {.batch_size = 3});
  for (const Loader& loader : {plain, stacked}) {
    int64_t samples = 0;
    for (const Batch& batch : loader) {
      CHECK(at::equal(batch.target, batch.ids));
      CHECK(at::equal(batch.data, (batch.ids * 2).to(at::kFloat).unsqueeze(1).expand({batch.size(), 2})));
      samples += batch.size();
    }
    CHECK(samples == 7);
  }
}
