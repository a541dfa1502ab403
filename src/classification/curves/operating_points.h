#pragma once

#include "curves.h"
#include <metrics/classification/operating_point.h>

#include <string_view>

// The point of each curve where one rate is greatest while another is at least a minimum.

namespace metrics::classification {

/// Throws InvalidArgument for a minimum outside [0, 1].
void check_minimum(std::string_view option, double minimum);

OperatingPoint best_precision(const States& states, const CurvePlan& plan, double min_recall);
OperatingPoint best_recall(const States& states, const CurvePlan& plan, double min_precision);
OperatingPoint best_sensitivity(const States& states, const CurvePlan& plan, double min_specificity);
OperatingPoint best_specificity(const States& states, const CurvePlan& plan, double min_sensitivity);

}  // namespace metrics::classification
