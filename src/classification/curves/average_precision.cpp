#include "results.h"
#include <metrics/classification/average_precision.h>
#include <metrics/core/define.h>

#include <ATen/ops/scalar_tensor.h>

namespace metrics {

using namespace classification;

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
  return found.sum / static_cast<double>(found.positives);
}

Tensor averaged_precision(const States& states, const CurvePlan& plan, Average average) {
  const auto curves = precision_sums(states, plan);
  std::vector<double> precisions;
  for (const PrecisionSum& found : curves) precisions.push_back(average_precision(found, plan));
  return averaged_areas(precisions, curve_support(curves), average);
}

}  // namespace

Tensor definitions::BinaryAveragePrecision::finalise(const States& states, const Prepared& p) {
  return at::scalar_tensor(average_precision(precision_sums(states, p.plan).front(), p.plan), at::kDouble);
}

void definitions::MulticlassAveragePrecision::check(const Options& options) {
  MulticlassCurve::check(options);
  check_curve_average(options.average, {Average::Macro, Average::Weighted, Average::None});
}

Tensor definitions::MulticlassAveragePrecision::finalise(const States& states, const Prepared& p) {
  return averaged_precision(states, p.plan, p.average);
}

Tensor definitions::MultilabelAveragePrecision::finalise(const States& states, const Prepared& p) {
  if (p.average != Average::Micro) return averaged_precision(states, p.plan, p.average);
  return at::scalar_tensor(average_precision(micro_precision_sum(states, p.plan), p.plan), at::kDouble);
}

METRICS_DEFINE(definitions::BinaryAveragePrecision);
METRICS_DEFINE(definitions::MulticlassAveragePrecision);
METRICS_DEFINE(definitions::MultilabelAveragePrecision);

namespace functional {

Tensor binary_average_precision(const Tensor& preds, const Tensor& target, const BinaryCurveOptions& options) {
  return compute_once<definitions::BinaryAveragePrecision>(options, preds, target);
}

Tensor multiclass_average_precision(const Tensor& preds, const Tensor& target, const MulticlassAreaOptions& options) {
  return compute_once<definitions::MulticlassAveragePrecision>(options, preds, target);
}

Tensor multilabel_average_precision(const Tensor& preds, const Tensor& target, const MultilabelAreaOptions& options) {
  return compute_once<definitions::MultilabelAveragePrecision>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
