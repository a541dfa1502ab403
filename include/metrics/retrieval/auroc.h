#pragma once

#include <metrics/retrieval/base.h>

#include <cstdint>
#include <optional>

namespace metrics {

struct RetrievalAUROCOptions {
  /// What a query without both relevant and irrelevant documents is worth: 0 or 1, or it is left out, or an error.
  retrieval::EmptyTargetAction empty_target_action = retrieval::EmptyTargetAction::Neg;
  /// Documents whose target is this are left out.
  std::optional<int64_t> ignore_index{};
  /// Only so many documents of a query are looked at, those of the highest scores.
  std::optional<int64_t> top_k{};
  /// The false positive rate up to which the area is taken, between 0.5 for chance and 1; unset: all of it.
  std::optional<double> max_fpr{};
  /// By name, or a function: `.aggregation = [](const Tensor& values) { return values.quantile(0.1); }`.
  retrieval::QueryAggregation aggregation = retrieval::Aggregation::Mean;

  static constexpr auto fields() {
    using Self = RetrievalAUROCOptions;
    return metrics::fields<&Self::empty_target_action, &Self::ignore_index, &Self::top_k, &Self::max_fpr,
                           &Self::aggregation>();
  }
};

struct RetrievalAUROCQueryOptions {
  /// Only so many documents are looked at, those of the highest scores.
  std::optional<int64_t> top_k{};
  /// The false positive rate up to which the area is taken, between 0.5 for chance and 1; unset: all of it.
  std::optional<double> max_fpr{};

  static constexpr auto fields() {
    using Self = RetrievalAUROCQueryOptions;
    return metrics::fields<&Self::top_k, &Self::max_fpr>();
  }
};

namespace scores {

struct METRICS_API RetrievalAUROC : QueryScore<RetrievalAUROC, RetrievalAUROCOptions, RetrievalAUROCQueryOptions> {
  static constexpr MetricTraits traits{.higher_is_better = true};
  static void check_query(const RetrievalAUROCQueryOptions& options);
  static double of_query(const retrieval::RankedQuery& query, const RetrievalAUROCQueryOptions& options);
};

}  // namespace scores

/// Computes the area under the receiver operating characteristic of a query's first `top_k` documents: how probably a
/// relevant one scores higher than an irrelevant one, ties counting half; then the mean of the queries. 0 for a query
/// whose first documents are all relevant, or none. Inputs, weights and sample ids: RetrievalDocuments, whose rule of
/// ties says which documents are the first. Throws InvalidArgument for a `max_fpr` outside (0, 1], and as RetrievalMRR
/// does. 0 without any query. The functional takes one query, whose documents are all elements of `preds` and
/// `target`, at least one. Source: torchmetrics' RetrievalAUROC.
METRICS_METRIC(RetrievalAUROC, retrieval_auroc,
               Member<RetrievalDocuments, scores::RetrievalAUROC, RetrievalAUROCOptions>);

}  // namespace metrics
