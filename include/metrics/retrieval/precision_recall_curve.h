#pragma once

#include <metrics/retrieval/base.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace metrics {

struct RetrievalPrecisionRecallCurveOptions {
  /// The greatest number of documents to look at; unset: that of the query with the most.
  std::optional<int64_t> max_k{};
  /// Whether the precision of a query of fewer than k documents is divided by their number.
  bool adaptive_k = false;
  /// What a query without a relevant document is worth: 0 or 1, or it is left out, or an error.
  retrieval::EmptyTargetAction empty_target_action = retrieval::EmptyTargetAction::Neg;
  /// Documents whose target is this are left out.
  std::optional<int64_t> ignore_index{};
  /// By name, or a function of the values of all queries at one k.
  retrieval::QueryAggregation aggregation = retrieval::Aggregation::Mean;

  static constexpr auto fields() {
    using Self = RetrievalPrecisionRecallCurveOptions;
    return metrics::fields<&Self::max_k, &Self::adaptive_k, &Self::empty_target_action, &Self::ignore_index,
                           &Self::aggregation>();
  }
};

struct RetrievalPrecisionRecallCurveQueryOptions {
  /// The greatest number of documents to look at; unset: all.
  std::optional<int64_t> max_k{};
  /// Whether fewer than k documents are divided by their number.
  bool adaptive_k = false;

  static constexpr auto fields() {
    using Self = RetrievalPrecisionRecallCurveQueryOptions;
    return metrics::fields<&Self::max_k, &Self::adaptive_k>();
  }
};

struct RetrievalRecallAtFixedPrecisionOptions {
  /// The least precision, from 0 to 1.
  double min_precision = 0;
  /// The greatest number of documents to look at; unset: that of the query with the most.
  std::optional<int64_t> max_k{};
  /// Whether the precision of a query of fewer than k documents is divided by their number.
  bool adaptive_k = false;
  /// What a query without a relevant document is worth: 0 or 1, or it is left out, or an error.
  retrieval::EmptyTargetAction empty_target_action = retrieval::EmptyTargetAction::Neg;
  /// Documents whose target is this are left out.
  std::optional<int64_t> ignore_index{};
  /// By name, or a function of the values of all queries at one k.
  retrieval::QueryAggregation aggregation = retrieval::Aggregation::Mean;

  static constexpr auto fields() {
    using Self = RetrievalRecallAtFixedPrecisionOptions;
    return metrics::fields<&Self::min_precision, &Self::max_k, &Self::adaptive_k, &Self::empty_target_action,
                           &Self::ignore_index, &Self::aggregation>();
  }
};

/// Precision and recall by how many documents of a query are looked at.
struct RetrievalCurve {
  Tensor precision;  ///< For each k, [max_k].
  Tensor recall;     ///< For each k, [max_k].
  Tensor top_k;      ///< From 1 to `max_k`, int64.

  static constexpr auto fields() {
    return metrics::fields<&RetrievalCurve::precision, &RetrievalCurve::recall, &RetrievalCurve::top_k>();
  }
};

/// The point of such a curve that was chosen.
struct RecallAtK {
  Tensor max_recall;  ///< The greatest recall.
  Tensor best_k;      ///< How many documents are looked at there, int64.

  static constexpr auto fields() { return metrics::fields<&RecallAtK::max_recall, &RecallAtK::best_k>(); }
};

namespace scores {

struct METRICS_API RetrievalPrecisionRecall {
  static constexpr MetricTraits traits{.higher_is_better = true};
  static void check(const RetrievalPrecisionRecallCurveOptions& options);
  static RetrievalCurve value(const retrieval::RankedQueries& queries,
                              const RetrievalPrecisionRecallCurveOptions& options);

  static constexpr std::array<std::string_view, 2> functional_inputs{"preds", "target"};
  static RetrievalCurve functional_value(const Tensor& preds, const Tensor& target,
                                         const RetrievalPrecisionRecallCurveQueryOptions& options);
};

struct METRICS_API RetrievalRecallAtPrecision {
  static constexpr MetricTraits traits{.higher_is_better = true};
  static void check(const RetrievalRecallAtFixedPrecisionOptions& options);
  static RecallAtK value(const retrieval::RankedQueries& queries,
                         const RetrievalRecallAtFixedPrecisionOptions& options);
};

}  // namespace scores

/// Computes for each k from 1 to `max_k` the precision and the recall of a query's k documents of the highest scores,
/// as RetrievalPrecision and RetrievalRecall do; then for each k the mean of the queries. A document whose score is NaN
/// takes a rank, the first, and counts where it is relevant. A function given as `aggregation` is called for each k,
/// first for precision, then for recall. Inputs, ties, weights and sample ids: RetrievalDocuments. Throws
/// InvalidArgument for a `max_k` below 1, and as RetrievalMRR does. Zeros without any query, as many as `max_k` says.
/// The functional takes one query, whose documents are all elements of `preds` and `target`, at least one; with
/// `adaptive_k` its `top_k` ends at their number. Source: torchmetrics' RetrievalPrecisionRecallCurve.
METRICS_METRIC(RetrievalPrecisionRecallCurve, retrieval_precision_recall_curve,
               Member<RetrievalDocuments, scores::RetrievalPrecisionRecall, RetrievalPrecisionRecallCurveOptions>);

namespace definitions {

struct METRICS_API RetrievalRecallAtFixedPrecision
    : Member<RetrievalDocuments, scores::RetrievalRecallAtPrecision, RetrievalRecallAtFixedPrecisionOptions> {
  static constexpr std::string_view name = "RetrievalRecallAtFixedPrecision";
};

}  // namespace definitions

/// Finds the greatest recall on the curve of RetrievalPrecisionRecallCurve where precision is at least `min_precision`,
/// and the k that it is reached at; of equal recall the greatest k. Both are compared as float32 numbers, lest rounding
/// of a mean decides. 0 and the greatest k where no precision is enough, or recall is 0 there.
/// `preds`: scores, floating; `target`: relevance, 0 or 1 (bool, integer or floating, where all above 0 is relevant);
/// `indexes`: int64, the query that a document belongs to, any numbers. Throws InvalidArgument for a `min_precision`
/// outside [0, 1], and as RetrievalPrecisionRecallCurve does. Source: torchmetrics' RetrievalRecallAtFixedPrecision.
METRICS_CLASS(RetrievalRecallAtFixedPrecision);

}  // namespace metrics
