#include "ranking.h"
#include <metrics/core/define.h>
#include <metrics/retrieval/fall_out.h>

#include <span>

namespace metrics {

using retrieval::RankedQuery;

double scores::FallOut::of_query(const RankedQuery& query, const RetrievalQueryOptions& options) {
  const auto irrelevant = [](std::span<const float> relevances) {
    return static_cast<double>(relevances.size()) - retrieval::sum_of(relevances);
  };
  return irrelevant(query.first(options.top_k)) / irrelevant(query.relevances);
}

METRICS_DEFINE_CLASS(RetrievalFallOut);

}  // namespace metrics
