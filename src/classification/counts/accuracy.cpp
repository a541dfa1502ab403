#include "averaging.h"
#include "classification/define_tasks.h"
#include <metrics/classification/accuracy.h>

namespace metrics {

using namespace classification::counts;
using classification::GatheredCounts;

Tensor scores::Accuracy::value(const GatheredCounts& gathered) {
  return averaged(gathered, [](const auto& c, const Scoring& how) { return fraction_right(c, how.task); });
}

METRICS_DEFINE_TASKS(Accuracy);

}  // namespace metrics
