#pragma once

#include <metrics/core/codec.h>
#include <metrics/core/metric.h>
#include <metrics/export.h>

#include <concepts>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace metrics {

/// A metric that several hold: copies of the handle are the same metric. Made by `share`.
template <std::derived_from<Metric> M>
class Shared {
 public:
  explicit Shared(std::shared_ptr<M> metric) : metric_(std::move(metric)) {}

  M& operator*() const { return *metric_; }
  M* operator->() const { return metric_.get(); }
  const std::shared_ptr<M>& pointer() const { return metric_; }

 private:
  std::shared_ptr<M> metric_;
};

/// A handle to a metric, to keep it in several places or in sight of the one who hands it over:
///   auto accuracy = share(MulticlassAccuracy({.num_classes = 10}));
///   MetricCollection both({accuracy, 100 * accuracy});
template <class M>
requires(std::derived_from<M, Metric> && !std::is_lvalue_reference_v<M>) Shared<M> share(M&& metric) {
  return Shared<M>(std::make_shared<M>(std::forward<M>(metric)));
}

/// A metric for one that is made of others: a handle, or a metric that the other owns from then on. (A metric with a
/// name of its own in the program is neither: `share` it, or move it.)
class METRICS_API MetricHandle {
 public:
  /// Throws InvalidArgument for one that was moved from.
  template <class M>
  MetricHandle(const Shared<M>& metric)  // NOLINT: implicit on purpose
      : MetricHandle(std::shared_ptr<Metric>(metric.pointer())) {}
  template <class M>
  requires(std::derived_from<M, Metric> && !std::is_const_v<M> && !std::is_lvalue_reference_v<M>)
      MetricHandle(M&& metric)  // NOLINT: implicit on purpose
      : metric_(std::make_shared<M>(std::forward<M>(metric))) {}
  /// Throws InvalidArgument for a null pointer.
  MetricHandle(std::unique_ptr<Metric> metric)  // NOLINT: implicit on purpose
      : MetricHandle(std::shared_ptr<Metric>(std::move(metric))) {}
  MetricHandle(std::shared_ptr<Metric> metric);  // NOLINT: implicit on purpose

  Metric& operator*() const { return *metric_; }
  Metric* operator->() const { return metric_.get(); }
  const std::shared_ptr<Metric>& pointer() const { return metric_; }

 private:
  std::shared_ptr<Metric> metric_;
};

/// In the dynamic face and in JSON a metric is `{"name": class, "options": {…}}`, or its name alone.
template <>
struct METRICS_API Codec<MetricHandle> {
  static std::string type();
  static std::optional<MetricHandle> read(const c10::IValue& v);
  /// The metric's text.
  static c10::IValue write(const MetricHandle& value);
};

}  // namespace metrics
