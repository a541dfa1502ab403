#include "classification/define_tasks.h"
#include "results.h"
#include <metrics/classification/roc.h>

namespace metrics {

using namespace classification;
using namespace classification::curves;

namespace {

RocCurves curves_in_tensors(const std::vector<RocPoints>& curves, const CurvePlan& plan) {
  return {stacked_points(curves, &RocPoints::fpr, plan), stacked_points(curves, &RocPoints::tpr, plan),
          stacked_thresholds(curves, plan)};
}

RocCurve curve_in_tensors(const RocPoints& curve) {
  return {tensor_of_points(curve.fpr), tensor_of_points(curve.tpr), tensor_of_points(curve.thresholds)};
}

}  // namespace

RocCurve scores::ROC::value(const GatheredCurve& curve, const BinaryCurveOptions&) {
  return curve_in_tensors(roc_points(curve.states, curve.plan).front());
}

void scores::ROC::check(const MulticlassCurveOptions& options) {
  check_average(options.average, {Average::Micro, Average::Macro, Average::None});
}

RocCurves scores::ROC::value(const GatheredCurve& curve, const MulticlassCurveOptions& options) {
  if (options.average == Average::None) return curves_in_tensors(roc_points(curve.states, curve.plan), curve.plan);
  auto [fpr, tpr, thresholds] = curve_in_tensors(averaged_roc(curve.states, curve.plan, options.average));
  return {fpr, tpr, thresholds};
}

RocCurves scores::ROC::value(const GatheredCurve& curve, const MultilabelCurveOptions&) {
  return curves_in_tensors(roc_points(curve.states, curve.plan), curve.plan);
}

METRICS_DEFINE_TASKS(ROC);

}  // namespace metrics
