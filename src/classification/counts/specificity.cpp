#include "averaging.h"
#include "classification/define_tasks.h"
#include <metrics/classification/specificity.h>

namespace metrics {

using namespace classification::counts;
using classification::GatheredCounts;

Tensor scores::Specificity::value(const GatheredCounts& gathered) {
  return averaged(gathered.as_if_top_1(), [](const auto& c, const Scoring&) { return ratio(c.tn, c.tn + c.fp); });
}

METRICS_DEFINE_TASKS(Specificity);

}  // namespace metrics
