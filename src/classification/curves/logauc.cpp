#include "classification/define_tasks.h"
#include "kernels/math.h"
#include "roc_counts.h"
#include <metrics/classification/logauc.h>
#include <metrics/core/warning.h>

#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace metrics {

using namespace classification;
using namespace classification::curves;

namespace {

using FprRange = std::array<double, 2>;

struct RatePoint {
  double fpr, tpr;
  auto operator<=>(const RatePoint&) const = default;
};

/// The points with the corners between which every ROC curve runs, sorted.
std::vector<RatePoint> in_order(const CurveCounts& c) {
  std::vector<RatePoint> points{{0, 0}, {1, fraction(c.positives, c.positives)}};
  for (std::size_t i = 0; i < c.tp.size(); ++i) {
    points.push_back({fraction(c.fp[i], c.negatives), fraction(c.tp[i], c.positives)});
  }
  std::sort(points.begin(), points.end());
  return points;
}

/// Returns where the curve arrives at `fpr`, above 0: the end of the segment that passes it or ends there.
double arriving(const std::vector<RatePoint>& points, double fpr) {
  const auto end = std::find_if(points.begin(), points.end(), [&](const RatePoint& p) { return p.fpr >= fpr; });
  const RatePoint& begin = *(end - 1);
  return begin.tpr + (end->tpr - begin.tpr) / (end->fpr - begin.fpr) * (fpr - begin.fpr);
}

/// The curve within the range, ends included: from the top of a step at the lower end to the foot of one at the upper.
std::vector<RatePoint> within(const std::vector<RatePoint>& points, const FprRange& range) {
  const auto [lower, upper] = range;
  std::vector<RatePoint> inside{{lower, arriving(points, lower)}};
  for (const RatePoint& point : points) {
    if (point.fpr == lower) inside.front() = point;
    if (point.fpr > lower && point.fpr < upper) inside.push_back(point);
  }
  inside.push_back({upper, arriving(points, upper)});
  return inside;
}

double log_area(const CurveCounts& counts, const FprRange& range) {
  if (counts.tp.size() < 2) {
    warn("LogAUC: at least two points of the ROC curve are needed; 0 is returned");
    return 0;
  }
  if (counts.negatives == 0 || range[0] == 0) return std::numeric_limits<double>::quiet_NaN();
  const std::vector<RatePoint> points = within(in_order(counts), range);
  double area = 0;
  for (std::size_t i = 1; i < points.size(); ++i) {
    area += metrics::kernels::logarithm(points[i].fpr / points[i - 1].fpr) * (points[i].tpr + points[i - 1].tpr) / 2;
  }
  return area / metrics::kernels::logarithm(range[1] / range[0]);
}

}  // namespace

void scores::LogArea::check() const {
  const auto [lower, upper] = fpr_range;
  if (!(0 <= lower && lower < upper && upper <= 1)) {
    throw InvalidArgument("fpr_range: expected two numbers with 0 <= lower < upper <= 1, got (" +
                          std::to_string(lower) + ", " + std::to_string(upper) + ")");
  }
  if (average) check_average(*average, {Average::Macro, Average::None});
}

/// Returns an area for each curve, or the mean of those that are numbers.
Tensor scores::LogArea::value(const GatheredCurve& curve) const {
  std::vector<double> areas;
  for (CurveCounts& counts : ranked_counts(curve.states, curve.plan)) {
    areas.push_back(log_area(as_roc(std::move(counts), curve.plan), fpr_range));
  }
  if (!average) return at::scalar_tensor(areas.front(), at::kDouble);
  if (*average == Average::None) return at::tensor(areas, at::kDouble);
  if (std::erase_if(areas, [](double area) { return std::isnan(area); }) > 0) {
    warn("LogAUC: the areas of some classes or labels are NaN and left out of the average");
  }
  return at::scalar_tensor(std::accumulate(areas.begin(), areas.end(), 0.0) / static_cast<double>(areas.size()),
                           at::kDouble);
}

METRICS_DEFINE_TASKS(LogAUC);

}  // namespace metrics
