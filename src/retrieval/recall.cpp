#include "ranking.h"
#include <metrics/core/define.h>
#include <metrics/retrieval/recall.h>

namespace metrics {

using retrieval::RankedQuery;

double scores::RetrievalRecall::of_query(const RankedQuery& query, const RetrievalQueryOptions& options) {
  const double all = retrieval::sum_of(query.relevances);
  return all == 0 ? 0 : retrieval::sum_of(query.first_scored(options.top_k)) / all;
}

METRICS_DEFINE_CLASS(RetrievalRecall);

}  // namespace metrics
