#include "table.h"
#include <metrics/classification/cohen_kappa.h>
#include <metrics/core/define.h>

#include <cstdlib>

namespace metrics {

using classification::KappaWeights;
using namespace classification::confusion;

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
    const auto [targets, predictions, all] = table.template margins<DoubleDouble>();
    DoubleDouble observed, expected;  // the latter times all
    for (int64_t target = 0; target < table.classes(); ++target) {
      DoubleDouble by_predictions;
      for (int64_t predicted = 0; predicted < table.classes(); ++predicted) {
        const DoubleDouble each{cost(std::abs(target - predicted), weights), 0};
        if (each.high == 0) continue;
        observed = observed + product(each, exactly(table(target, predicted)));
        by_predictions = by_predictions + product(each, predictions[static_cast<std::size_t>(predicted)]);
      }
      expected = expected + product(targets[static_cast<std::size_t>(target)], by_predictions);
    }
    return difference(expected, product(observed, all)).value() / expected.value();
  });
  return families::tensor_of(kappa).to(counts.device());
}

METRICS_DEFINE_CLASS(BinaryCohenKappa);
METRICS_DEFINE_CLASS(MulticlassCohenKappa);

}  // namespace metrics
