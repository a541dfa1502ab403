#pragma once

#include <metrics/core/state.h>
#include <metrics/export.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace metrics {

class Metric;
class Unit;

/// What one metric hands to a synchroniser: its local states and what belongs to them.
struct SyncItem {
  const Unit* metric;    ///< For its name, its layout and its merge.
  const States* states;  ///< Local states; may carry gradients, which then flow to this rank's share.
  bool dirty;            ///< False when this rank has a cached value for exactly these states.
  /// The metric whose value or states are asked for, which is made of this one; null where it is this one.
  const Metric* part_of = nullptr;
  /// Whether the metric's value is all that is made of what comes back: then rows may stay apart (`States::parts`).
  bool for_value = false;
};

/// What comes back for one metric.
struct Synchronised {
  /// The ranks' states merged in rank order, the same bits on all; absent when no rank was dirty.
  std::optional<States> merged;
};

/// What the core needs of a process group. `metrics::ProcessGroup` is one; a user's own transport can be another.
class METRICS_API Synchroniser {
 public:
  virtual ~Synchroniser();

  virtual int64_t rank() const = 0;
  virtual int64_t world_size() const = 0;

  /// Merges each item's states over all ranks. Collective: every rank calls it with the same metrics in the same order.
  /// Local states stay as they are. Throws SyncError on every rank that can be reached.
  virtual std::vector<Synchronised> synchronise(std::span<const SyncItem> items) = 0;
};

/// The group that metrics use when their options name none; null when there is none (any more).
METRICS_API std::shared_ptr<Synchroniser> default_synchroniser();
METRICS_API void set_default_synchroniser(std::weak_ptr<Synchroniser> synchroniser);

}  // namespace metrics
