#include "../registry.h"

#include "../core/functional_entry.h"
#include <metrics/regression/mae.h>
#include <metrics/regression/mape.h>
#include <metrics/regression/minkowski.h>
#include <metrics/regression/mse.h>
#include <metrics/regression/pearson.h>
#include <metrics/regression/r2.h>

namespace metrics {

namespace {

constexpr std::string_view domain = "regression";

/// torchmetrics' functional takes the number of outputs from its inputs.
Tensor pearson(const Tensor& preds, const Tensor& target, const PearsonCorrCoefOptions&) {
  return functional::pearson_corrcoef(preds, target);
}

}  // namespace

Domain regression_domain() {
  return {.name = domain,
          .metrics = {entry<MeanAbsoluteError>(domain), entry<MeanAbsolutePercentageError>(domain),
                      entry<MeanSquaredError>(domain), entry<MinkowskiDistance>(domain),
                      functional_entry<PearsonCorrCoef, pearson>(domain),
                      functional_entry<R2Score, functional::r2_score>(domain)},
          .routers = {}};
}

}  // namespace metrics
