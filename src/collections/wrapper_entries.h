#pragma once

#include <metrics/core/registry.h>

#include <string_view>

// The registry's entries of wrappers.

namespace metrics {

MetricEntry bootstrapper_entry(std::string_view domain);
MetricEntry classwise_wrapper_entry(std::string_view domain);
MetricEntry feature_share_entry(std::string_view domain);
MetricEntry multioutput_wrapper_entry(std::string_view domain);
MetricEntry multitask_wrapper_entry(std::string_view domain);
MetricEntry metric_input_transformer_entry(std::string_view domain);
MetricEntry lambda_input_transformer_entry(std::string_view domain);
MetricEntry binary_target_transformer_entry(std::string_view domain);
MetricEntry metric_tracker_entry(std::string_view domain);
MetricEntry minmax_entry(std::string_view domain);
MetricEntry running_entry(std::string_view domain);
MetricEntry running_mean_entry(std::string_view domain);
MetricEntry running_sum_entry(std::string_view domain);

}  // namespace metrics
