#include <metrics/collections/handle.h>
#include <metrics/core/dynamic.h>
#include <metrics/core/errors.h>

namespace metrics {

MetricHandle::MetricHandle(std::shared_ptr<Metric> metric) : metric_(std::move(metric)) {
  if (!metric_) throw InvalidArgument("a metric is expected, got a null pointer");
}

std::string Codec<MetricHandle>::type() {
  return "metric";
}

std::optional<MetricHandle> Codec<MetricHandle>::read(const c10::IValue& v) {
  if (v.isString()) return MetricHandle(create(v.toStringRef()));
  if (!v.isGenericDict()) return std::nullopt;
  std::string name;
  Kwargs options;
  for (const auto& entry : v.toGenericDict()) {
    const std::string key = entry.key().isString() ? entry.key().toStringRef() : "";
    if (key == "name" && entry.value().isString()) {
      name = entry.value().toStringRef();
    } else if (key == "options" && entry.value().isGenericDict()) {
      for (const auto& option : entry.value().toGenericDict()) {
        if (!option.key().isString()) return std::nullopt;
        options.emplace(option.key().toStringRef(), option.value());
      }
    } else {
      return std::nullopt;
    }
  }
  return name.empty() ? std::nullopt : std::optional<MetricHandle>(create(name, options));
}

c10::IValue Codec<MetricHandle>::write(const MetricHandle& value) {
  return value->to_string();
}

}  // namespace metrics
