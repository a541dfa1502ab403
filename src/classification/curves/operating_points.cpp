#include "operating_points.h"

#include "roc_counts.h"
#include <metrics/core/errors.h>

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace metrics::classification {

namespace {

/// A point as a search sees it.
struct Candidate {
  double value;
  double held;  ///< What has to be at least the minimum.
  double threshold;
};

/// Returns the first candidate that holds the minimum and than which none that does is better; `none` without any.
/// A rate that is not defined neither holds a minimum nor is a value.
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

/// Rates of a ROC curve. Specificity is counted, for 1 minus a rounded rate may miss a minimum that it meets.
struct Rates {
  std::vector<double> sensitivity, specificity, thresholds;
};

Rates rates_of(const CurveCounts& c) {
  Rates rates{{}, {}, c.thresholds};
  for (const int64_t tp : c.tp) rates.sensitivity.push_back(share(tp, c.positives));
  for (const int64_t fp : c.fp) {
    rates.specificity.push_back(c.negatives == 0 ? 1.0 : share(c.negatives - fp, c.negatives));
  }
  return rates;
}

std::vector<Rates> roc_rates(const States& states, const CurvePlan& plan) {
  std::vector<Rates> all;
  for (CurveCounts& counts : curve_counts(states, plan)) all.push_back(rates_of(as_roc(std::move(counts), plan)));
  return all;
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

void check_minimum(std::string_view option, double minimum) {
  if (minimum >= 0 && minimum <= 1) return;
  throw InvalidArgument(std::string(option) + ": expected a number in [0, 1], got " + std::to_string(minimum));
}

OperatingPoint best_precision(const States& states, const CurvePlan& plan, double min_recall) {
  std::vector<Candidate> chosen;
  for (const PrecisionRecallPoints& curve : precision_recall_points(states, plan)) {
    chosen.push_back(best_on_precision_recall(candidates(curve.precision, curve.recall, curve.thresholds), min_recall));
  }
  return as_tensors(chosen);
}

OperatingPoint best_recall(const States& states, const CurvePlan& plan, double min_precision) {
  std::vector<Candidate> chosen;
  for (const PrecisionRecallPoints& curve : precision_recall_points(states, plan)) {
    chosen.push_back(
        best_on_precision_recall(candidates(curve.recall, curve.precision, curve.thresholds), min_precision));
  }
  return as_tensors(chosen);
}

OperatingPoint best_sensitivity(const States& states, const CurvePlan& plan, double min_specificity) {
  std::vector<Candidate> chosen;
  for (const Rates& curve : roc_rates(states, plan)) {
    chosen.push_back(best_on_roc(candidates(curve.sensitivity, curve.specificity, curve.thresholds), min_specificity));
  }
  return as_tensors(chosen);
}

OperatingPoint best_specificity(const States& states, const CurvePlan& plan, double min_sensitivity) {
  std::vector<Candidate> chosen;
  for (const Rates& curve : roc_rates(states, plan)) {
    chosen.push_back(best_on_roc(candidates(curve.specificity, curve.sensitivity, curve.thresholds), min_sensitivity));
  }
  return as_tensors(chosen);
}

}  // namespace metrics::classification
