#include "classification/define_tasks.h"
#include "results.h"
#include <metrics/classification/average_precision.h>

#include <ATen/ops/scalar_tensor.h>

namespace metrics {

using namespace classification;
using namespace classification::curves;

namespace {

/// The sum over thresholds of the gain of recall times the precision there; a precision without predictions gains
/// nothing.
double average_precision(const PrecisionSum& found, const CurvePlan& plan) {
  if (found.positives == 0) {
    if (plan.bins()) return 0;
    const double recall = recall_without_positives(plan);
    if (recall == 1) warn_of_no_positives();
    return 0 * recall;
  }
  return found.sum / found.positives;
}

Tensor averaged_precision(const States& states, const CurvePlan& plan, Average average) {
  const auto curves = precision_sums(states, plan);
  std::vector<double> precisions;
  for (const PrecisionSum& found : curves) precisions.push_back(average_precision(found, plan));
  return averaged_areas(precisions, curve_support(curves), average);
}

}  // namespace

std::shared_ptr<const RangedValue> scores::AveragePrecision::ranged(const CurvePlan& plan, const BinaryCurveOptions&) {
  return ranged_precision_sums(plan);
}

std::shared_ptr<const RangedValue> scores::AveragePrecision::ranged(const CurvePlan& plan,
                                                                    const MulticlassAreaOptions&) {
  return ranged_precision_sums(plan);
}

std::shared_ptr<const RangedValue> scores::AveragePrecision::ranged(const CurvePlan& plan,
                                                                    const MultilabelAreaOptions& options) {
  return ranged_precision_sums(plan, options.average == Average::Micro);
}

Tensor scores::AveragePrecision::value(const GatheredCurve& curve, const BinaryCurveOptions&) {
  return at::scalar_tensor(average_precision(precision_sums(curve.states, curve.plan).front(), curve.plan),
                           at::kDouble);
}

void scores::AveragePrecision::check(const MulticlassAreaOptions& options) {
  check_average(options.average, {Average::Macro, Average::Weighted, Average::None});
}

Tensor scores::AveragePrecision::value(const GatheredCurve& curve, const MulticlassAreaOptions& options) {
  return averaged_precision(curve.states, curve.plan, options.average);
}

Tensor scores::AveragePrecision::value(const GatheredCurve& curve, const MultilabelAreaOptions& options) {
  if (options.average != Average::Micro) return averaged_precision(curve.states, curve.plan, options.average);
  return at::scalar_tensor(average_precision(micro_precision_sum(curve.states, curve.plan), curve.plan), at::kDouble);
}

METRICS_DEFINE_TASKS(AveragePrecision);

}  // namespace metrics
