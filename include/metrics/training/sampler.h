#pragma once

#include <metrics/export.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace metrics::training {

/// What a sampler does with samples that do not divide by the number of ranks.
enum class Remainder {
  Uneven,  ///< Each sample goes to one rank: ranks have one more or less, none repeats.
  Pad,     ///< The first samples of the order are repeated, and the shard says which of its samples are repeats.
  Drop,    ///< The last samples of the order are left out.
};

struct DistributedSamplerOptions {
  /// The rank that the shard is for, of so many; those of the default process group where not stated.
  std::optional<int64_t> num_replicas{};
  std::optional<int64_t> rank{};
  /// Whether each epoch has an order of its own, drawn from `seed` and the epoch: equal on all ranks, and equal to
  /// Python's for equal numbers.
  bool shuffle = true;
  int64_t seed = 0;
  Remainder remainder = Remainder::Uneven;
};

/// The samples of one rank for one epoch.
struct Shard {
  std::vector<int64_t> indices;
  /// How many of them, from the front, are not repeats.
  int64_t valid = 0;
};

/// Deals the indices of a dataset to ranks, round-robin, in the order of `torch.utils.data.DistributedSampler`: with
/// `Remainder::Pad` and `Drop` index for index what Python gives (its `drop_last` off and on).
class METRICS_API DistributedSampler {
 public:
  /// Throws InvalidArgument for a negative size, and for a rank that is not among the replicas.
  explicit DistributedSampler(int64_t dataset_size, DistributedSamplerOptions options = {});

  /// The epoch whose order `shard` gives. To be called before each epoch where `shuffle` is on, alike on all ranks.
  void set_epoch(int64_t epoch) { epoch_ = epoch; }
  int64_t epoch() const { return epoch_; }
  Shard shard() const;
  /// How many samples this rank has in an epoch, repeats included.
  int64_t size() const { return size_of(rank_); }
  /// The same of any rank: what ranks may know of each other without asking.
  int64_t size_of(int64_t rank) const;
  int64_t dataset_size() const { return dataset_size_; }
  int64_t num_replicas() const { return replicas_; }
  int64_t rank() const { return rank_; }

 private:
  /// The order of the epoch.
  at::Tensor order() const;

  int64_t dataset_size_;
  int64_t replicas_ = 1;
  int64_t rank_ = 0;
  bool shuffle_;
  int64_t seed_;
  Remainder remainder_;
  int64_t epoch_ = 0;
};

}  // namespace metrics::training
