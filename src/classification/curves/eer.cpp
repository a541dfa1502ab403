#include "classification/define_tasks.h"
#include "curves.h"
#include <metrics/classification/eer.h>

#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace metrics {

using namespace classification;
using namespace classification::curves;

namespace {

constexpr double kNoRate = std::numeric_limits<double>::quiet_NaN();

/// Returns the index of the least gap, the first of several.
template <class Gap>
std::optional<std::size_t> closest(std::size_t count, const Gap& gap) {
  std::optional<std::size_t> best;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < count; ++i) {
    const double width = std::abs(gap(i));
    if (!(width < least)) continue;
    least = width;
    best = i;
  }
  return best;
}

double equal_error_rate(const EqualErrors& errors, const CurvePlan& plan) {
  warn_of_missing_samples(errors.positives, errors.negatives, plan);
  return errors.rate;
}

double equal_error_rate(const RocPoints& curve) {
  const auto miss = [&](std::size_t i) { return 1 - curve.tpr[i]; };
  const auto at = closest(curve.fpr.size(), [&](std::size_t i) { return curve.fpr[i] - miss(i); });
  return at ? (curve.fpr[*at] + miss(*at)) / 2 : kNoRate;
}

Tensor equal_error_rates(const States& states, const CurvePlan& plan) {
  std::vector<double> rates;
  for (const EqualErrors& errors : equal_errors(states, plan)) rates.push_back(equal_error_rate(errors, plan));
  return at::tensor(rates, at::kDouble);
}

}  // namespace

std::shared_ptr<const RangedValue> scores::EER::ranged(const CurvePlan& plan, const BinaryCurveOptions&) {
  return ranged_equal_errors(plan);
}

std::shared_ptr<const RangedValue> scores::EER::ranged(const CurvePlan& plan, const MulticlassCurveOptions& o) {
  // The mean of curves needs all of their points.
  return o.average == Average::Macro ? nullptr : ranged_equal_errors(plan, o.average == Average::Micro);
}

std::shared_ptr<const RangedValue> scores::EER::ranged(const CurvePlan& plan, const MultilabelCurveOptions&) {
  return ranged_equal_errors(plan);
}

Tensor scores::EER::value(const GatheredCurve& curve, const BinaryCurveOptions&) {
  return equal_error_rates(curve.states, curve.plan).squeeze(0);
}

void scores::EER::check(const MulticlassCurveOptions& o) {
  check_average(o.average, {Average::Micro, Average::Macro, Average::None});
}

Tensor scores::EER::value(const GatheredCurve& curve, const MulticlassCurveOptions& o) {
  if (o.average == Average::None) return equal_error_rates(curve.states, curve.plan);
  const double rate = o.average == Average::Micro
                          ? equal_error_rate(micro_equal_errors(curve.states, curve.plan), curve.plan)
                          : equal_error_rate(mean_roc(whole_roc_points(curve.states, curve.plan)));
  return at::scalar_tensor(rate, at::kDouble);
}

Tensor scores::EER::value(const GatheredCurve& curve, const MultilabelCurveOptions&) {
  return equal_error_rates(curve.states, curve.plan);
}

METRICS_DEFINE_TASKS(EER);

}  // namespace metrics
