#include "classification/define_tasks.h"
#include "roc_counts.h"
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

double equal_error_rate(CurveCounts counts, const CurvePlan& plan) {
  const CurveCounts c = as_roc(std::move(counts), plan);
  const double positives = c.positives == 0 ? 1 : c.positives;
  const double negatives = c.negatives == 0 ? 1 : c.negatives;
  const auto held_back = [&](std::size_t i) { return positives - c.tp[i]; };
  const auto let_through = [&](std::size_t i) { return c.fp[i]; };
  // Multiplied out: rates that are equally far apart stay so.
  const auto gap = [&](std::size_t i) { return let_through(i) * positives - held_back(i) * negatives; };
  const auto at = closest(c.tp.size(), gap);
  return at ? (let_through(*at) / negatives + held_back(*at) / positives) / 2 : kNoRate;
}

double equal_error_rate(const RocPoints& curve) {
  const auto miss = [&](std::size_t i) { return 1 - curve.tpr[i]; };
  const auto at = closest(curve.fpr.size(), [&](std::size_t i) { return curve.fpr[i] - miss(i); });
  return at ? (curve.fpr[*at] + miss(*at)) / 2 : kNoRate;
}

Tensor equal_error_rates(const States& states, const CurvePlan& plan) {
  std::vector<double> rates;
  for (CurveCounts& counts : ranked_counts(states, plan)) rates.push_back(equal_error_rate(std::move(counts), plan));
  return at::tensor(rates, at::kDouble);
}

}  // namespace

Tensor scores::EER::value(const GatheredCurve& curve, const BinaryCurveOptions&) {
  return equal_error_rates(curve.states, curve.plan).squeeze(0);
}

void scores::EER::check(const MulticlassCurveOptions& o) {
  check_average(o.average, {Average::Micro, Average::Macro, Average::None});
}

Tensor scores::EER::value(const GatheredCurve& curve, const MulticlassCurveOptions& o) {
  if (o.average == Average::None) return equal_error_rates(curve.states, curve.plan);
  const double rate = o.average == Average::Micro
                          ? equal_error_rate(ranked_micro_counts(curve.states, curve.plan), curve.plan)
                          : equal_error_rate(mean_roc(whole_roc_points(curve.states, curve.plan)));
  return at::scalar_tensor(rate, at::kDouble);
}

Tensor scores::EER::value(const GatheredCurve& curve, const MultilabelCurveOptions&) {
  return equal_error_rates(curve.states, curve.plan);
}

METRICS_DEFINE_TASKS(EER);

}  // namespace metrics
