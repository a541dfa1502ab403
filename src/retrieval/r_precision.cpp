#include "ranking.h"
#include <metrics/core/define.h>
#include <metrics/retrieval/r_precision.h>

#include <algorithm>
#include <cstdint>
#include <span>

namespace metrics {

using retrieval::RankedQuery;

double scores::RPrecision::of_query(const RankedQuery& query, const NoOptions&) {
  const auto relevant = [](std::span<const float> relevances) {
    return std::count_if(relevances.begin(), relevances.end(), [](float relevance) { return relevance > 0; });
  };
  const int64_t all = relevant(query.relevances);
  return static_cast<double>(relevant(query.first(all))) / static_cast<double>(all);
}

METRICS_DEFINE_CLASS(RetrievalRPrecision);

}  // namespace metrics
