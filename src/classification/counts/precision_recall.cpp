#include "averaging.h"
#include <metrics/classification/precision_recall.h>
#include <metrics/core/define.h>

namespace metrics {

using namespace classification;

Tensor scores::Precision::value(const Counts& counts, const Scoring& how) {
  return averaged(counts, how, [&](const Counts& c) { return ratio(c.tp, c.tp + c.fp, how.zero_division); });
}

Tensor scores::Recall::value(const Counts& counts, const Scoring& how) {
  return averaged(counts, how, [&](const Counts& c) { return ratio(c.tp, c.tp + c.fn, how.zero_division); });
}

METRICS_DEFINE(definitions::BinaryPrecision);
METRICS_DEFINE(definitions::MulticlassPrecision);
METRICS_DEFINE(definitions::MultilabelPrecision);
METRICS_DEFINE(definitions::BinaryRecall);
METRICS_DEFINE(definitions::MulticlassRecall);
METRICS_DEFINE(definitions::MultilabelRecall);

}  // namespace metrics
