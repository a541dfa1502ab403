#pragma once

#include <metrics/core/rows.h>
#include <metrics/export.h>
#include <metrics/training/batch_shards.h>
#include <metrics/training/sampler.h>

#include <ATen/core/Tensor.h>
#include <ATen/ops/stack.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace metrics::training {

/// Samples with what metrics want to know of them.
struct Batch {
  at::Tensor data;          ///< [N, ...]
  at::Tensor target;        ///< [N, ...]; undefined where the dataset has none.
  at::Tensor ids;           ///< int64 [N]: indices in the dataset.
  at::Tensor valid;         ///< bool [N]: false where a sampler repeats a sample to give all ranks as many.
  at::Tensor weights = {};  ///< [N]: what the samples weigh; undefined where the source does not say.
  std::map<std::string, at::Tensor> columns = {};  ///< [N, ...] each: the source's, of these samples.

  int64_t size() const { return ids.size(0); }
  /// To pass to a metric's update beside predictions for this batch.
  Rows rows() const {
    return {.valid = valid, .ids = ids, .weights = weights.defined() ? std::optional(weights) : std::nullopt};
  }
};

/// What a loader reads samples from. `read` is called from several threads at once.
struct Source {
  int64_t size = 0;
  /// Data and target of the samples of these indices.
  std::function<std::pair<at::Tensor, at::Tensor>(const std::vector<int64_t>& indices)> read;
  /// [size]: what each sample weighs; undefined where all count once.
  at::Tensor weights = {};
  /// [size, ...] each: what else is known of the samples, by name.
  std::map<std::string, at::Tensor> columns = {};
};

/// Rows of tensors in memory, and what each weighs. Throws InvalidArgument when they differ in number.
METRICS_API Source in_memory(at::Tensor data, at::Tensor target = {}, at::Tensor weights = {});

namespace detail {

template <class Example>
at::Tensor target_of(const Example& example) {
  if constexpr (requires { at::Tensor(example.target); }) {
    return example.target;
  } else {
    return {};
  }
}

}  // namespace detail

/// A dataset of `torch::data`, or whatever has its `get_batch` and `size`: examples with `data` and `target`, or mapped
/// to one example by a collation such as `torch::data::transforms::Stack`. It must bear calls from several threads.
template <class Dataset>
Source from_dataset(Dataset dataset) {
  const auto size = dataset.size();
  auto shared = std::make_shared<Dataset>(std::move(dataset));
  auto read = [shared](const std::vector<int64_t>& indices) -> std::pair<at::Tensor, at::Tensor> {
    auto batch = shared->get_batch(std::vector<std::size_t>(indices.begin(), indices.end()));
    if constexpr (requires { batch.data; }) {
      return {batch.data, detail::target_of(batch)};
    } else {
      std::vector<at::Tensor> data, target;
      for (const auto& example : batch) {
        data.push_back(example.data);
        if (const at::Tensor one = detail::target_of(example); one.defined()) target.push_back(one);
      }
      return {at::stack(data), target.empty() ? at::Tensor() : at::stack(target)};
    }
  };
  return {static_cast<int64_t>(size.value()), std::move(read)};
}

struct LoaderOptions {
  int64_t batch_size = 1;
  /// Whether a last batch that is not full is left out.
  bool drop_last = false;
  /// Threads that read ahead; with 0 a batch is read when it is asked for.
  int64_t workers = 1;
  /// Batches that each of them reads ahead at most.
  int64_t prefetch = 2;
};

/// Batches of a rank's shard, in the sampler's order:
///   for (const Batch& batch : loader) …
/// Each such loop is one pass over the shard of the epoch that was set before it. What a source throws is thrown where
/// its batch would have come. Leaving a loop early is fine.
class METRICS_API Loader {
 public:
  /// Throws InvalidArgument for options that cannot be, and for a sampler of another size than the source.
  Loader(Source source, DistributedSampler sampler, LoaderOptions options = {});
  /// Takes batches as they are drawn: `batch_size` and `drop_last` stay as they are by default. To begin a pass is then
  /// collective, as `BatchShards::shard` says; rows of a batch that is a repeat are not valid. An index outside of the
  /// source is an InvalidArgument, thrown by `begin`.
  Loader(Source source, BatchShards batches, LoaderOptions options = {});

  void set_epoch(int64_t epoch);
  /// Throws InvalidArgument where batches are drawn by a batch sampler.
  const DistributedSampler& sampler() const;
  /// How many batches this rank has in an epoch.
  int64_t size() const;
  /// The same of any rank.
  int64_t batches_of(int64_t rank) const;

  class Pass;
  /// Moves on by taking the next batch.
  class METRICS_API Iterator {
   public:
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    explicit Iterator(std::shared_ptr<Pass> pass);
    const Batch& operator*() const { return *batch_; }
    const Batch* operator->() const { return &*batch_; }
    Iterator& operator++();
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return !batch_; }

   private:
    std::shared_ptr<Pass> pass_;
    std::optional<Batch> batch_;
  };
  Iterator begin() const;
  std::default_sentinel_t end() const { return {}; }

 private:
  Source source_;
  std::variant<DistributedSampler, BatchShards> sampler_;
  LoaderOptions options_;
};

}  // namespace metrics::training
