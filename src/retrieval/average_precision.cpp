#include "ranking.h"
#include <metrics/core/define.h>
#include <metrics/retrieval/average_precision.h>

#include <cstddef>

namespace metrics {

using retrieval::RankedQuery;

double scores::RetrievalAveragePrecision::of_query(const RankedQuery& query, const RetrievalQueryOptions& options) {
  std::size_t rank = query.unscored, found = 0;
  double sum = 0;
  for (const float relevance : query.first_scored(options.top_k)) {
    // Without a branch, because no processor guesses which documents are relevant.
    const bool hit = relevance > 0;
    found += hit ? 1 : 0;
    sum += static_cast<double>(hit) * static_cast<double>(found) / static_cast<double>(++rank);
  }
  return found == 0 ? 0 : sum / static_cast<double>(found);
}

METRICS_DEFINE_CLASS(RetrievalMAP);

}  // namespace metrics
