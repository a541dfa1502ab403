#pragma once

#include <metrics/collections/composite.h>
#include <metrics/collections/handle.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/export.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace metrics {

struct MetricTrackerOptions {
  /// Whether the highest value is the best, or else the lowest: once for all values, or for each member of a
  /// collection. Empty: as the metrics' `higher_is_better` says.
  std::vector<bool> maximize{};
};

/// Keeps a metric, or a collection of them, for each of several steps, such as epochs, and finds the best.
///
///   MetricTracker tracker(MulticlassAccuracy({.num_classes = 10}));
///   for (int epoch = 0; epoch < 5; ++epoch) {
///     tracker.increment();
///     for (const auto& batch : loader) tracker.update(batch.data, batch.target);
///   }
///   tracker.best_metric()->step;
///
/// `metric`: what is tracked, a metric or a collection; `maximize`: whether greater values are better, also one for
/// each member of a collection; if None, what the metrics say.
///
/// `update`, `forward`, `compute` and `reset` are those of the current step; before the first `increment` there is none
/// to reset, and the others throw Error. The metric is a pattern: each step has a copy of it. Over ranks all steps of
/// `compute_all` travel in one exchange; ranks must have as many steps. State dicts have torchmetrics' keys: `1.`,
/// `2.`, … for the steps. What was created by name is had as a tracker by `MetricTracker::of`. Source: torchmetrics'
/// MetricTracker.
class METRICS_API MetricTracker : public Composite {
 public:
  using Options = MetricTrackerOptions;
  /// A value that no other step surpasses, and the first step that has it, from 0.
  struct Best {
    double value;
    int64_t step;
  };
  using NamedBest = std::vector<std::pair<std::string, std::optional<Best>>>;

  /// Throws InvalidArgument for directions that are neither given nor the metric's, or do not go with its members.
  explicit MetricTracker(MetricHandle metric, MetricTrackerOptions options = {});
  /// From options as JSON has them: `metric`, and `maximize`, a bool, a list of them or None.
  static MetricTracker of_options(const Kwargs& options);
  /// `{"metric": {"name": "MetricCollection", "options": {…}}, "maximize": [true, false]}`. Throws InvalidArgument for
  /// text that is no such JSON.
  static MetricTracker from_json(std::string_view json);
  /// What `create("MetricTracker", …)` has made, as what it is. Throws InvalidArgument for another metric.
  static MetricTracker& of(Metric& metric);

  MetricTracker(const MetricTracker&) = default;
  MetricTracker& operator=(const MetricTracker&) = default;
  MetricTracker(MetricTracker&&) noexcept = default;
  MetricTracker& operator=(MetricTracker&&) noexcept = default;

  std::string_view name() const override { return "MetricTracker"; }
  std::unique_ptr<Metric> clone() const override { return std::make_unique<MetricTracker>(*this); }

  /// That of the current step.
  int64_t update_count() const override { return n_steps() > 0 ? parts()[parts().size() - 1].update_count() : 0; }

  /// Begins the next step.
  void increment();
  int64_t n_steps() const { return static_cast<int64_t>(parts().size()) - 1; }
  /// The metric of that step, from 0. Throws InvalidArgument for a step that there is not.
  Metric& step(int64_t index) const;

  /// The values of all steps, stacked along a new first dimension; by name where they have names. A list of them where
  /// they cannot be stacked.
  c10::IValue compute_all();
  /// The best of all steps. None, with a warning, where values of more than one element have no best. Throws Error for
  /// values with names.
  std::optional<Best> best_metric();
  /// The same for each name. Throws Error for values without.
  NamedBest best_metrics();

  /// The current step back to its default states.
  void reset() override;
  /// All steps back to their default states; they stay steps.
  void reset_all();

 protected:
  c10::IValue value() override;
  void feed(const std::shared_ptr<const BatchInputs>& inputs, Feeds& feeds) override;
  void collect_units(std::vector<Unit*>& units) override;
  void update_dynamic(const Args& args, const Kwargs& kwargs, const Rows& rows) override;
  c10::IValue forward_dynamic(const Args& args, const Kwargs& kwargs, const Rows& rows) override;
  c10::IValue compute_dynamic() override;
  std::string describe_options() const override;

 private:
  Metric& current(std::string_view method) const;
  void require_increment(std::string_view method) const;
  /// What `f` gives while all steps have what they hold over the ranks.
  template <class F>
  auto over_all_steps(std::string_view method, const F& f);
  c10::IValue stacked_values() const;
  /// For each of so many names whether the highest value is the best.
  std::vector<bool> directions(std::size_t names) const;

  std::vector<bool> maximize_;
};

}  // namespace metrics
