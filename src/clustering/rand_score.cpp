#include "families/numbers.h"
#include "sample_pairs.h"
#include <metrics/clustering/rand_score.h>
#include <metrics/core/define.h>

namespace metrics {

Tensor scores::Rand::value(const families::Contingency& table) {
  const auto pairs = clustering::sample_pairs_of(table);
  const double agree = pairs.both + pairs.neither;
  return families::result_of(families::ratio(agree, agree + pairs.pred_only + pairs.target_only, 1), table);
}

METRICS_DEFINE_CLASS(RandScore);

}  // namespace metrics
