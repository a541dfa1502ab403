#pragma once

#include <metrics/aggregation/aggregation.h>
#include <metrics/collections/composite.h>
#include <metrics/collections/handle.h>
#include <metrics/export.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace metrics {

struct RunningOptions {
  int64_t window = 5;  ///< How many updates count; positive.
};

/// Computes any metric over its last `window` updates; `forward` gives the value of the batch alone.
///
///   Running loss(MeanMetric(), {.window = 100});
///
/// `base_metric`: the metric that is computed over the window; `window`: how many updates it holds, positive.
/// The window moves on by merges, two amortised an update, and nothing is computed again; states that grow with the
/// data are merged by `compute`. Memory: twice the window's states, or the window's rows. Over ranks the value is that
/// of the last `window` updates of each rank.
///
/// The metric is a pattern: Running has a copy of it, and its states stay as they are. It has states of its own: of one
/// that is made of others (a composed metric, a collection) wrap the parts. A window by history cannot be merged:
/// `merge` throws Error. State dicts have torchmetrics' keys, `state_slot`. Throws InvalidArgument for a window that is
/// not positive and for a metric without states of its own. Source: torchmetrics' Running.
class METRICS_API Running : public ByPosition<Unit>, private Recorder {
 public:
  using Options = RunningOptions;

  explicit Running(MetricHandle base_metric, RunningOptions options = {});
  Running(const Running&) = default;
  Running& operator=(const Running&) = default;
  Running(Running&&) noexcept = default;
  Running& operator=(Running&&) noexcept = default;

  std::string_view name() const override { return "Running"; }
  const MetricTraits& traits() const override { return base().traits(); }
  bool takes_input(std::string_view name) const override { return base().takes_input(name); }
  RowWeights taken_weights() const override { return base().taken_weights(); }
  std::unique_ptr<Metric> clone() const override { return std::make_unique<Running>(*this); }
  void reset() override;
  /// All updates since the last reset, those out of the window too.
  int64_t update_count() const override { return window_.seen; }
  StatesByName metric_state() const override;

  int64_t window() const { return options_.window; }

 protected:
  std::string describe_options() const override;
  States states_of_batch(const Args& args, const Kwargs& kwargs, const Rows& rows, bool gradients) const override;
  void merge_own(States& into, const States& from) const override { merge_own_of(base(), into, from); }
  void drop_cached_value() override { computed_.reset(); }
  void accumulate(States&& batch) override;
  Recorder* recorder() override { return this; }
  void update_dynamic(const Args& args, const Kwargs& kwargs, const Rows& rows) override;
  c10::IValue forward_dynamic(const Args& args, const Kwargs& kwargs, const Rows& rows) override;
  c10::IValue compute_dynamic() override;

  void collect_units(std::vector<Unit*>& units) override;
  Prepared prepare_change(const std::function<void(States&)>& change) override;
  void save_own_states(StateDict& destination, const std::string& prefix) const override;
  Prepared prepare_load(const StateDict& source, const std::string& prefix, bool strict, Keys& known) override;

 private:
  using Batch = std::shared_ptr<const States>;

  /// The last updates as a queue of two stacks: the sums of its ends are known, and so is that of all.
  struct METRICS_API Window {
    std::deque<Batch> batches;    ///< Oldest first.
    std::vector<Batch> suffixes;  ///< Each of the oldest batches merged with those that follow, up to `recent`.
    Batch recent;                 ///< Those after them, merged; null for none.
    int64_t seen = 0;             ///< Updates since the last reset.
  };

  std::shared_ptr<const void> history() const override;
  void restore_history(std::shared_ptr<const void> history) override;

  Unit& base() const { return static_cast<Unit&>(base_[0]); }
  bool grows() const;
  Batch merged(const Batch& older, const Batch& newer) const;
  void push(Window& window, Batch batch) const;
  States total() const;
  void require_fits(const States& batch) const;
  /// Makes the own states those of the window.
  void settle();
  c10::IValue value();
  /// The base metric's value of states that it has until then.
  c10::IValue value_of(SharedStates states, bool gradients) const;
  std::size_t slot(std::size_t place, const Window& window) const;
  /// What a slot of torchmetrics' window holds: one update, or the default.
  std::vector<Batch> slots() const;

  Children base_;  // one, which is a Unit
  RunningOptions options_;
  Window window_;
  bool stale_ = false;  // whether the own states are those of an earlier window
  std::shared_ptr<const c10::IValue> computed_;
};

struct RunningAggregatorOptions {
  int64_t window = 5;  ///< How many updates count; positive.
  /// A strategy, or the number to put in place of NaN (with weight 1).
  std::variant<aggregation::NanStrategy, double> nan_strategy = aggregation::NanStrategy::Warn;

  static constexpr auto fields() {
    return metrics::fields<&RunningAggregatorOptions::window, &RunningAggregatorOptions::nan_strategy>();
  }
};

/// Running over an aggregator of `value`, a number or a tensor: what RunningMean and RunningSum share.
class METRICS_API RunningAggregator : public Running {
 public:
  using Options = RunningAggregatorOptions;

  Tensor compute();

 protected:
  /// `name` is that of the class that is made, for errors.
  RunningAggregator(std::string_view name, MetricHandle aggregator, const Options& options);
  std::string describe_options() const override;

 private:
  Options options_;
};

/// Computes the weighted mean of the values of the last `window` updates. `value`: a number or a tensor of any shape
/// and real dtype; `weight`: 1 by default, else broadcast to `value`. Source: torchmetrics' RunningMean.
class METRICS_API RunningMean : public RunningAggregator {
 public:
  explicit RunningMean(const Options& options = {});
  std::string_view name() const override { return "RunningMean"; }
  std::unique_ptr<Metric> clone() const override { return std::make_unique<RunningMean>(*this); }
  void update(const Values& value, const std::optional<Values>& weight = {}, const Rows& rows = {});
  Tensor forward(const Values& value, const std::optional<Values>& weight = {}, const Rows& rows = {});
  Tensor operator()(const Values& value, const std::optional<Values>& weight = {}, const Rows& rows = {}) {
    return forward(value, weight, rows);
  }
  using Metric::forward;
  using Metric::update;
};

/// Computes the sum of the values of the last `window` updates. `value`: a number or a tensor of any shape and real
/// dtype. Source: torchmetrics' RunningSum.
class METRICS_API RunningSum : public RunningAggregator {
 public:
  explicit RunningSum(const Options& options = {});
  std::string_view name() const override { return "RunningSum"; }
  std::unique_ptr<Metric> clone() const override { return std::make_unique<RunningSum>(*this); }
  void update(const Values& value, const Rows& rows = {});
  Tensor forward(const Values& value, const Rows& rows = {});
  Tensor operator()(const Values& value, const Rows& rows = {}) { return forward(value, rows); }
  using Metric::forward;
  using Metric::update;
};

}  // namespace metrics
