#include "averaging.h"
#include <metrics/classification/negative_predictive_value.h>
#include <metrics/core/define.h>

namespace metrics {

using namespace classification;

Tensor scores::NegativePredictiveValue::value(const Counts& counts, const Scoring& how) {
  return averaged(counts, how, [&](const Counts& c) { return ratio(c.tn, c.tn + c.fn, how.zero_division); });
}

METRICS_DEFINE(definitions::BinaryNegativePredictiveValue);
METRICS_DEFINE(definitions::MulticlassNegativePredictiveValue);
METRICS_DEFINE(definitions::MultilabelNegativePredictiveValue);

}  // namespace metrics
