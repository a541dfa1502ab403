#pragma once

#include <metrics/retrieval/base.h>

namespace metrics {

namespace scores {

struct METRICS_API HitRate : QueryScore<HitRate> {
  static constexpr MetricTraits traits{.higher_is_better = true};
  static double of_query(const retrieval::RankedQuery& query, const RetrievalQueryOptions& options);
};

}  // namespace scores

/// Computes the fraction of queries with a relevant document among the `top_k` of the highest scores: 1 or 0 for each
/// query, then their mean. Inputs, ties, weights and sample ids: RetrievalDocuments. Throws InvalidArgument as
/// RetrievalMRR does. 0 without any query. The functional takes one query, whose documents are all elements of `preds`
/// and `target`, at least one. Source: torchmetrics' RetrievalHitRate.
METRICS_METRIC(RetrievalHitRate, retrieval_hit_rate, Member<RetrievalDocuments, scores::HitRate, RetrievalTopKOptions>);

}  // namespace metrics
