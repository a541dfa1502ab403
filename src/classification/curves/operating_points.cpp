#include "classification/define_tasks.h"
#include "curves.h"
#include <metrics/classification/precision_fixed_recall.h>
#include <metrics/classification/recall_fixed_precision.h>
#include <metrics/classification/sensitivity_specificity.h>
#include <metrics/classification/specificity_sensitivity.h>
#include <metrics/core/errors.h>

#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <vector>

namespace metrics::classification::curves {

namespace {

GreatestRate goal_of(const CurvePlan& plan, Rate wanted, Rate held, double minimum) {
  return {wanted, held, minimum, recall_without_positives(plan)};
}

OperatingPoint as_tensors(const std::vector<ChosenPoint>& chosen, double no_threshold) {
  // A binary metric has scalars.
  const std::vector<int64_t> shape(chosen.size() == 1 ? 0 : 1, static_cast<int64_t>(chosen.size()));
  OperatingPoint point{at::empty(shape, at::kDouble), at::empty(shape, at::kDouble)};
  std::transform(chosen.begin(), chosen.end(), point.value.mutable_data_ptr<double>(),
                 [](const ChosenPoint& c) { return c.found ? c.value : 0; });
  std::transform(chosen.begin(), chosen.end(), point.threshold.mutable_data_ptr<double>(),
                 [&](const ChosenPoint& c) { return c.found ? c.threshold : no_threshold; });
  return point;
}

}  // namespace

void check_minimum(Rate rate, double minimum) {
  if (minimum >= 0 && minimum <= 1) return;
  constexpr std::array options{"min_precision", "min_recall", "min_sensitivity", "min_specificity"};
  throw InvalidArgument(std::string(options[static_cast<std::size_t>(rate)]) + ": expected a number in [0, 1], got " +
                        std::to_string(minimum));
}

OperatingPoint greatest(const GatheredCurve& curve, Rate wanted, Rate held, double minimum) {
  const GreatestRate goal = goal_of(curve.plan, wanted, held, minimum);
  std::vector<ChosenPoint> chosen = greatest_rates(curve.states, curve.plan, goal);
  for (ChosenPoint& point : chosen) {
    if (goal.on_roc()) {
      warn_of_missing_samples(point.positives, point.negatives, curve.plan);
      continue;
    }
    if (point.positives == 0 && goal.recall_of_none == 1) warn_of_no_positives();
    if (point.value == 0) point.found = false;
  }
  return as_tensors(chosen, goal.on_roc() ? 1e6 : std::numeric_limits<double>::quiet_NaN());
}

std::shared_ptr<const RangedValue> ranged_greatest(const CurvePlan& plan, Rate wanted, Rate held, double minimum) {
  return ranged_greatest_rates(plan, goal_of(plan, wanted, held, minimum));
}

}  // namespace metrics::classification::curves

namespace metrics {

METRICS_DEFINE_TASKS(PrecisionAtFixedRecall);
METRICS_DEFINE_TASKS(RecallAtFixedPrecision);
METRICS_DEFINE_TASKS(SensitivityAtSpecificity);
METRICS_DEFINE_TASKS(SpecificityAtSensitivity);

}  // namespace metrics
