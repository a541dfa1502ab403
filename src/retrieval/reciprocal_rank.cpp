#include "ranking.h"
#include <metrics/core/define.h>
#include <metrics/retrieval/reciprocal_rank.h>

#include <algorithm>
#include <cstddef>

namespace metrics {

using retrieval::RankedQuery;

double scores::ReciprocalRank::of_query(const RankedQuery& query, const RetrievalQueryOptions& options) {
  const auto scored = query.first_scored(options.top_k);
  const auto found = std::find_if(scored.begin(), scored.end(), [](float relevance) { return relevance > 0; });
  if (found == scored.end()) return 0;
  return 1 / static_cast<double>(query.unscored + static_cast<std::size_t>(found - scored.begin()) + 1);
}

METRICS_DEFINE_CLASS(RetrievalMRR);

}  // namespace metrics
