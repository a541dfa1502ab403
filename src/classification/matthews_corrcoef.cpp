#include "averaging.h"
#include <metrics/classification/matthews_corrcoef.h>
#include <metrics/core/define.h>

#include <ATen/TensorOperators.h>

#include <cmath>
#include <limits>

namespace metrics {

using namespace classification;

Tensor scores::MatthewsCorrCoef::correlation(const Tensor& counts) {
  const Tensor confusion = (counts.dim() == 3 ? counts.sum(0) : counts).to(at::kDouble);
  const Tensor targets = confusion.sum(1);
  const Tensor predictions = confusion.sum(0);
  const Tensor all = confusion.sum();
  const Tensor right = confusion.trace();
  const Tensor covariance = right * all - (targets * predictions).sum();
  const Tensor variances = (all * all - targets.square().sum()) * (all * all - predictions.square().sum());
  if (confusion.numel() != 4) return ratio(covariance, variances.sqrt());

  // All targets or all predictions are alike. The limit is torchmetrics'.
  constexpr double epsilon = std::numeric_limits<float>::epsilon();
  const Tensor wrong = all - right;
  const Tensor limit =
      std::sqrt(epsilon) * (right - wrong) / ((targets + epsilon).prod() * (predictions + epsilon).prod()).sqrt();
  const Tensor value = at::where(variances != 0, covariance / variances.sqrt(), limit);
  return at::where((wrong == 0) & (right != 0), 1.0, at::where((right == 0) & (wrong != 0), -1.0, value));
}

METRICS_DEFINE(definitions::BinaryMatthewsCorrCoef);
METRICS_DEFINE(definitions::MulticlassMatthewsCorrCoef);
METRICS_DEFINE(definitions::MultilabelMatthewsCorrCoef);

}  // namespace metrics
