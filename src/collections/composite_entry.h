#pragma once

#include <metrics/collections/handle.h>
#include <metrics/core/define.h>
#include <metrics/core/errors.h>
#include <metrics/core/registry.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace metrics {

/// Gives what a metric is made of the common options that came with it, where any did.
void set_common_options(Metric& metric, const MetricOptions& common);

/// A metric as an option without default, which is there once the options have been read.
struct GivenMetric {
  std::optional<MetricHandle> handle{};

  operator const MetricHandle&() const { return handle.value(); }  // NOLINT: implicit on purpose
};

template <>
struct Codec<GivenMetric> {
  static std::string type() { return Codec<MetricHandle>::type(); }
  static std::optional<GivenMetric> read(const c10::IValue& v) {
    auto handle = Codec<MetricHandle>::read(v);
    return handle ? std::optional(GivenMetric{std::move(handle)}) : std::nullopt;
  }
  static c10::IValue write(const GivenMetric& value) { return Codec<MetricHandle>::write(value); }
};

/// The registry's entry of a metric that is made of others. `Arguments` lists what its constructor takes in the dynamic
/// face, metrics as `GivenMetric`, those required first; `make` makes it of them, and `example` gives some for
/// listings.
template <class Arguments, std::unique_ptr<Metric> (*make)(const Arguments&), Arguments (*example)()>
MetricEntry composite_entry(std::string_view name, std::string_view domain) {
  static std::string of_name;
  of_name = name;
  MetricEntry entry;
  entry.name = name;
  entry.domain = domain;
  entry.options = detail::option_infos<Arguments>();
  entry.outputs = {"value"};
  entry.create = [](const Kwargs& options, const MetricOptions& common) {
    std::unique_ptr<Metric> made =
        detail::named(of_name, [&] { return make(options_from<Arguments>(options, of_name)); });
    set_common_options(*made, common);
    return made;
  };
  entry.call = [](const Args&, const Kwargs&) -> c10::IValue { throw Error(of_name + " has no functional"); };
  entry.example = [] { return make(example()); };
  return entry;
}

}  // namespace metrics
