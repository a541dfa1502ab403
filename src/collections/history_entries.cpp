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
  GivenMetric base_metric{};
  int64_t window = RunningOptions{}.window;

  static constexpr auto fields() {
    return metrics::fields<&RunningArguments::base_metric, &RunningArguments::window>(1).about(
        {"The metric to wrap.", "How many updates count; positive."});
  }
};

struct MinMaxArguments {
  GivenMetric base_metric{};

  static constexpr auto fields() {
    return metrics::fields<&MinMaxArguments::base_metric>(1).about({"The metric to wrap."});
  }
};

struct BootStrapperArguments : BootStrapperOptions {
  GivenMetric base_metric{};

  static constexpr auto fields() {
    const auto own = BootStrapperOptions::fields().texts;
    return metrics::fields<&BootStrapperArguments::base_metric, &BootStrapperOptions::num_bootstraps,
                           &BootStrapperOptions::mean, &BootStrapperOptions::std, &BootStrapperOptions::quantile,
                           &BootStrapperOptions::raw, &BootStrapperOptions::sampling_strategy,
                           &BootStrapperOptions::seed>(1)
        .about({"The metric to wrap.", own[0], own[1], own[2], own[3], own[4], own[5], own[6]});
  }
};

MetricHandle example_metric() {
  return MulticlassAccuracy({.num_classes = 3});
}

template <class Arguments>
Arguments with_example() {
  Arguments arguments;
  arguments.base_metric.handle = example_metric();
  return arguments;
}

std::unique_ptr<Metric> make_running(const RunningArguments& given) {
  return std::make_unique<Running>(given.base_metric, RunningOptions{.window = given.window});
}

std::unique_ptr<Metric> make_minmax(const MinMaxArguments& given) {
  return std::make_unique<MinMaxMetric>(given.base_metric);
}

std::unique_ptr<Metric> make_bootstrapper(const BootStrapperArguments& given) {
  return std::make_unique<BootStrapper>(given.base_metric, given);
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
