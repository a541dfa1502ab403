#include "results.h"
#include <metrics/classification/roc.h>
#include <metrics/core/define.h>

namespace metrics {

using namespace classification;

namespace {

RocCurves curves_in_tensors(const std::vector<RocPoints>& curves, const CurvePlan& plan) {
  return {stacked_points(curves, &RocPoints::fpr, plan), stacked_points(curves, &RocPoints::tpr, plan),
          stacked_thresholds(curves, plan)};
}

RocCurve curve_in_tensors(const RocPoints& curve) {
  return {tensor_of_points(curve.fpr), tensor_of_points(curve.tpr), tensor_of_points(curve.thresholds)};
}

}  // namespace

RocCurve definitions::BinaryROC::finalise(const States& states, const Prepared& p) {
  return curve_in_tensors(roc_points(states, p.plan).front());
}

void definitions::MulticlassROC::check(const Options& options) {
  MulticlassCurve::check(options);
  check_curve_average(options.average, {Average::Micro, Average::Macro, Average::None});
}

RocCurves definitions::MulticlassROC::finalise(const States& states, const Prepared& p) {
  if (p.average == Average::None) return curves_in_tensors(roc_points(states, p.plan), p.plan);
  auto [fpr, tpr, thresholds] = curve_in_tensors(averaged_roc(states, p.plan, p.average));
  return {fpr, tpr, thresholds};
}

RocCurves definitions::MultilabelROC::finalise(const States& states, const Prepared& p) {
  return curves_in_tensors(roc_points(states, p.plan), p.plan);
}

METRICS_DEFINE(definitions::BinaryROC);
METRICS_DEFINE(definitions::MulticlassROC);
METRICS_DEFINE(definitions::MultilabelROC);

namespace functional {

RocCurve binary_roc(const Tensor& preds, const Tensor& target, const BinaryCurveOptions& options) {
  return compute_once<definitions::BinaryROC>(options, preds, target);
}

RocCurves multiclass_roc(const Tensor& preds, const Tensor& target, const MulticlassCurveOptions& options) {
  return compute_once<definitions::MulticlassROC>(options, preds, target);
}

RocCurves multilabel_roc(const Tensor& preds, const Tensor& target, const MultilabelCurveOptions& options) {
  return compute_once<definitions::MultilabelROC>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
