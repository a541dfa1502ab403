#include "classification/define_tasks.h"
#include "roc_counts.h"
#include <metrics/classification/precision_fixed_recall.h>
#include <metrics/classification/recall_fixed_precision.h>
#include <metrics/classification/sensitivity_specificity.h>
#include <metrics/classification/specificity_sensitivity.h>
#include <metrics/core/errors.h>

#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace metrics::classification::curves {

namespace {

/// A point as a search sees it.
struct Candidate {
  double value;
  double held;  ///< What has to be at least the minimum.
  double threshold;
};

/// Returns the best of the candidates that meet the minimum, of equal ones the first; `none` where none meets it. A
/// rate that is not defined meets no minimum, and is no value.
template <class Better>
Candidate best_of(const std::vector<Candidate>& candidates, double minimum, const Candidate& none,
                  const Better& better) {
  const Candidate* best = nullptr;
  for (const Candidate& candidate : candidates) {
    if (!(candidate.held >= minimum) || std::isnan(candidate.value)) continue;
    if (best == nullptr || better(candidate, *best)) best = &candidate;
  }
  return best != nullptr ? *best : none;
}

Candidate best_on_precision_recall(const std::vector<Candidate>& candidates, double minimum) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  Candidate best = best_of(candidates, minimum, {0, 0, nan}, [](const Candidate& a, const Candidate& b) {
    return std::tie(a.value, a.held, a.threshold) > std::tie(b.value, b.held, b.threshold);
  });
  if (best.value == 0) best.threshold = nan;
  return best;
}

Candidate best_on_roc(const std::vector<Candidate>& candidates, double minimum) {
  constexpr double no_threshold = 1e6;
  return best_of(candidates, minimum, {0, 0, no_threshold},
                 [](const Candidate& a, const Candidate& b) { return a.value > b.value; });
}

/// Pairs what is to be great with what has to be held, at each threshold.
std::vector<Candidate> candidates(const std::vector<double>& values, const std::vector<double>& held,
                                  const std::vector<double>& thresholds) {
  std::vector<Candidate> all;
  all.reserve(thresholds.size());
  for (std::size_t i = 0; i < thresholds.size(); ++i) all.push_back({values[i], held[i], thresholds[i]});
  return all;
}

const std::vector<double>& rate_of(const PrecisionRecallPoints& points, Rate rate) {
  return rate == Rate::Precision ? points.precision : points.recall;
}

/// Specificity is counted, because 1 minus a rounded rate may miss a minimum that it meets.
std::vector<double> rate_of(const CurveCounts& c, Rate rate) {
  std::vector<double> rates;
  if (rate == Rate::Sensitivity) {
    for (const double tp : c.tp) rates.push_back(fraction(tp, c.positives));
  } else {
    for (const double fp : c.fp) rates.push_back(c.negatives == 0 ? 1.0 : fraction(c.negatives - fp, c.negatives));
  }
  return rates;
}

bool is_on_roc(Rate rate) {
  return rate == Rate::Sensitivity || rate == Rate::Specificity;
}

OperatingPoint as_tensors(const std::vector<Candidate>& chosen) {
  // A binary metric has scalars.
  const std::vector<int64_t> shape(chosen.size() == 1 ? 0 : 1, static_cast<int64_t>(chosen.size()));
  OperatingPoint point{at::empty(shape, at::kDouble), at::empty(shape, at::kDouble)};
  std::transform(chosen.begin(), chosen.end(), point.value.mutable_data_ptr<double>(),
                 [](const Candidate& c) { return c.value; });
  std::transform(chosen.begin(), chosen.end(), point.threshold.mutable_data_ptr<double>(),
                 [](const Candidate& c) { return c.threshold; });
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
  std::vector<Candidate> chosen;
  if (is_on_roc(wanted)) {
    for (CurveCounts& counts : curve_counts(curve.states, curve.plan)) {
      const CurveCounts roc = as_roc(std::move(counts), curve.plan);
      chosen.push_back(best_on_roc(candidates(rate_of(roc, wanted), rate_of(roc, held), roc.thresholds), minimum));
    }
  } else {
    for (const PrecisionRecallPoints& points : precision_recall_points(curve.states, curve.plan)) {
      chosen.push_back(best_on_precision_recall(
          candidates(rate_of(points, wanted), rate_of(points, held), points.thresholds), minimum));
    }
  }
  return as_tensors(chosen);
}

}  // namespace metrics::classification::curves

namespace metrics {

METRICS_DEFINE_TASKS(PrecisionAtFixedRecall);
METRICS_DEFINE_TASKS(RecallAtFixedPrecision);
METRICS_DEFINE_TASKS(SensitivityAtSpecificity);
METRICS_DEFINE_TASKS(SpecificityAtSensitivity);

}  // namespace metrics
