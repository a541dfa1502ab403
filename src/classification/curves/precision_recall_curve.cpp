#include "classification/define_tasks.h"
#include "results.h"
#include <metrics/classification/precision_recall_curve.h>

namespace metrics {

using namespace classification;
using namespace classification::curves;

namespace {

PrecisionRecallCurves curves_in_tensors(const std::vector<PrecisionRecallPoints>& curves, const CurvePlan& plan) {
  return {stacked_points(curves, &PrecisionRecallPoints::precision, plan),
          stacked_points(curves, &PrecisionRecallPoints::recall, plan), stacked_thresholds(curves, plan)};
}

PrecisionRecallPairs curve_in_tensors(const PrecisionRecallPoints& curve) {
  return {tensor_of_points(curve.precision), tensor_of_points(curve.recall), tensor_of_points(curve.thresholds)};
}

}  // namespace

PrecisionRecallPairs scores::PrecisionRecallCurve::value(const GatheredCurve& curve, const BinaryCurveOptions&) {
  return curve_in_tensors(precision_recall_points(curve.states, curve.plan).front());
}

void scores::PrecisionRecallCurve::check(const MulticlassCurveOptions& options) {
  check_average(options.average, {Average::Micro, Average::Macro, Average::None});
}

PrecisionRecallCurves scores::PrecisionRecallCurve::value(const GatheredCurve& curve,
                                                          const MulticlassCurveOptions& options) {
  if (options.average == Average::None)
    return curves_in_tensors(precision_recall_points(curve.states, curve.plan), curve.plan);
  auto [precision, recall, thresholds] =
      curve_in_tensors(averaged_precision_recall(curve.states, curve.plan, options.average));
  return {precision, recall, thresholds};
}

PrecisionRecallCurves scores::PrecisionRecallCurve::value(const GatheredCurve& curve, const MultilabelCurveOptions&) {
  return curves_in_tensors(precision_recall_points(curve.states, curve.plan), curve.plan);
}

METRICS_DEFINE_TASKS(PrecisionRecallCurve);

}  // namespace metrics
