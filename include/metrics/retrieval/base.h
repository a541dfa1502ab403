#pragma once

#include <metrics/core/member.h>
#include <metrics/retrieval/aggregation.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

// What the retrieval metrics share: documents are ranked for each query by their scores, the metric's formula gives
// each query a value, and the queries' values become one.

namespace metrics {

namespace retrieval {

/// What a query is worth that has no relevant document; for RetrievalFallOut one that has no irrelevant document.
enum class EmptyTargetAction {
  Error,  ///< `compute` throws.
  Skip,   ///< Nothing: it is left out. Without any other query the value is 0.
  Neg,    ///< 0.
  Pos,    ///< 1.
};

/// What a query's documents have to have one of, lest EmptyTargetAction says what the query is worth.
enum class Needs { Relevant, Irrelevant };

}  // namespace retrieval

template <>
inline constexpr std::array<std::string_view, 4> enum_names<retrieval::EmptyTargetAction> = {"error", "skip", "neg",
                                                                                             "pos"};

struct RetrievalOptions {
  /// What a query without a relevant document is worth: 0 or 1, or it is left out, or an error.
  retrieval::EmptyTargetAction empty_target_action = retrieval::EmptyTargetAction::Neg;
  /// Documents whose target is this are left out.
  std::optional<int64_t> ignore_index{};
  /// By name, or a function: `.aggregation = [](const Tensor& values) { return values.quantile(0.1); }`.
  retrieval::QueryAggregation aggregation = retrieval::Aggregation::Mean;

  static constexpr auto fields() {
    using Self = RetrievalOptions;
    return metrics::fields<&Self::empty_target_action, &Self::ignore_index, &Self::aggregation>();
  }
};

struct RetrievalTopKOptions {
  /// What a query without a relevant document is worth: 0 or 1, or it is left out, or an error.
  retrieval::EmptyTargetAction empty_target_action = retrieval::EmptyTargetAction::Neg;
  /// Documents whose target is this are left out.
  std::optional<int64_t> ignore_index{};
  /// Only so many documents of a query are looked at, those of the highest scores.
  std::optional<int64_t> top_k{};
  /// By name, or a function: `.aggregation = [](const Tensor& values) { return values.quantile(0.1); }`.
  retrieval::QueryAggregation aggregation = retrieval::Aggregation::Mean;

  static constexpr auto fields() {
    using Self = RetrievalTopKOptions;
    return metrics::fields<&Self::empty_target_action, &Self::ignore_index, &Self::top_k, &Self::aggregation>();
  }
};

/// Options of a functional, whose documents are those of one query.
struct RetrievalQueryOptions {
  /// Only so many documents are looked at, those of the highest scores.
  std::optional<int64_t> top_k{};

  static constexpr auto fields() { return metrics::fields<&RetrievalQueryOptions::top_k>(); }
};

namespace retrieval {

// The documents of a query, and what a retrieval metric has gathered: src/retrieval/ranking.h.
struct RankedQuery;
struct RankedQueries;
/// The worth of a query's ranked documents.
using Formula = std::function<double(const RankedQuery&)>;

}  // namespace retrieval

/// What all metrics over documents that are relevant or not share.
///
/// `preds`: scores, floating; `target`: relevance, 0 or 1 (bool, integer or floating, where all above 0 is relevant);
/// `indexes`: int64, the query that a document belongs to, any numbers. All of one shape [N, ...] with at least one
/// dimension, where all elements are documents; a query's documents may come in any order, batch and rank.
///
/// **Ties**: of a query's documents with equal scores the less relevant come first, so that a value is the worst that
/// an order of them could give, and does not depend on how rows come; where a metric says so, the documents of a tie
/// share what they are worth. NaN is the greatest score and equal to NaN. Scores are compared in the inputs' precision
/// (half ones as float32).
///
/// **Weights** are those of queries: all documents of a query carry its weight, else `compute` throws. A query of
/// weight k counts as k queries with the same documents would. A function given as `aggregation` gets the value of a
/// query as often as it weighs, and throws for weights that are not integers.
///
/// Kept in 9 bytes a document: indexes as int32 as long as all fit, relevances that are not floating in a byte; 17
/// where rows have weights. State dicts have indexes and relevances as int64, as torchmetrics has them.
///
/// **Sample ids**: where `Rows::ids` are given, a row that comes again, on the same or another rank, is taken once:
/// that of the lowest rank. Then all rows on all ranks need ids, else `compute` throws.
struct METRICS_API RetrievalDocuments {
  using Options = RetrievalOptions;
  using Rule = RetrievalOptions;
  using Gathered = retrieval::RankedQueries;
  static constexpr std::array<std::string_view, 3> inputs{"preds", "target", "indexes"};
  template <class O>
  static Rule rule(const O& options) {
    return subset<Rule>(options);
  }
  static void check(const Options&) {}
  static void declare(States& states, const Options& options);
  static RowWeights taken_weights(const Options&) { return RowWeights::Any; }
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                     const Tensor& indexes, const Rows& rows);
  static void show_as_torchmetrics(States& states, const Options& options);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static std::string update_key(const Options& options);
  static Gathered gathered(const States& states, const Options& options);
};

/// The same of documents that are relevant by degrees.
///
/// `preds`: scores, floating; `target`: relevance, any numbers of at least 0 (bool, integer or floating), in which
/// float32 tells documents apart; `indexes`: int64, the query that a document belongs to, any numbers. Integers of at
/// most 255 are kept in a byte, others in 8. It is otherwise as RetrievalDocuments says.
struct METRICS_API GradedDocuments : RetrievalDocuments {
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                     const Tensor& indexes, const Rows& rows);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static std::string update_key(const Options& options);
};

/// A score of one query after the other, of a metric with options `O` whose functional has `QueryOptions`, by name
/// among them. `Score` says `static double of_query(documents, options)`, the worth of a query's ranked documents; or
/// `static retrieval::Formula formula(options, size)`, which gives that as a function of queries with at most so many
/// documents.
template <class Score, class O = RetrievalTopKOptions, class QueryOptions = RetrievalQueryOptions>
struct QueryScore {
  static constexpr retrieval::Needs needs = retrieval::Needs::Relevant;
  static constexpr bool graded = false;  ///< Whether documents are relevant by degrees.

  static void check(const O& options);
  static void check_query(const QueryOptions& options);
  static std::shared_ptr<const RangedValue> ranged(const RetrievalOptions& documents, const O& options);
  static Tensor value(const retrieval::RankedQueries& queries, const O& options);

  static constexpr std::array<std::string_view, 2> functional_inputs{"preds", "target"};
  static Tensor functional_value(const Tensor& preds, const Tensor& target, const QueryOptions& options);
};

}  // namespace metrics
