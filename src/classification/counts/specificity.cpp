#include "averaging.h"
#include <metrics/classification/specificity.h>
#include <metrics/core/define.h>

namespace metrics {

using namespace classification;

Tensor scores::Specificity::value(const Counts& counts, const Scoring& how) {
  return averaged(counts, how.whatever_top_k(), [](const Counts& c) { return ratio(c.tn, c.tn + c.fp); });
}

METRICS_DEFINE(definitions::BinarySpecificity);
METRICS_DEFINE(definitions::MulticlassSpecificity);
METRICS_DEFINE(definitions::MultilabelSpecificity);

}  // namespace metrics
