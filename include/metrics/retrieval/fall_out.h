#pragma once

#include <metrics/retrieval/base.h>

#include <cstdint>
#include <optional>

namespace metrics {

struct RetrievalFallOutOptions {
  /// What a query without an irrelevant document is worth: 0 or 1, or it is left out, or an error.
  retrieval::EmptyTargetAction empty_target_action = retrieval::EmptyTargetAction::Pos;
  /// Documents whose target is this are left out.
  std::optional<int64_t> ignore_index{};
  /// Only so many documents of a query are looked at, those of the highest scores.
  std::optional<int64_t> top_k{};
  /// By name, or a function: `.aggregation = [](const Tensor& values) { return values.quantile(0.1); }`.
  retrieval::QueryAggregation aggregation = retrieval::Aggregation::Mean;

  static constexpr auto fields() {
    using Self = RetrievalFallOutOptions;
    return metrics::fields<&Self::empty_target_action, &Self::ignore_index, &Self::top_k, &Self::aggregation>();
  }
};

namespace scores {

struct METRICS_API FallOut : QueryScore<FallOut, RetrievalFallOutOptions> {
  static constexpr MetricTraits traits{.higher_is_better = false};
  static constexpr retrieval::Needs needs = retrieval::Needs::Irrelevant;
  static double of_query(const retrieval::RankedQuery& query, const RetrievalQueryOptions& options);
};

}  // namespace scores

/// Computes the fraction of a query's irrelevant documents that are among the `top_k` of the highest scores; then the
/// mean of the queries. `empty_target_action` says what a query without an irrelevant document is worth, 1 unless told
/// otherwise; the functional gives 0. Relevances between 0 and 1 count as what they are. Inputs, ties, weights and
/// sample ids: RetrievalDocuments. Throws InvalidArgument as RetrievalMRR does. 0 without any query. The functional
/// takes one query, whose documents are all elements of `preds` and `target`, at least one.
/// Source: torchmetrics' RetrievalFallOut.
METRICS_METRIC(RetrievalFallOut, retrieval_fall_out,
               Member<RetrievalDocuments, scores::FallOut, RetrievalFallOutOptions>);

}  // namespace metrics
