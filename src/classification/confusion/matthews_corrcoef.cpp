#include "classification/define_tasks.h"
#include "table.h"
#include <metrics/classification/matthews_corrcoef.h>

#include <cmath>
#include <limits>
#include <vector>

namespace metrics {

using namespace classification::confusion;

namespace {

/// `counts`: [classes, classes], or one such table a label, of all of which together it is. Sums of counts are worked
/// out with more digits than one count has: what is left of their products' differences has lost as many.
template <class N>
double correlation_of(const Tensor& counts) {
  const Tensor tables = (counts.dim() == 3 ? counts : counts.unsqueeze(0)).to(at::kCPU);
  const int64_t classes = tables.size(1);
  using Sums = std::vector<DoubleDouble>;
  Sums targets(static_cast<std::size_t>(classes)), predictions(targets.size());
  DoubleDouble all, right;
  for (int64_t label = 0; label < tables.size(0); ++label) {
    const Table<N> table(tables.select(0, label));
    const auto own = table.template margins<DoubleDouble>();
    for (std::size_t i = 0; i < targets.size(); ++i) {
      targets[i] = targets[i] + own.targets[i];
      predictions[i] = predictions[i] + own.predictions[i];
      right = sum_of_counts(right, table(static_cast<int64_t>(i), static_cast<int64_t>(i)));
    }
    all = all + own.all;
  }
  const auto sum_of_products = [](const Sums& x, const Sums& y) {
    DoubleDouble products;
    for (std::size_t i = 0; i < x.size(); ++i) products = products + product(x[i], y[i]);
    return products;
  };
  const auto covariance_of = [&](const DoubleDouble& both, const Sums& x, const Sums& y) {
    return difference(product(both, all), sum_of_products(x, y)).value();
  };
  const DoubleDouble wrong = difference(all, right);
  const double covariance = covariance_of(right, targets, predictions);
  const double variances = covariance_of(all, targets, targets) * covariance_of(all, predictions, predictions);

  double value = variances == 0 ? 0 : covariance / std::sqrt(variances);
  if (classes == 2 && wrong.value() == 0 && right.value() != 0) {
    value = 1;
  } else if (classes == 2 && right.value() == 0 && wrong.value() != 0) {
    value = -1;
  } else if (classes == 2 && variances == 0) {
    // All targets or all predictions are alike. The limit is torchmetrics'.
    constexpr double epsilon = std::numeric_limits<float>::epsilon();
    double sizes = 1;
    for (const Sums& sums : {targets, predictions}) {
      for (const DoubleDouble& size : {sums[0], sums[1]}) sizes *= size.value() + epsilon;
    }
    value = std::sqrt(epsilon) * difference(right, wrong).value() / std::sqrt(sizes);
  }
  return value;
}

}  // namespace

Tensor scores::MatthewsCorrCoef::correlation(const Tensor& counts) {
  const double value = counts.is_floating_point() ? correlation_of<double>(counts) : correlation_of<int64_t>(counts);
  return families::tensor_of(value).to(counts.device());
}

METRICS_DEFINE_TASKS(MatthewsCorrCoef);

}  // namespace metrics
