#include "../registry.h"

#include <metrics/core/define.h>
#include <metrics/retrieval/auroc.h>
#include <metrics/retrieval/average_precision.h>
#include <metrics/retrieval/embedding_metrics.h>
#include <metrics/retrieval/fall_out.h>
#include <metrics/retrieval/hit_rate.h>
#include <metrics/retrieval/ndcg.h>
#include <metrics/retrieval/precision.h>
#include <metrics/retrieval/precision_recall_curve.h>
#include <metrics/retrieval/r_precision.h>
#include <metrics/retrieval/recall.h>
#include <metrics/retrieval/reciprocal_rank.h>

namespace metrics {

Domain retrieval_domain() {
  constexpr std::string_view domain = "retrieval";
  return {
      .name = domain,
      .metrics =
          {
              entry<EmbeddingMetrics>(domain),
              entry<RetrievalAUROC>(domain),
              entry<RetrievalFallOut>(domain),
              entry<RetrievalHitRate>(domain),
              entry<RetrievalMAP>(domain),
              entry<RetrievalMRR>(domain),
              entry<RetrievalNormalizedDCG>(domain),
              entry<RetrievalPrecision>(domain),
              entry<RetrievalPrecisionRecallCurve>(domain),
              entry<RetrievalRPrecision>(domain),
              entry<RetrievalRecall>(domain),
              entry<RetrievalRecallAtFixedPrecision>(domain),
          },
      .routers = {},
  };
}

}  // namespace metrics
