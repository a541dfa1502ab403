#include "table.h"
#include <metrics/classification/cohen_kappa.h>
#include <metrics/core/define.h>

#include <cstdlib>

namespace metrics {

using classification::KappaWeights;
using classification::confusion::with_table;

namespace {

// What it costs to predict a class at such a distance from the target.
double cost(int64_t distance, KappaWeights weights) {
  const auto d = static_cast<double>(distance);
  switch (weights) {
    case KappaWeights::Linear:
      return d;
    case KappaWeights::Quadratic:
      return d * d;
    case KappaWeights::None:
      break;
  }
  return distance != 0 ? 1 : 0;
}

}  // namespace

Tensor scores::CohenKappa::kappa(const Tensor& counts, KappaWeights weights) {
  const double kappa = with_table(counts, [&](const auto& table) {
    const auto [targets, predictions, all] = table.margins();
    double observed = 0, expected = 0;
    for (int64_t target = 0; target < table.classes(); ++target) {
      const auto of_target = static_cast<double>(targets[static_cast<std::size_t>(target)]);
      for (int64_t predicted = 0; predicted < table.classes(); ++predicted) {
        const double each = cost(std::abs(target - predicted), weights);
        const auto of_predicted = static_cast<double>(predictions[static_cast<std::size_t>(predicted)]);
        observed += each * static_cast<double>(table(target, predicted));
        expected += each * (of_target * of_predicted / static_cast<double>(all));
      }
    }
    return 1 - observed / expected;
  });
  return families::tensor_of(kappa).to(counts.device());
}

METRICS_DEFINE_CLASS(BinaryCohenKappa);
METRICS_DEFINE_CLASS(MulticlassCohenKappa);

}  // namespace metrics
