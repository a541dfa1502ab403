#include "../registry.h"

#include <metrics/aggregation/aggregation.h>
#include <metrics/core/define.h>

namespace metrics {

Domain aggregation_domain() {
  constexpr std::string_view domain = "aggregation";
  return {.name = domain,
          .metrics = {entry<CatMetric>(domain), entry<MaxMetric>(domain), entry<MeanMetric>(domain),
                      entry<MinMetric>(domain), entry<SumMetric>(domain)},
          .routers = {}};
}

}  // namespace metrics
