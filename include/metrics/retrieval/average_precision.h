#pragma once

#include <metrics/retrieval/base.h>

namespace metrics {

namespace scores {

struct METRICS_API RetrievalAveragePrecision : QueryScore<RetrievalAveragePrecision> {
  static constexpr MetricTraits traits{.higher_is_better = true};
  static double of_query(const retrieval::RankedQuery& query, const RetrievalQueryOptions& options);
};

}  // namespace scores

/// Computes the mean average precision: for each query the mean of i / r over its relevant documents among the first
/// `top_k`, of which the i-th has rank r from the highest score to the lowest, whatever their sign, 0 where none is
/// there; then the mean of the queries. A document whose score is NaN takes a rank, the first, but is never found.
/// Inputs, ties, weights and sample ids: RetrievalDocuments. Throws InvalidArgument as RetrievalMRR does. 0 without any
/// query. The functional takes one query, whose documents are all elements of `preds` and `target`, at least one.
/// Source: torchmetrics' RetrievalMAP.
METRICS_METRIC(RetrievalMAP, retrieval_average_precision,
               Member<RetrievalDocuments, scores::RetrievalAveragePrecision, RetrievalTopKOptions>);

}  // namespace metrics
