#include "classification/define_tasks.h"
#include "results.h"
#include <metrics/classification/auroc.h>
#include <metrics/core/errors.h>

#include <ATen/ops/scalar_tensor.h>

#include <string>

namespace metrics {

using namespace classification;
using namespace classification::curves;

namespace {

double area(const RocArea& roc, const CurvePlan& plan) {
  warn_of_missing_samples(roc.positives, roc.negatives, plan);
  if (roc.positives == 0 || roc.negatives == 0) return 0;
  return roc.area / roc.positives / roc.negatives;
}

/// The area up to a false positive rate, between 0.5 for chance and 1 (McClish 1989, Analyzing a portion of the ROC
/// curve).
double partial_area(const PartialArea& roc, const CurvePlan& plan, double max_fpr) {
  warn_of_missing_samples(roc.positives, roc.negatives, plan);
  if (roc.positives == 0 || roc.negatives == 0) return 0;
  const double least = max_fpr * max_fpr / 2;
  return 0.5 * (1 + (roc.area - least) / (max_fpr - least));
}

Tensor averaged_area(const States& states, const CurvePlan& plan, Average average) {
  const auto curves = roc_areas(states, plan);
  std::vector<double> areas;
  for (const RocArea& roc : curves) areas.push_back(area(roc, plan));
  return averaged_areas(areas, curve_support(curves), average);
}

}  // namespace

void scores::AUROC::check(const BinaryAUROCOptions& options) {
  if (!options.max_fpr || (*options.max_fpr > 0 && *options.max_fpr <= 1)) return;
  throw InvalidArgument("max_fpr: expected a number in (0, 1], got " + std::to_string(*options.max_fpr));
}

std::shared_ptr<const RangedValue> scores::AUROC::ranged(const CurvePlan& plan, const BinaryAUROCOptions& options) {
  const double max_fpr = options.max_fpr.value_or(1);
  return max_fpr == 1 ? ranged_roc_areas(plan) : ranged_partial_areas(plan, max_fpr);
}

std::shared_ptr<const RangedValue> scores::AUROC::ranged(const CurvePlan& plan, const MulticlassAreaOptions&) {
  return ranged_roc_areas(plan);
}

std::shared_ptr<const RangedValue> scores::AUROC::ranged(const CurvePlan& plan, const MultilabelAreaOptions& options) {
  return ranged_roc_areas(plan, options.average == Average::Micro);
}

Tensor scores::AUROC::value(const GatheredCurve& curve, const BinaryAUROCOptions& options) {
  const double max_fpr = options.max_fpr.value_or(1);
  return at::scalar_tensor(
      max_fpr == 1 ? area(roc_areas(curve.states, curve.plan).front(), curve.plan)
                   : partial_area(partial_areas(curve.states, curve.plan, max_fpr).front(), curve.plan, max_fpr),
      at::kDouble);
}

void scores::AUROC::check(const MulticlassAreaOptions& options) {
  check_average(options.average, {Average::Macro, Average::Weighted, Average::None});
}

Tensor scores::AUROC::value(const GatheredCurve& curve, const MulticlassAreaOptions& options) {
  return averaged_area(curve.states, curve.plan, options.average);
}

Tensor scores::AUROC::value(const GatheredCurve& curve, const MultilabelAreaOptions& options) {
  if (options.average != Average::Micro) return averaged_area(curve.states, curve.plan, options.average);
  return at::scalar_tensor(area(micro_roc_area(curve.states, curve.plan), curve.plan), at::kDouble);
}

METRICS_DEFINE_TASKS(AUROC);

}  // namespace metrics
