#pragma once

#include <metrics/core/registry.h>

namespace metrics {

// The entries of the wrappers whose value follows from a history or from chance.

MetricEntry running_entry(std::string_view domain);
MetricEntry running_mean_entry(std::string_view domain);
MetricEntry running_sum_entry(std::string_view domain);
MetricEntry minmax_entry(std::string_view domain);
MetricEntry bootstrapper_entry(std::string_view domain);

}  // namespace metrics
