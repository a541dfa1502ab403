#include "joined_metric.h"

#include <metrics/core/errors.h>

#include <exception>
#include <utility>
#include <vector>

namespace metrics::distributed {

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

  Synchroniser& ranks() { return *ranks_; }
  bool in_join() const { return metric_ != nullptr; }
  /// Copies of the metric may outlive the join, and keep this.
  void forget() { metric_ = nullptr; }

 private:
  std::shared_ptr<Synchroniser> ranks_;
  JoinedMetric* metric_;
};

std::shared_ptr<ProcessGroup> JoinedMetric::join_group() const {
  const std::shared_ptr<Synchroniser>& named = steps_ ? before_ : metric_.metric_options().process_group;
  if (!named) return nullptr;
  if (const auto joined = std::dynamic_pointer_cast<StepSynchroniser>(named); joined && joined->in_join())
    throw InvalidArgument(join_name() + " is in a join already; joins cannot be nested");
  auto group = std::dynamic_pointer_cast<ProcessGroup>(named);
  if (!group) throw InvalidArgument(join_name() + ": a join needs a process_group that is a metrics::ProcessGroup");
  return group;
}

void JoinedMetric::enter_join(const JoinOptions&) {
  MetricOptions options = metric_.metric_options();
  const std::shared_ptr<Synchroniser> ranks = options.process_group ? options.process_group : default_synchroniser();
  const bool talks =
      options.distributed_available_fn ? options.distributed_available_fn() : ranks && ranks->world_size() > 1;
  if (!options.dist_sync_on_step || !talks) return;
  if (options.dist_sync_fn)
    throw InvalidArgument(join_name() + ": a rank that has run out cannot shadow a dist_sync_fn");
  if (!ranks) throw InvalidArgument(join_name() + ": there is no process group");
  auto steps = std::make_shared<StepSynchroniser>(ranks, this);
  before_ = std::exchange(options.process_group, steps);
  metric_.set_metric_options(std::move(options));
  steps_ = std::move(steps);
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
  if (!neutral_) {
    // What a reset keeps belongs to the value of each batch.
    neutral_ = metric_.clone();
    neutral_->reset();
  }
  const SyncItem item{&metric_, &neutral_->states(), true};
  merge(steps_->ranks(), {&item, 1});
}

void JoinedMetric::leave_join(bool) noexcept {
  if (!steps_) return;
  steps_->forget();
  MetricOptions options = metric_.metric_options();
  if (options.process_group != steps_) return;
  options.process_group = before_;
  try {
    metric_.set_metric_options(std::move(options));
  } catch (...) {
    // A metric that was left synced keeps the synchroniser, which passes everything on.
  }
}

}  // namespace metrics::distributed
