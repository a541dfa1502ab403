#include "averaging.h"
#include "classification/define_tasks.h"
#include <metrics/classification/negative_predictive_value.h>

namespace metrics {

using namespace classification::counts;
using classification::GatheredCounts;

Tensor scores::NegativePredictiveValue::value(const GatheredCounts& gathered) {
  return averaged(gathered,
                  [](const auto& c, const Scoring& how) { return ratio(c.tn, c.tn + c.fn, how.zero_division); });
}

METRICS_DEFINE_TASKS(NegativePredictiveValue);

}  // namespace metrics
