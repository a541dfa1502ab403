#pragma once

#include <metrics/distributed/process_group.h>
#include <metrics/export.h>
#include <metrics/training/sampler.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace metrics::training {

/// The batches of an epoch: indices of samples.
using Batches = std::vector<std::vector<int64_t>>;

/// Draws the batches of an epoch, alike wherever it is called for that epoch.
struct BatchSampler {
  /// How many batches an epoch has.
  int64_t size = 0;
  std::function<Batches(int64_t epoch)> draw{};
  /// What it draws by; messages name it.
  int64_t seed = 0;
};

struct BatchShardsOptions {
  /// The ranks that share the batches; those of the default group where not stated.
  std::shared_ptr<ProcessGroup> process_group{};
  /// The rank that the shard is for, of so many, where both are stated: then nobody is asked what the others draw.
  std::optional<int64_t> num_replicas{};
  std::optional<int64_t> rank{};
  /// What is done with batches that do not divide by the number of ranks. By default the first are repeated, so that
  /// all ranks make as many steps.
  Remainder remainder = Remainder::Pad;
  /// Whether batches are dealt in an order drawn by the epoch, equal to that of Python's DistributedSampler of seed 0.
  bool shuffle = false;
};

/// The batches of one rank for one epoch.
struct BatchShard {
  Batches batches;
  /// How many of them, from the front, are not repeats.
  int64_t valid = 0;
};

/// Deals the batches of a batch sampler to ranks, whole and round-robin: with `Remainder::Pad` and `Drop` batch for
/// batch as OML's DDPSamplerWrapper does (its `pad_data_to_num_gpus` on and off).
class METRICS_API BatchShards {
 public:
  /// Throws InvalidArgument for a sampler without a function or of a negative size, for a rank that is not among the
  /// replicas, and where only one of the two is stated.
  explicit BatchShards(BatchSampler sampler, BatchShardsOptions options = {});

  void set_epoch(int64_t epoch);
  int64_t epoch() const { return dealing_.epoch(); }
  /// Draws the epoch's batches, and returns this rank's. Collective: ranks compare what they drew in one exchange of 32
  /// bytes each. Throws SyncError on all ranks where they differ, naming the ranks with their seeds and epochs, and
  /// InvalidArgument where the sampler drew another number of batches than its size.
  BatchShard shard() const;
  /// How many batches this rank has in an epoch, repeats included.
  int64_t size() const { return dealing_.size(); }
  /// The same of any rank.
  int64_t size_of(int64_t rank) const { return dealing_.size_of(rank); }
  int64_t rank() const { return dealing_.rank(); }
  int64_t num_replicas() const { return dealing_.num_replicas(); }

 private:
  BatchSampler sampler_;
  std::shared_ptr<ProcessGroup> group_;  // null: nobody to compare with
  DistributedSampler dealing_;           // of the batches' numbers
};

}  // namespace metrics::training
