#pragma once

#include <metrics/retrieval/base.h>

namespace metrics {

namespace scores {

struct METRICS_API RPrecision : QueryScore<RPrecision, RetrievalOptions, NoOptions> {
  static constexpr MetricTraits traits{.higher_is_better = true};
  static double of_query(const retrieval::RankedQuery& query, const NoOptions& options);
};

}  // namespace scores

/// Computes the fraction of the first R documents of a query that is relevant, where R is how many of its documents
/// are; then the mean of the queries. Inputs, ties, weights and sample ids: RetrievalDocuments. Throws InvalidArgument
/// as RetrievalMRR does. 0 without any query. The functional takes one query, whose documents are all elements of
/// `preds` and `target`, at least one. Source: torchmetrics' RetrievalRPrecision.
METRICS_METRIC(RetrievalRPrecision, retrieval_r_precision, Member<RetrievalDocuments, scores::RPrecision>);

}  // namespace metrics
