#include "averaging.h"
#include <metrics/classification/hamming.h>
#include <metrics/core/define.h>

namespace metrics {

using namespace classification;

Tensor scores::HammingDistance::value(const Counts& counts, const Scoring& how) {
  return averaged(counts, how.whatever_top_k(), [&](const Counts& c) { return 1 - share_right(c, how.task); });
}

METRICS_DEFINE(definitions::BinaryHammingDistance);
METRICS_DEFINE(definitions::MulticlassHammingDistance);
METRICS_DEFINE(definitions::MultilabelHammingDistance);

}  // namespace metrics
