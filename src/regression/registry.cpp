#include "../registry.h"

#include <metrics/core/define.h>
#include <metrics/regression/mae.h>
#include <metrics/regression/mape.h>
#include <metrics/regression/minkowski.h>
#include <metrics/regression/mse.h>
#include <metrics/regression/pearson.h>
#include <metrics/regression/r2.h>

namespace metrics {

Domain regression_domain() {
  constexpr std::string_view domain = "regression";
  return {.name = domain,
          .metrics = {entry<MeanAbsoluteError>(domain), entry<MeanAbsolutePercentageError>(domain),
                      entry<MeanSquaredError>(domain), entry<MinkowskiDistance>(domain), entry<PearsonCorrCoef>(domain),
                      entry<R2Score>(domain)},
          .routers = {}};
}

}  // namespace metrics
