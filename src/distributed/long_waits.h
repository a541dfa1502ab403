#pragma once

#include "bounded_store.h"
#include <metrics/distributed/rank_names.h>

#include <torch/csrc/distributed/c10d/Work.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace metrics::distributed {

/// Waits for the collectives of a group, one after the other, and says of one that takes long for which ranks it waits.
/// A rank that has waited that long writes so to the group's store and reads which others have; before that nothing is
/// sent.
class LongWaits {
 public:
  /// What a collective is called in the message: "compute of MeanMetric". Asked for only where it is said.
  using Call = std::function<std::string()>;

  /// Keys of `store` are this group's alone; it may be null where nobody can be asked. `names` are all members',
  /// `own_name` is this rank's.
  LongWaits(const BoundedStore::Pointer& store, int64_t rank, int64_t world_size, RankNames names,
            std::string own_name);

  /// Waits for `work`, the next collective of this group on every rank, which every rank waits for here. Throws what
  /// `work` throws.
  void wait(c10d::Work& work, const Call& call);

  /// The same for a wait on what is no `Work`; returns when the wait is over, or the message has been given.
  /// `over_within` waits for so long at most, and returns whether the wait is over; its exceptions pass through. Those
  /// of the handler of warnings are dropped, because the other ranks wait for this one.
  using OverWithin = std::function<bool(std::chrono::milliseconds)>;
  void watch(const OverWithin& over_within, const Call& call);

  /// Lets go of the store.
  void close() { store_.reset(); }

  std::chrono::milliseconds patience() const { return patience_; }
  void set_patience(std::chrono::milliseconds patience) { patience_ = patience; }

 private:
  /// The members that have not written that they wait, nothing where the store does not answer. With `write` this rank
  /// first writes that it waits, which it does once.
  std::optional<std::vector<int64_t>> not_waiting(bool write) const;
  std::string message(const std::string& call, const std::optional<std::vector<int64_t>>& missing) const;

  BoundedStore::Pointer store_;
  int64_t rank_;
  int64_t world_size_;
  RankNames names_;
  std::string own_name_;
  std::chrono::milliseconds patience_ = std::chrono::seconds(10);
  int64_t number_ = 0;  // of the collective, the same on all ranks
};

}  // namespace metrics::distributed
