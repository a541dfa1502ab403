#include "averaging.h"
#include "classification/define_tasks.h"
#include <metrics/classification/hamming.h>

namespace metrics {

using namespace classification::counts;
using classification::GatheredCounts;

Tensor scores::HammingDistance::value(const GatheredCounts& gathered) {
  return averaged(gathered.whatever_top_k(),
                  [](const auto& c, const Scoring& how) { return 1 - share_right(c, how.task); });
}

METRICS_DEFINE_TASKS(HammingDistance);

}  // namespace metrics
