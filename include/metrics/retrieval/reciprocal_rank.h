#pragma once

#include <metrics/retrieval/base.h>

namespace metrics {

namespace scores {

struct METRICS_API ReciprocalRank : QueryScore<ReciprocalRank> {
  static constexpr MetricTraits traits{.higher_is_better = true};
  static double of_query(const retrieval::RankedQuery& query, const RetrievalQueryOptions& options);
};

}  // namespace scores

/// Computes the mean reciprocal rank: 1 / r for each query, where its first relevant document has rank r among its
/// documents from the highest score to the lowest, whatever their sign, 0 where none is among the first `top_k`; then
/// their mean. A document whose score is NaN takes a rank, the first, but is never found.
/// Inputs, ties, weights and sample ids: RetrievalDocuments. Throws InvalidArgument for a `top_k` below 1, for inputs
/// of different or no dimensions, of other dtypes, or with a target outside [0, 1]; in `compute` for a query without a
/// relevant document where `empty_target_action` is error, and for one whose documents weigh differently. 0 without any
/// query. The functional takes one query, whose documents are all elements of `preds` and `target`, at least one.
/// Source: torchmetrics' RetrievalMRR.
METRICS_METRIC(RetrievalMRR, retrieval_reciprocal_rank,
               Member<RetrievalDocuments, scores::ReciprocalRank, RetrievalTopKOptions>);

}  // namespace metrics
