#include "families/numbers.h"
#include "sample_pairs.h"
#include <metrics/clustering/fowlkes_mallows_index.h>
#include <metrics/core/define.h>

#include <cmath>

namespace metrics {

Tensor scores::FowlkesMallows::value(const families::Contingency& table) {
  const auto pairs = clustering::sample_pairs_of(table);
  if (pairs.both == 0) return families::result_of(0, table);
  const double precision = pairs.both / (pairs.both + pairs.pred_only);
  const double recall = pairs.both / (pairs.both + pairs.target_only);
  return families::result_of(std::sqrt(precision) * std::sqrt(recall), table);
}

METRICS_DEFINE_CLASS(FowlkesMallowsIndex);

}  // namespace metrics
