#include "averaging.h"
#include "classification/define_tasks.h"
#include <metrics/classification/hamming.h>

namespace metrics {

using namespace classification::counts;
using classification::GatheredCounts;

Tensor scores::HammingDistance::value(const GatheredCounts& gathered) {
  return averaged(gathered.as_if_top_1(),
                  [](const auto& c, const Scoring& how) { return 1 - fraction_right(c, how.task); });
}

METRICS_DEFINE_TASKS(HammingDistance);

}  // namespace metrics
