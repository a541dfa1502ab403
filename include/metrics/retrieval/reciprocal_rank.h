#pragma once

#include <metrics/retrieval/base.h>

namespace metrics {

namespace definitions {

struct METRICS_API RetrievalMRR : RetrievalDocuments {
  static constexpr std::string_view name = "RetrievalMRR";
  static constexpr std::string_view functional = "retrieval_reciprocal_rank";
  static constexpr MetricTraits traits{.higher_is_better = true};
  static Tensor finalise(const States& states, const Options& options);
};

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::RetrievalMRR>;

/// Computes the mean reciprocal rank: 1 / r for each query, where its first relevant document has rank r among its
/// documents from the highest score to the lowest, whatever their sign, 0 where none is among the first `top_k`; then
/// their mean. A document whose score is NaN takes a rank, the first, but is never found.
/// Inputs, ties and sample ids: RetrievalDocuments. Throws InvalidArgument for a `top_k` below 1, for inputs of
/// different or no dimensions, of other dtypes, or with a target outside [0, 1]; in `compute` for a query without a
/// relevant document where `empty_target_action` is error. 0 without any query. Source: torchmetrics' RetrievalMRR.
using RetrievalMRR = MetricOf<definitions::RetrievalMRR>;

namespace functional {

/// Returns the reciprocal rank of one query, whose documents are all elements of `preds` and `target`; 0 where none is
/// relevant. Throws InvalidArgument as the class does, and for no elements. Source: torchmetrics'
/// retrieval_reciprocal_rank.
METRICS_API Tensor retrieval_reciprocal_rank(const Tensor& preds, const Tensor& target,
                                             std::optional<int64_t> top_k = {});

}  // namespace functional
}  // namespace metrics
