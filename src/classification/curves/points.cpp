#include "bins.h"
#include "curves.h"
#include <metrics/core/warning.h>

#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace metrics::classification::curves {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

std::vector<double> rates(const std::vector<double>& counts, double all) {
  std::vector<double> result;
  result.reserve(counts.size() + 1);
  for (const double count : counts) result.push_back(all == 0 ? 0 : count / all);
  return result;
}

RocPoints roc_of(CurveCounts counts, const CurvePlan& plan) {
  RocPoints points{rates(counts.fp, counts.negatives), rates(counts.tp, counts.positives),
                   std::move(counts.thresholds)};
  warn_of_missing_samples(counts, plan);
  if (plan.bins()) return points;
  points.fpr.insert(points.fpr.begin(), 0);
  points.tpr.insert(points.tpr.begin(), 0);
  points.thresholds.insert(points.thresholds.begin(), 1);
  return points;
}

PrecisionRecallPoints precision_recall_of(CurveCounts counts, const CurvePlan& plan) {
  const std::size_t size = counts.tp.size();
  PrecisionRecallPoints points;
  points.precision.reserve(size + 1);
  points.recall.reserve(size + 1);
  const double missing = recall_without_positives(plan);
  if (counts.positives == 0 && !plan.bins() && plan.rule().task != Task::Multiclass) warn_of_no_positives();
  for (std::size_t i = size; i-- > 0;) {
    const double tp = counts.tp[i], predicted = tp + counts.fp[i];
    points.precision.push_back(predicted == 0 ? kUndefined : tp / predicted);
    points.recall.push_back(counts.positives == 0 ? missing : tp / counts.positives);
  }
  points.precision.push_back(1);
  points.recall.push_back(0);
  points.thresholds.assign(counts.thresholds.rbegin(), counts.thresholds.rend());
  return points;
}

/// torchmetrics' `interp`: the value at x of the piecewise linear curve through (xs, ys), by the segment that begins
/// at the number of xs not above x, which need not be in order.
class Interpolation {
 public:
  Interpolation(const std::vector<double>& xs, const std::vector<double>& ys) : ordered_(xs) {
    std::erase_if(ordered_, [](double x) { return x != x; });
    std::sort(ordered_.begin(), ordered_.end());
    for (std::size_t i = 0; i + 1 < xs.size(); ++i) {
      const double run = xs[i + 1] - xs[i];
      const double slope = run != 0 ? (ys[i + 1] - ys[i]) / run : 0;
      slopes_.push_back(slope);
      offsets_.push_back(ys[i] - slope * xs[i]);
    }
  }

  double operator()(double x) const {
    const auto not_above = std::upper_bound(ordered_.begin(), ordered_.end(), x) - ordered_.begin();
    const auto last = static_cast<int64_t>(slopes_.size()) - 1;
    const auto i = static_cast<std::size_t>(std::clamp<int64_t>(x == x ? not_above - 1 : -1, 0, last));
    return slopes_[i] * x + offsets_[i];
  }

 private:
  std::vector<double> ordered_, slopes_, offsets_;
};

/// Ascending, NaN last, as torch sorts.
bool before(double a, double b) {
  return a < b || (b != b && a == a);
}

struct MeanCurve {
  std::vector<double> x, y;
};

/// The mean of curves y(x) at all their xs.
MeanCurve mean_curve(const std::vector<const std::vector<double>*>& xs,
                     const std::vector<const std::vector<double>*>& ys) {
  MeanCurve mean;
  for (const auto* x : xs) mean.x.insert(mean.x.end(), x->begin(), x->end());
  std::sort(mean.x.begin(), mean.x.end(), before);
  mean.y.assign(mean.x.size(), 0);
  for (std::size_t c = 0; c < xs.size(); ++c) {
    if (xs[c]->size() < 2) continue;
    const Interpolation curve(*xs[c], *ys[c]);
    for (std::size_t i = 0; i < mean.x.size(); ++i) mean.y[i] += curve(mean.x[i]);
  }
  for (double& y : mean.y) y /= static_cast<double>(xs.size());
  return mean;
}

/// The thresholds of all curves; of binned ones those given, once for each.
template <class Points>
std::vector<double> all_thresholds(const std::vector<Points>& curves) {
  std::vector<double> all;
  for (const Points& curve : curves) all.insert(all.end(), curve.thresholds.begin(), curve.thresholds.end());
  std::sort(all.begin(), all.end(), before);
  return all;
}

