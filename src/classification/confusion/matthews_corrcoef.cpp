#include "classification/define_tasks.h"
#include <metrics/classification/matthews_corrcoef.h>

#include <ATen/ops/scalar_tensor.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace metrics {

Tensor scores::MatthewsCorrCoef::correlation(const Tensor& counts) {
  const Tensor table = (counts.dim() == 3 ? counts.sum(0) : counts).to(at::kCPU, at::kDouble).contiguous();
  const auto classes = static_cast<std::size_t>(table.size(0));
  const double* confusion = table.const_data_ptr<double>();
  std::vector<double> targets(classes), predictions(classes);
  double right = 0;
  for (std::size_t target = 0; target < classes; ++target) {
    for (std::size_t predicted = 0; predicted < classes; ++predicted) {
      const double count = confusion[target * classes + predicted];
      targets[target] += count;
      predictions[predicted] += count;
    }
    right += confusion[target * classes + target];
  }
  const auto product = [](const std::vector<double>& x, const std::vector<double>& y) {
    return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
  };
  const double all = std::accumulate(targets.begin(), targets.end(), 0.0);
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
  return at::scalar_tensor(value, counts.options().dtype(at::kDouble));
}

METRICS_DEFINE_TASKS(MatthewsCorrCoef);

}  // namespace metrics
