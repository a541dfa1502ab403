#pragma once

#include <metrics/collections/composite.h>
#include <metrics/collections/handle.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/export.h>

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace metrics {

/// Gives a metric with a value for each class as values by name: `prefix + label + postfix`.
///
///   ClasswiseWrapper accuracy(MulticlassAccuracy({.num_classes = 3, .average = classification::Average::None}),
///                             {.labels = {{"horse", "fish", "dog"}}});
///   accuracy.compute().tensor("multiclassaccuracy_fish");
///
/// `metric`: the metric whose value has an element a class. Its value is split along the first dimension. Throws Error
/// for one that is no tensor or has no dimension, and for one with another number of elements than there are labels.
/// Source: torchmetrics' ClasswiseWrapper.
class METRICS_API ClasswiseWrapper : public Composite {
 public:
  struct Options {
    std::optional<std::vector<std::string>> labels{};  ///< The classes' names; none: their numbers.
    std::string prefix{};   ///< Without prefix and postfix: the metric's class in small letters and `_`.
    std::string postfix{};  ///< After each label.
  };

  explicit ClasswiseWrapper(MetricHandle metric) : ClasswiseWrapper(std::move(metric), Options{}) {}
  /// Throws InvalidArgument for a label that occurs twice.
  ClasswiseWrapper(MetricHandle metric, Options options);

  NamedValues compute() { return NamedValues(Metric::compute()); }
  using Metric::forward;
  /// The values of the batch alone.
  template <class First, class... More>
  requires(!std::convertible_to<First, Args>) NamedValues forward(const First& first, const More&... more) {
    return NamedValues(Composite::forward(first, more...));
  }
  /// `forward`, as calling a metric is in Python.
  template <class... A>
  auto operator()(A&&... inputs) -> decltype(this->forward(std::forward<A>(inputs)...)) {
    return forward(std::forward<A>(inputs)...);
  }

  std::string_view name() const override { return "ClasswiseWrapper"; }
  const MetricTraits& traits() const override { return wrapped().traits(); }
  std::unique_ptr<Metric> clone() const override { return std::make_unique<ClasswiseWrapper>(*this); }
  const Options& options() const { return options_; }
  Metric& wrapped() const { return parts()[0]; }

 protected:
  c10::IValue value() override;
  std::string describe_options() const override;

 private:
  Options options_;
};

}  // namespace metrics
