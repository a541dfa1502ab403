#pragma once

#include <metrics/retrieval/base.h>

#include <cstdint>
#include <optional>

namespace metrics {

struct RetrievalPrecisionOptions {
  /// What a query without a relevant document is worth: 0 or 1, or it is left out, or an error.
  retrieval::EmptyTargetAction empty_target_action = retrieval::EmptyTargetAction::Neg;
  /// Documents whose target is this are left out.
  std::optional<int64_t> ignore_index{};
  /// Only so many documents of a query are looked at, those of the highest scores.
  std::optional<int64_t> top_k{};
  /// Whether a query of fewer than `top_k` documents is divided by their number.
  bool adaptive_k = false;
  /// By name, or a function: `.aggregation = [](const Tensor& values) { return values.quantile(0.1); }`.
  retrieval::QueryAggregation aggregation = retrieval::Aggregation::Mean;

  static constexpr auto fields() {
    using Self = RetrievalPrecisionOptions;
    return metrics::fields<&Self::empty_target_action, &Self::ignore_index, &Self::top_k, &Self::adaptive_k,
                           &Self::aggregation>();
  }
};

struct RetrievalPrecisionQueryOptions {
  /// Only so many documents are looked at, those of the highest scores.
  std::optional<int64_t> top_k{};
  /// Whether fewer than `top_k` documents are divided by their number.
  bool adaptive_k = false;

  static constexpr auto fields() {
    using Self = RetrievalPrecisionQueryOptions;
    return metrics::fields<&Self::top_k, &Self::adaptive_k>();
  }
};

namespace scores {

struct METRICS_API RetrievalPrecision
    : QueryScore<RetrievalPrecision, RetrievalPrecisionOptions, RetrievalPrecisionQueryOptions> {
  static constexpr MetricTraits traits{.higher_is_better = true};
  static double of_query(const retrieval::RankedQuery& query, const RetrievalPrecisionQueryOptions& options);
};

}  // namespace scores

/// Computes the fraction of the `top_k` documents of a query with the highest scores, whatever their sign, that is
/// relevant; then the mean of the queries. A query of fewer documents is divided by `top_k` all the same, unless
/// `adaptive_k`. Relevances between 0 and 1 count as what they are. A document whose score is NaN takes a rank, the
/// first, but is never found. Inputs, ties, weights and sample ids: RetrievalDocuments. Throws InvalidArgument as
/// RetrievalMRR does. 0 without any query. The functional takes one query, whose documents are all elements of `preds`
/// and `target`, at least one. Source: torchmetrics' RetrievalPrecision.
METRICS_METRIC(RetrievalPrecision, retrieval_precision,
               Member<RetrievalDocuments, scores::RetrievalPrecision, RetrievalPrecisionOptions>);

}  // namespace metrics
