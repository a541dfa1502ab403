#include "composite_entry.h"
#include "wrapper_entries.h"
#include <metrics/aggregation/aggregation.h>
#include <metrics/classification/accuracy.h>
#include <metrics/collections/bootstrapping.h>
#include <metrics/collections/minmax.h>
#include <metrics/collections/running.h>

namespace metrics {

namespace {

struct RunningArguments {
  std::optional<MetricHandle> base_metric{};
  int64_t window = RunningOptions{}.window;

  static constexpr auto fields() {
    return metrics::fields<&RunningArguments::base_metric, &RunningArguments::window>(1);
  }
};

struct MinMaxArguments {
  std::optional<MetricHandle> base_metric{};

  static constexpr auto fields() { return metrics::fields<&MinMaxArguments::base_metric>(1); }
};

struct BootStrapperArguments : BootStrapperOptions {
  std::optional<MetricHandle> base_metric{};

  static constexpr auto fields() {
    return metrics::fields<&BootStrapperArguments::base_metric, &BootStrapperOptions::num_bootstraps,
                           &BootStrapperOptions::mean, &BootStrapperOptions::std, &BootStrapperOptions::quantile,
                           &BootStrapperOptions::raw, &BootStrapperOptions::sampling_strategy,
                           &BootStrapperOptions::seed>(1);
  }
};

template <class Arguments>
const MetricHandle& base_of(const Arguments& arguments, std::string_view name) {
  if (!arguments.base_metric) {
    detail::throw_option_type(name, "base_metric", Codec<MetricHandle>::type(), c10::IValue());
  }
  return *arguments.base_metric;
}

MetricHandle example_metric() {
  return MulticlassAccuracy({.num_classes = 3});
}

template <class Arguments>
Arguments with_example() {
  Arguments arguments;
  arguments.base_metric = example_metric();
  return arguments;
}

std::unique_ptr<Metric> make_running(const RunningArguments& given) {
  return std::make_unique<Running>(base_of(given, "Running"), RunningOptions{.window = given.window});
}

std::unique_ptr<Metric> make_minmax(const MinMaxArguments& given) {
  return std::make_unique<MinMaxMetric>(base_of(given, "MinMaxMetric"));
}

std::unique_ptr<Metric> make_bootstrapper(const BootStrapperArguments& given) {
  return std::make_unique<BootStrapper>(base_of(given, "BootStrapper"), given);
}

template <class M>
std::unique_ptr<Metric> make_aggregator(const RunningAggregatorOptions& given) {
  return std::make_unique<M>(given);
}

RunningAggregatorOptions aggregator_example() {
  return {};
}

}  // namespace

MetricEntry running_entry(std::string_view domain) {
  return composite_entry<RunningArguments, make_running, with_example<RunningArguments>>("Running", domain);
}

MetricEntry running_mean_entry(std::string_view domain) {
  MetricEntry entry = composite_entry<RunningAggregatorOptions, make_aggregator<RunningMean>, aggregator_example>(
      "RunningMean", domain);
  entry.inputs = {{"value", Codec<Values>::type()}, {"weight", Codec<std::optional<Values>>::type()}};
  return entry;
}

MetricEntry running_sum_entry(std::string_view domain) {
  MetricEntry entry =
      composite_entry<RunningAggregatorOptions, make_aggregator<RunningSum>, aggregator_example>("RunningSum", domain);
  entry.inputs = {{"value", Codec<Values>::type()}};
  return entry;
}

MetricEntry minmax_entry(std::string_view domain) {
  MetricEntry entry =
      composite_entry<MinMaxArguments, make_minmax, with_example<MinMaxArguments>>("MinMaxMetric", domain);
  entry.outputs = {"raw", "max", "min"};
  return entry;
}

MetricEntry bootstrapper_entry(std::string_view domain) {
  MetricEntry entry = composite_entry<BootStrapperArguments, make_bootstrapper, with_example<BootStrapperArguments>>(
      "BootStrapper", domain);
  entry.outputs = {"mean", "std", "quantile", "raw"};
  return entry;
}

}  // namespace metrics
