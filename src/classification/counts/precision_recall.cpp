#include "averaging.h"
#include "classification/define_tasks.h"
#include <metrics/classification/precision_recall.h>

namespace metrics {

using namespace classification::counts;
using classification::GatheredCounts;

Tensor scores::Precision::value(const GatheredCounts& gathered) {
  return averaged(gathered,
                  [](const auto& c, const Scoring& how) { return ratio(c.tp, c.tp + c.fp, how.zero_division); });
}

Tensor scores::Recall::value(const GatheredCounts& gathered) {
  return averaged(gathered,
                  [](const auto& c, const Scoring& how) { return ratio(c.tp, c.tp + c.fn, how.zero_division); });
}

METRICS_DEFINE_TASKS(Precision);
METRICS_DEFINE_TASKS(Recall);

}  // namespace metrics