template <class Points>
std::vector<const std::vector<double>*> members(const std::vector<Points>& curves,
                                                std::vector<double> Points::*member) {
  std::vector<const std::vector<double>*> result;
  for (const Points& curve : curves) result.push_back(&(curve.*member));
  return result;
}

}  // namespace

double recall_without_positives(const CurvePlan& plan) {
  return plan.bins() || plan.rule().task == Task::Multiclass ? kUndefined : 1;
}

void warn_of_no_positives() {
  warn("No positive samples found in target, recall is undefined. Setting recall to one for all thresholds.");
}

void warn_of_missing_samples(double positives, double negatives, const CurvePlan& plan) {
  if (plan.bins()) return;
  if (negatives == 0) {
    warn(
        "No negative samples in targets, false positive value should be meaningless. Returning zero tensor in false "
        "positive score");
  }
  if (positives == 0) {
    warn(
        "No positive samples in targets, true positive value should be meaningless. Returning zero tensor in true "
        "positive score");
  }
}

Tensor averaged_areas(const std::vector<double>& areas, const std::vector<double>& support, Average average) {
  if (average == Average::None) return at::tensor(areas, at::kDouble);
  double sum = 0, weights = 0;
  bool missing = false;
  for (std::size_t i = 0; i < areas.size(); ++i) {
    if (std::isnan(areas[i])) {
      missing = true;
      continue;
    }
    const double weight = average == Average::Weighted ? support[i] : 1;
    sum += weight * areas[i];
    weights += weight;
  }
  if (missing) {
    warn("Average precision score for one or more classes was `nan`. Ignoring these classes in " +
         std::string(enum_names<Average>[static_cast<std::size_t>(average)]) + "-average");
  }
  // Without any class a mean is undefined; torchmetrics' weights are 0 then.
  if (weights == 0) return at::scalar_tensor(average == Average::Weighted ? 0 : kUndefined, at::kDouble);
  return at::scalar_tensor(sum / weights, at::kDouble);
}

std::vector<RocPoints> roc_points(const States& states, const CurvePlan& plan) {
  std::vector<RocPoints> points;
  for (CurveCounts& counts : curve_counts(states, plan)) points.push_back(roc_of(std::move(counts), plan));
  return points;
}

std::vector<PrecisionRecallPoints> precision_recall_points(const States& states, const CurvePlan& plan) {
  std::vector<PrecisionRecallPoints> points;
  for (CurveCounts& counts : curve_counts(states, plan)) points.push_back(precision_recall_of(std::move(counts), plan));
  return points;
}

RocPoints averaged_roc(const States& states, const CurvePlan& plan, Average average) {
  if (average == Average::Micro) return roc_of(micro_counts(states, plan), plan);
  return mean_roc(roc_points(states, plan));
}

RocPoints mean_roc(const std::vector<RocPoints>& curves) {
  MeanCurve mean = mean_curve(members(curves, &RocPoints::fpr), members(curves, &RocPoints::tpr));
  std::vector<double> thresholds = all_thresholds(curves);
  std::reverse(thresholds.begin(), thresholds.end());
  return {std::move(mean.x), std::move(mean.y), std::move(thresholds)};
}

std::vector<RocPoints> whole_roc_points(const States& states, const CurvePlan& plan) {
  std::vector<RocPoints> points;
  for (CurveCounts& counts : ranked_counts(states, plan)) {
    if (plan.bins() && (counts.tp.front() > 0 || counts.fp.front() > 0)) {
      counts.tp.insert(counts.tp.begin(), 0);
      counts.fp.insert(counts.fp.begin(), 0);
    }
    if (plan.bins() && (counts.tp.back() < counts.positives || counts.fp.back() < counts.negatives)) {
      counts.tp.push_back(counts.positives);
      counts.fp.push_back(counts.negatives);
    }
    points.push_back(roc_of(std::move(counts), plan));
  }
  return points;
}

PrecisionRecallPoints averaged_precision_recall(const States& states, const CurvePlan& plan, Average average) {
  if (average == Average::Micro) return precision_recall_of(micro_counts(states, plan), plan);
  const auto curves = precision_recall_points(states, plan);
  MeanCurve mean =
      mean_curve(members(curves, &PrecisionRecallPoints::precision), members(curves, &PrecisionRecallPoints::recall));
  return {std::move(mean.x), std::move(mean.y), all_thresholds(curves)};
}

}  // namespace metrics::classification::curves
