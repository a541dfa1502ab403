#include "../registry.h"

#include "composite_entry.h"
#include "wrapper_entries.h"
#include <metrics/classification/accuracy.h>
#include <metrics/collections/metric_collection.h>

namespace metrics {

void set_common_options(Metric& metric, const MetricOptions& common) {
  const bool given = common.compute_on_cpu || common.dist_sync_on_step || common.process_group || common.dist_sync_fn ||
                     common.distributed_available_fn || !common.sync_on_compute || !common.compute_with_cache ||
                     !common.name.empty();
  if (given) metric.set_metric_options(common);
}

namespace {

constexpr std::string_view domain = "collections";

/// The arguments of MetricCollection; its metrics come in several forms, which it reads itself.
MetricEntry collection_entry() {
  MetricEntry entry;
  entry.name = "MetricCollection";
  entry.domain = domain;
  entry.options = {{"metrics", "list of metric, or dict of metric by name", std::nullopt},
                   {"prefix", "str", "None"},
                   {"postfix", "str", "None"}};
  entry.outputs = {{"value by name", {}}};
  entry.create = [](const Kwargs& options, const MetricOptions& common) -> std::unique_ptr<Metric> {
    auto collection = detail::named("MetricCollection", [&] {
      return std::make_unique<MetricCollection>(MetricCollection::of_options(options));
    });
    set_common_options(*collection, common);
    return collection;
  };
  entry.example = []() -> std::unique_ptr<Metric> {
    return std::unique_ptr<Metric>(new MetricCollection({MulticlassAccuracy({.num_classes = 3})}));
  };
  return entry;
}

}  // namespace

Domain collections_domain() {
  return {.name = domain,
          .metrics =
              {
                  binary_target_transformer_entry(domain),
                  bootstrapper_entry(domain),
                  classwise_wrapper_entry(domain),
                  feature_share_entry(domain),
                  lambda_input_transformer_entry(domain),
                  collection_entry(),
                  metric_input_transformer_entry(domain),
                  metric_tracker_entry(domain),
                  minmax_entry(domain),
                  multioutput_wrapper_entry(domain),
                  multitask_wrapper_entry(domain),
                  running_entry(domain),
                  running_mean_entry(domain),
                  running_sum_entry(domain),
              },
          .routers = {}};
}

}  // namespace metrics
