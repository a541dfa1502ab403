#pragma once

#include <metrics/core/member.h>
#include <metrics/retrieval/aggregation.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// What the retrieval metrics share: documents are ranked for each query by their scores, the metric's formula gives
// each query a value, and the queries' values become one.

namespace metrics {

namespace retrieval {

/// What a query is worth that has no relevant document.
enum class EmptyTargetAction {
  Error,  ///< `compute` throws.
  Skip,   ///< Nothing: it is left out. Without any other query the value is 0.
  Neg,    ///< 0.
  Pos,    ///< 1.
};

}  // namespace retrieval

template <>
inline constexpr std::array<std::string_view, 4> enum_names<retrieval::EmptyTargetAction> = {"error", "skip", "neg",
                                                                                             "pos"};

struct RetrievalOptions {
  retrieval::EmptyTargetAction empty_target_action = retrieval::EmptyTargetAction::Neg;
  /// Documents whose target is this are left out.
  std::optional<int64_t> ignore_index{};
  /// Only so many documents of a query are looked at, those of the highest scores.
  std::optional<int64_t> top_k{};
  /// By name, or a function: `.aggregation = [](const Tensor& values) { return values.quantile(0.1); }`.
  retrieval::QueryAggregation aggregation = retrieval::Aggregation::Mean;

  static constexpr auto fields() {
    using Self = RetrievalOptions;
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

// A document with its score, and what a retrieval metric has gathered: src/retrieval/ranking.h.
struct Document;
struct RankedQueries;

}  // namespace retrieval

/// What all metrics over documents that are relevant or not share.
///
/// `preds`: scores, floating; `target`: relevance, 0 or 1 (bool, integer or floating, where all above 0 is relevant);
/// `indexes`: int64, the query that a document belongs to, any numbers. All of one shape [N, ...] with at least one
/// dimension, where all elements are documents; a query's documents may come in any order, batch and rank.
///
/// **Ties**: of a query's documents with equal scores the less relevant come first, so that a value is the least that
/// an order of them could give, and does not depend on how rows come. NaN is the greatest score and equal to NaN.
/// Scores are compared in the inputs' precision (half ones as float32).
///
/// Kept in 9 bytes a document: indexes as int32 as long as all fit, relevances that are not floating in a byte. State
/// dicts have both as int64, as torchmetrics has them.
///
/// **Sample ids**: where `Rows::ids` are given, a row that comes again, on the same or another rank, is taken once:
/// that of the lowest rank. Then all rows on all ranks need ids, else `compute` throws.
struct METRICS_API RetrievalDocuments {
  using Options = RetrievalOptions;
  using Gathered = retrieval::RankedQueries;
  static constexpr std::array<std::string_view, 3> inputs{"preds", "target", "indexes"};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  /// A document has no weight of its own: a row that is there twice would be two documents.
  static RowWeights taken_weights(const Options&) { return RowWeights::None; }
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                     const Tensor& indexes, const Rows& rows);
  static void show_as_torchmetrics(States& states, const Options& options);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static std::string update_key(const Options& options);
  static Gathered gathered(const States& states, const Options& options);
};

/// A score of one query after the other: `Score` says `static double of_query(documents, top_k)`, the worth of a
/// query's documents, ranked, of which one at least is relevant, and 0 where none is.
template <class Score>
struct QueryScore {
  static Tensor value(const retrieval::RankedQueries& queries, const RetrievalOptions& options);

  static constexpr std::array<std::string_view, 2> functional_inputs{"preds", "target"};
  static Tensor functional_value(const Tensor& preds, const Tensor& target, const RetrievalQueryOptions& options);
};

}  // namespace metrics
