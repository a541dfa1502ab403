#pragma once

#include <metrics/retrieval/base.h>

namespace metrics {

namespace scores {

struct METRICS_API RetrievalRecall : QueryScore<RetrievalRecall> {
  static constexpr MetricTraits traits{.higher_is_better = true};
  static double of_query(const retrieval::RankedQuery& query, const RetrievalQueryOptions& options);
};

}  // namespace scores

/// Computes the fraction of a query's relevant documents that are among the `top_k` of the highest scores, whatever
/// their sign; then the mean of the queries. Relevances between 0 and 1 count as what they are. A document whose score
/// is NaN takes a rank, the first, but is never found. Inputs, ties, weights and sample ids: RetrievalDocuments. Throws
/// InvalidArgument as RetrievalMRR does. 0 without any query. The functional takes one query, whose documents are all
/// elements of `preds` and `target`, at least one. Source: torchmetrics' RetrievalRecall.
METRICS_METRIC(RetrievalRecall, retrieval_recall,
               Member<RetrievalDocuments, scores::RetrievalRecall, RetrievalTopKOptions>);

}  // namespace metrics
