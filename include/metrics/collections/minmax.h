#pragma once

#include <metrics/collections/composite.h>
#include <metrics/collections/handle.h>
#include <metrics/export.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace metrics {

struct MinMaxValue {
  Tensor raw;  ///< The metric's value.
  Tensor max;  ///< The largest that there was.
  Tensor min;  ///< The smallest.
};

/// Computes a metric, and the least and the greatest of the values that `compute` and `forward` have given so far.
///
///   MinMaxMetric accuracy(MulticlassAccuracy({.num_classes = 10}));
///
/// `base_metric`: the metric that is computed, to one element. `raw`: its value; `max`: the greatest so far; `min`: the
/// least so far. The extremes go on after `reset`, as in torchmetrics 1.9.0, until `reset_extremes`; a NaN is neither.
/// They belong to what this metric has given: `merge` takes the other's data and leaves its extremes. A state dict
/// keeps them in its metadata. A base metric whose value has not one element is an error, at `compute`. Source:
/// torchmetrics' MinMaxMetric.
class METRICS_API MinMaxMetric : public Composite, private Recorder {
 public:
  explicit MinMaxMetric(MetricHandle base_metric);
  MinMaxMetric(const MinMaxMetric&) = default;
  MinMaxMetric& operator=(const MinMaxMetric&) = default;
  MinMaxMetric(MinMaxMetric&&) noexcept = default;
  MinMaxMetric& operator=(MinMaxMetric&&) noexcept = default;

  std::string_view name() const override { return "MinMaxMetric"; }
  /// The direction is the base metric's, for each of the three values.
  const MetricTraits& traits() const override { return traits_; }
  std::unique_ptr<Metric> clone() const override { return std::make_unique<MinMaxMetric>(*this); }

  MinMaxValue compute();
  using Metric::forward;
  template <class First, class... More>
  requires(!std::convertible_to<First, Args>) MinMaxValue forward(const First& first, const More&... more) {
    return read(Composite::forward(first, more...));
  }
  /// `forward`, as calling a metric is in Python.
  template <class... A>
  auto operator()(A&&... inputs) -> decltype(this->forward(std::forward<A>(inputs)...)) {
    return forward(std::forward<A>(inputs)...);
  }
  /// Forgets the extremes.
  void reset_extremes() { extremes_ = {}; }

 protected:
  c10::IValue value() override;
  std::string describe_options() const override;

  void collect_recorders(std::vector<Recorder*>& recorders) override;
  void save_own_states(StateDict& destination, const std::string& prefix) const override;
  Prepared prepare_load(const StateDict& source, const std::string& prefix, bool strict, Keys& known) override;

 private:
  /// Of the values so far; undefined before the first.
  struct METRICS_API Extremes {
    Tensor max, min;
  };

  std::shared_ptr<const void> history() const override;
  void restore_history(std::shared_ptr<const void> history) override;
  static MinMaxValue read(const c10::IValue& value);

  MetricTraits traits_{};
  Extremes extremes_{};
};

}  // namespace metrics
