#include "ranking.h"
#include <metrics/core/define.h>
#include <metrics/retrieval/reciprocal_rank.h>

#include <algorithm>
#include <cmath>

namespace metrics {

using retrieval::Document;

double scores::ReciprocalRank::of_query(std::span<const Document> documents, std::optional<int64_t> top_k) {
  const auto looked_at = retrieval::first_of(documents, top_k);
  const auto found = std::find_if(looked_at.begin(), looked_at.end(),
                                  [](const Document& d) { return d.relevance != 0 && !std::isnan(d.score); });
  return found == looked_at.end() ? 0 : 1 / static_cast<double>(found - looked_at.begin() + 1);
}

METRICS_DEFINE_CLASS(RetrievalMRR);

}  // namespace metrics
