#include "classification/define_tasks.h"
#include "table.h"
#include <metrics/classification/matthews_corrcoef.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace metrics {

namespace {

template <class N>
double correlation_of(const classification::confusion::Table<N>& table) {
  const int64_t classes = table.classes();
  const auto [target_counts, prediction_counts, sum] = table.margins();
  const std::vector<double> targets(target_counts.begin(), target_counts.end());
  const std::vector<double> predictions(prediction_counts.begin(), prediction_counts.end());
  double right = 0;
  for (int64_t i = 0; i < classes; ++i) right += static_cast<double>(table(i, i));
  const auto product = [](const std::vector<double>& x, const std::vector<double>& y) {
    return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
  };
  const auto all = static_cast<double>(sum);
  const double wrong = all - right;
  const double covariance = right * all - product(targets, predictions);
  const double variances = (all * all - product(targets, targets)) * (all * all - product(predictions, predictions));

  double value = variances == 0 ? 0 : covariance / std::sqrt(variances);
  if (classes == 2 && wrong == 0 && right != 0) {
    value = 1;
  } else if (classes == 2 && right == 0 && wrong != 0) {
    value = -1;
  } else if (classes == 2 && variances == 0) {
    // All targets or all predictions are alike. The limit is torchmetrics'.
    constexpr double epsilon = std::numeric_limits<float>::epsilon();
    double sizes = 1;
    for (const auto& sums : {targets, predictions}) sizes *= (sums[0] + epsilon) * (sums[1] + epsilon);
    value = std::sqrt(epsilon) * (right - wrong) / std::sqrt(sizes);
  }
  return value;
}

}  // namespace

Tensor scores::MatthewsCorrCoef::correlation(const Tensor& counts) {
  const Tensor together = counts.dim() == 3 ? counts.sum(0) : counts;
  const double value =
      classification::confusion::with_table(together, [](const auto& table) { return correlation_of(table); });
  return families::tensor_of(value).to(counts.device());
}

METRICS_DEFINE_TASKS(MatthewsCorrCoef);

}  // namespace metrics
