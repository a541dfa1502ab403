#include "../registry.h"

#include "../core/functional_entry.h"
#include <metrics/regression/mae.h>
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
          .metrics = {functional_entry<MeanAbsoluteError, functional::mean_absolute_error>(domain),
                      functional_entry<MeanSquaredError, functional::mean_squared_error>(domain),
                      functional_entry<PearsonCorrCoef, pearson>(domain),
                      functional_entry<R2Score, functional::r2_score>(domain)},
          .routers = {}};
}

}  // namespace metrics
