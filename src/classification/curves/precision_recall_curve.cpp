#include "results.h"
#include <metrics/classification/precision_recall_curve.h>
#include <metrics/core/define.h>

namespace metrics {

using namespace classification;

namespace {

PrecisionRecallCurves curves_in_tensors(const std::vector<PrecisionRecallPoints>& curves, const CurvePlan& plan) {
  return {stacked_points(curves, &PrecisionRecallPoints::precision, plan),
          stacked_points(curves, &PrecisionRecallPoints::recall, plan), stacked_thresholds(curves, plan)};
}

PrecisionRecallPairs curve_in_tensors(const PrecisionRecallPoints& curve) {
  return {tensor_of_points(curve.precision), tensor_of_points(curve.recall), tensor_of_points(curve.thresholds)};
}

}  // namespace

PrecisionRecallPairs definitions::BinaryPrecisionRecallCurve::finalise(const States& states, const Prepared& p) {
  return curve_in_tensors(precision_recall_points(states, p.plan).front());
}

void definitions::MulticlassPrecisionRecallCurve::check(const Options& options) {
  MulticlassCurve::check(options);
  check_curve_average(options.average, {Average::Micro, Average::Macro, Average::None});
}

PrecisionRecallCurves definitions::MulticlassPrecisionRecallCurve::finalise(const States& states, const Prepared& p) {
  if (p.average == Average::None) return curves_in_tensors(precision_recall_points(states, p.plan), p.plan);
  auto [precision, recall, thresholds] = curve_in_tensors(averaged_precision_recall(states, p.plan, p.average));
  return {precision, recall, thresholds};
}

PrecisionRecallCurves definitions::MultilabelPrecisionRecallCurve::finalise(const States& states, const Prepared& p) {
  return curves_in_tensors(precision_recall_points(states, p.plan), p.plan);
}

METRICS_DEFINE(definitions::BinaryPrecisionRecallCurve);
METRICS_DEFINE(definitions::MulticlassPrecisionRecallCurve);
METRICS_DEFINE(definitions::MultilabelPrecisionRecallCurve);

namespace functional {

PrecisionRecallPairs binary_precision_recall_curve(const Tensor& preds, const Tensor& target,
                                                   const BinaryCurveOptions& options) {
  return compute_once<definitions::BinaryPrecisionRecallCurve>(options, preds, target);
}

PrecisionRecallCurves multiclass_precision_recall_curve(const Tensor& preds, const Tensor& target,
                                                        const MulticlassCurveOptions& options) {
  return compute_once<definitions::MulticlassPrecisionRecallCurve>(options, preds, target);
}

PrecisionRecallCurves multilabel_precision_recall_curve(const Tensor& preds, const Tensor& target,
                                                        const MultilabelCurveOptions& options) {
  return compute_once<definitions::MultilabelPrecisionRecallCurve>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
