#include "ranking.h"
#include <metrics/core/define.h>
#include <metrics/retrieval/hit_rate.h>

namespace metrics {

double scores::HitRate::of_query(std::span<const retrieval::Document> documents, std::optional<int64_t> top_k) {
  return retrieval::any_relevant(retrieval::first_of(documents, top_k)) ? 1 : 0;
}

METRICS_DEFINE_CLASS(RetrievalHitRate);

}  // namespace metrics
