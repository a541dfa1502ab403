#include "families/numbers.h"
#include "sample_pairs.h"
#include <metrics/clustering/adjusted_rand_score.h>
#include <metrics/core/define.h>

namespace metrics {

Tensor scores::AdjustedRand::value(const families::Contingency& table) {
  const auto [tp, fp, fn, tn] = clustering::sample_pairs_of(table);
  if (fp == 0 && fn == 0) return families::result_of(1, table);
  return families::result_of(2 * (tp * tn - fn * fp) / ((tp + fn) * (fn + tn) + (tp + fp) * (fp + tn)), table);
}

METRICS_DEFINE_CLASS(AdjustedRandScore);

}  // namespace metrics
