#include "classification/define_tasks.h"
#include "table.h"
#include <metrics/classification/matthews_corrcoef.h>

#include <cmath>
#include <limits>
#include <vector>

namespace metrics {

using namespace classification::confusion;

namespace {

template <class N>
double correlation_of(const Table<N>& table) {
  const int64_t classes = table.classes();
  const auto margins = table.margins();
  const auto &targets = margins.targets, &predictions = margins.predictions;
  const N all = margins.all;
  N right = 0;
  for (int64_t i = 0; i < classes; ++i) right = families::sum_of_counts(right, table(i, i));
  using Sums = std::vector<N>;
  const auto sum_of_products = [](const Sums& x, const Sums& y) {
    DoubleDouble products;
    for (std::size_t i = 0; i < x.size(); ++i) products = products + product(exactly(x[i]), exactly(y[i]));
    return products;
  };
  const auto covariance_of = [&](const DoubleDouble& both, const Sums& x, const Sums& y) {
    return difference(product(both, exactly(all)), sum_of_products(x, y)).value();
  };
  const N wrong = all - right;
  const double covariance = covariance_of(exactly(right), targets, predictions);
  const double variances =
      covariance_of(exactly(all), targets, targets) * covariance_of(exactly(all), predictions, predictions);

  double value = variances == 0 ? 0 : covariance / std::sqrt(variances);
  if (classes == 2 && wrong == 0 && right != 0) {
    value = 1;
  } else if (classes == 2 && right == 0 && wrong != 0) {
    value = -1;
  } else if (classes == 2 && variances == 0) {
    // All targets or all predictions are alike. The limit is torchmetrics'.
    constexpr double epsilon = std::numeric_limits<float>::epsilon();
    double sizes = 1;
    for (const Sums& sums : {targets, predictions}) {
      for (const N size : {sums[0], sums[1]}) sizes *= families::as_double(size) + epsilon;
    }
    value = std::sqrt(epsilon) * families::as_double(right - wrong) / std::sqrt(sizes);
  }
  return value;
}

}  // namespace

Tensor scores::MatthewsCorrCoef::correlation(const Tensor& counts) {
  const Tensor together = counts.dim() == 3 ? counts.sum(0) : counts;
  const double value = with_table(together, [](const auto& table) { return correlation_of(table); });
  return families::tensor_of(value).to(counts.device());
}

METRICS_DEFINE_TASKS(MatthewsCorrCoef);

}  // namespace metrics
