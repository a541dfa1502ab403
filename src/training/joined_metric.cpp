#include "joined_metric.h"

#include <metrics/core/errors.h>
#include <metrics/core/synchroniser.h>

#include <exception>
#include <utility>
#include <vector>

namespace metrics::training {

/// Passes everything on, and tells the join of each batch.
class JoinedMetric::StepSynchroniser : public Synchroniser {
 public:
  StepSynchroniser(std::shared_ptr<Synchroniser> ranks, JoinedMetric* metric)
      : ranks_(std::move(ranks)), metric_(metric) {}

  int64_t rank() const override { return ranks_->rank(); }
  int64_t world_size() const override { return ranks_->world_size(); }
  std::vector<Synchronised> synchronise(std::span<const SyncItem> items) override {
    if (metric_ == nullptr) return ranks_->synchronise(items);
    // What is accumulated is merged by a compute, which is no step.
    const bool of_batch = !items.empty() && items.front().states != &items.front().metric->states();
    if (of_batch) metric_->begin_step();
    return metric_->merge(*ranks_, items);
  }

  const std::shared_ptr<Synchroniser>& ranks() const { return ranks_; }
  bool in_join() const { return metric_ != nullptr; }
  /// Copies of the metric may outlive the join, and keep this.
  void forget() { metric_ = nullptr; }

 private:
  std::shared_ptr<Synchroniser> ranks_;
  JoinedMetric* metric_;
};

namespace {

/// Whether a forward merges a metric's batch over the ranks.
bool merges_in_steps(const Metric& metric) {
  const MetricOptions& options = metric.metric_options();
  if (!options.dist_sync_on_step) return false;
  if (options.distributed_available_fn) return options.distributed_available_fn();
  const auto ranks = options.process_group ? options.process_group : default_synchroniser();
  return ranks && ranks->world_size() > 1;
}

}  // namespace

std::shared_ptr<ProcessGroup> JoinedMetric::join_group() const {
  std::shared_ptr<ProcessGroup> common;
  bool first = true;
  for (const Unit* unit : metric_.units()) {
    std::shared_ptr<Synchroniser> named = unit->metric_options().process_group;
    if (const auto joined = std::dynamic_pointer_cast<StepSynchroniser>(named)) {
      if (joined->in_join()) throw InvalidArgument(join_name() + " is in a join already; joins cannot be nested");
      named = joined->ranks();
    }
    auto group = std::dynamic_pointer_cast<ProcessGroup>(named);
    if (named && !group)
      throw InvalidArgument(join_name() + ": a join needs a process_group that is a metrics::ProcessGroup");
    if (!first && group != common)
      throw InvalidArgument(join_name() + ": the metrics that it is made of have different process groups");
    common = std::move(group);
    first = false;
  }
  return common;
}

void JoinedMetric::enter_join(const JoinOptions&) {
  std::vector<JoinedUnit> units;
  for (Unit* unit : metric_.units()) {
    if (!merges_in_steps(*unit)) continue;
    if (unit->metric_options().dist_sync_fn)
      throw InvalidArgument(unit->to_string() + ": a rank that has run out cannot shadow a dist_sync_fn");
    if (unit->is_synced()) throw InvalidArgument(unit->to_string() + " is synced; call unsync() first");
    units.push_back({unit, unit->metric_options().process_group, nullptr});
  }
  if (units.empty()) return;
  const auto& named = units.front().before;
  auto ranks = named ? named : default_synchroniser();
  if (!ranks) throw InvalidArgument(join_name() + ": there is no process group");
  // One for all units: they are merged in one exchange.
  steps_ = std::make_shared<StepSynchroniser>(std::move(ranks), this);
  units_ = std::move(units);
  for (const JoinedUnit& unit : units_) {
    MetricOptions options = unit.metric->metric_options();
    options.process_group = steps_;
    unit.metric->set_metric_options(std::move(options));
  }
}

std::vector<Synchronised> JoinedMetric::merge(Synchroniser& ranks, std::span<const SyncItem> items) const {
  try {
    return ranks.synchronise(items);
  } catch (const std::exception&) {
    std::rethrow_exception(explained(std::current_exception()));
  }
}

void JoinedMetric::finish_shadow(const JoinStep&) {
  if (!steps_) return;
  std::vector<SyncItem> items;
  for (JoinedUnit& unit : units_) {
    if (!unit.neutral) {
      // What a reset keeps belongs to the value of each batch.
      unit.neutral = unit.metric->copy();
      unit.neutral->reset();
    }
    items.push_back({unit.metric, &unit.neutral->states(), true, &metric_});
  }
  merge(*steps_->ranks(), items);
}

void JoinedMetric::leave_join(bool) noexcept {
  if (!steps_) return;
  steps_->forget();
  for (const JoinedUnit& unit : units_) {
    try {
      MetricOptions options = unit.metric->metric_options();
      if (options.process_group != steps_) continue;
      options.process_group = unit.before;
      unit.metric->set_metric_options(std::move(options));
    } catch (...) {
      // A metric that was left synced keeps the synchroniser, which passes everything on.
    }
  }
}

}  // namespace metrics::training
