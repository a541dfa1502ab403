#include "bins.h"
#include "classification/define_tasks.h"
#include "curves.h"
#include "kernels/math.h"
#include <metrics/classification/logauc.h>
#include <metrics/core/warning.h>

#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/tensor.h>

#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

namespace metrics {

using namespace classification;
using namespace classification::curves;

namespace {

double log_area(const RocArea& roc, const CurvePlan& plan, const std::array<double, 2>& range) {
  warn_of_missing_samples(roc.positives, roc.negatives, plan);
  // A curve of all scores begins at a threshold that none reaches.
  const bool is_point = plan.bins() ? plan.bins()->size() < 2 : roc.positives + roc.negatives == 0;
  if (is_point) {
    warn("LogAUC: at least two points of the ROC curve are needed; 0 is returned");
    return 0;
  }
  if (roc.negatives == 0 || range[0] == 0) return std::numeric_limits<double>::quiet_NaN();
  return roc.area / metrics::kernels::logarithm(range[1] / range[0]);
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

std::shared_ptr<const RangedValue> scores::LogArea::ranged(const CurvePlan& plan) const {
  return ranged_log_areas(plan, fpr_range);
}

/// Returns an area for each curve, or the mean of those that are numbers.
Tensor scores::LogArea::value(const GatheredCurve& curve) const {
  std::vector<double> areas;
  for (const RocArea& roc : log_areas(curve.states, curve.plan, fpr_range)) {
    areas.push_back(log_area(roc, curve.plan, fpr_range));
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
