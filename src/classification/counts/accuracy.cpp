#include "averaging.h"
#include <metrics/classification/accuracy.h>
#include <metrics/core/define.h>

namespace metrics {

using namespace classification;

Tensor scores::Accuracy::value(const Counts& counts, const Scoring& how) {
  return averaged(counts, how, [&](const Counts& c) { return share_right(c, how.task); });
}

METRICS_DEFINE(definitions::BinaryAccuracy);
METRICS_DEFINE(definitions::MulticlassAccuracy);
METRICS_DEFINE(definitions::MultilabelAccuracy);

}  // namespace metrics
