#include "ranking.h"
#include <metrics/core/define.h>
#include <metrics/retrieval/precision.h>

#include <algorithm>
#include <cstdint>

namespace metrics {

using retrieval::RankedQuery;

double scores::RetrievalPrecision::of_query(const RankedQuery& query, const RetrievalPrecisionQueryOptions& options) {
  const auto size = static_cast<int64_t>(query.size());
  const int64_t asked = options.top_k.value_or(size);
  const int64_t divisor = options.adaptive_k ? std::min(asked, size) : asked;
  return retrieval::sum_of(query.first_scored(asked)) / static_cast<double>(divisor);
}

METRICS_DEFINE_CLASS(RetrievalPrecision);

}  // namespace metrics
