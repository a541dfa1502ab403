#include "ranking.h"
#include <metrics/core/define.h>
#include <metrics/retrieval/hit_rate.h>

#include <algorithm>

namespace metrics {

using retrieval::RankedQuery;

double scores::HitRate::of_query(const RankedQuery& query, const RetrievalQueryOptions& options) {
  const auto looked_at = query.first(options.top_k);
  return std::any_of(looked_at.begin(), looked_at.end(), [](float relevance) { return relevance > 0; }) ? 1 : 0;
}

METRICS_DEFINE_CLASS(RetrievalHitRate);

}  // namespace metrics
