#pragma once

#include <metrics/retrieval/base.h>

#include <cstddef>

namespace metrics {

namespace scores {

struct METRICS_API NormalizedDCG : QueryScore<NormalizedDCG> {
  static constexpr MetricTraits traits{.higher_is_better = true};
  static constexpr bool graded = true;
  static retrieval::Formula formula(const RetrievalQueryOptions& options, std::size_t size);
};

}  // namespace scores

/// Computes the normalised discounted cumulative gain: for each query the sum of relevance / log2(1 + rank) over its
/// first `top_k` documents from the highest score to the lowest, divided by what the best order would give; then the
/// mean of the queries. Documents of equal scores share their ranks' discounts, as they do in scikit-learn. Inputs,
/// weights and sample ids: GradedDocuments. Throws InvalidArgument for a `top_k` below 1, for inputs of different or no
/// dimensions, of other dtypes, or with a target that is negative, infinite or NaN; in `compute` as RetrievalMRR does.
/// 0 without any query. The functional takes one query, whose documents are all elements of `preds` and `target`, at
/// least one. Source: Järvelin and Kekäläinen (2002); torchmetrics' RetrievalNormalizedDCG.
METRICS_METRIC(RetrievalNormalizedDCG, retrieval_normalized_dcg,
               Member<GradedDocuments, scores::NormalizedDCG, RetrievalTopKOptions>);

}  // namespace metrics
