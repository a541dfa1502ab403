#pragma once

#include <metrics/core/synchroniser.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace metrics {

/// Gathers one tensor from all ranks of a group (null: the default one) and returns them in rank order.
using DistSyncFn = std::function<std::vector<Tensor>(const Tensor& state, const std::shared_ptr<Synchroniser>& group)>;

/// What every metric has besides its own options; names and defaults are torchmetrics'.
struct MetricOptions {
  /// Keeps states that grow on the CPU, whatever the metric's device.
  bool compute_on_cpu = false;
  /// `forward` returns the value of the batch over all ranks instead of over this rank.
  bool dist_sync_on_step = false;
  /// The ranks to merge over; null: the default group.
  std::shared_ptr<Synchroniser> process_group{};
  /// Replaces the synchroniser: called once a state (a `List` state: once for its rows, once for where its items end),
  /// its results are merged in the order returned.
  DistSyncFn dist_sync_fn{};
  /// Whether to synchronise at all; unset: when there is a group of more than one rank.
  std::function<bool()> distributed_available_fn{};
  /// `compute` merges over the ranks; if false it gives this rank's value.
  bool sync_on_compute = true;
  /// `compute` keeps its value until the states change.
  bool compute_with_cache = true;
  /// Tells the metric apart, when ranks synchronise, from others of equal class and options that were made in the same
  /// place of the program (in a loop, by one function). All ranks give it the same name. No option of torchmetrics.
  std::string name{};
};

}  // namespace metrics
