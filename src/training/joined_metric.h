#pragma once

#include <metrics/core/unit.h>
#include <metrics/training/join.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace metrics::training {

/// A metric in a join, or one that is made of others. With `dist_sync_on_step` its `forward` merges a batch over the
/// ranks: that is its part of a step, seen by a synchroniser that stands before the metrics' own while the join lasts.
class JoinedMetric : public Joinable {
 public:
  explicit JoinedMetric(Metric& metric) : metric_(metric) {}

  std::string join_name() const override { return metric_.to_string(); }
  std::shared_ptr<ProcessGroup> join_group() const override;
  void enter_join(const JoinOptions& options) override;
  bool has_steps() const override { return steps_ != nullptr; }
  void shadow(const JoinStep&) override {}
  /// A merge waits for the others, whose forward it may follow.
  void finish_shadow(const JoinStep&) override;
  void leave_join(bool failed) noexcept override;

 private:
  class StepSynchroniser;
  /// One of the metrics that are merged in a step.
  struct JoinedUnit {
    Unit* metric;
    std::shared_ptr<Synchroniser> before;  // what its options named
    std::unique_ptr<Unit> neutral;
  };
  std::vector<Synchronised> merge(Synchroniser& ranks, std::span<const SyncItem> items) const;

  Metric& metric_;
  std::vector<JoinedUnit> units_;
  std::shared_ptr<StepSynchroniser> steps_;  // null where there is nothing to shadow
};

}  // namespace metrics::training
