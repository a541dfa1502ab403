#pragma once

#include <metrics/core/registry.h>

#include <string_view>

// The registry's entries of wrappers, each beside its class.

namespace metrics {

MetricEntry classwise_wrapper_entry(std::string_view domain);
MetricEntry multioutput_wrapper_entry(std::string_view domain);
MetricEntry multitask_wrapper_entry(std::string_view domain);
MetricEntry lambda_input_transformer_entry(std::string_view domain);
MetricEntry binary_target_transformer_entry(std::string_view domain);

}  // namespace metrics
