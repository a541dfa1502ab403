#pragma once

#include <metrics/core/ranges.h>
#include <metrics/retrieval/base.h>

#include <ATen/ops/scalar_tensor.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace metrics::retrieval {

/// The documents of one query, from the highest score to the lowest; of equal scores the less relevant first.
struct RankedQuery {
  std::span<const float> relevances;
  std::span<const uint8_t> ties;  // whether a document has the score of the one before it
  std::size_t unscored = 0;       // how many of them have NaN for a score: the first ones

  std::size_t size() const { return relevances.size(); }
  /// Only so many documents, those of the highest scores.
  std::span<const float> first(std::optional<int64_t> top_k) const {
    return relevances.first(top_k ? std::min(size(), static_cast<std::size_t>(*top_k)) : size());
  }
  /// The documents among those of `first` that have a score, and so can be found.
  std::span<const float> first_scored(std::optional<int64_t> top_k) const {
    const auto looked_at = first(top_k);
    return looked_at.subspan(std::min(unscored, looked_at.size()));
  }
  bool has(Needs needed) const;
};

/// The sum of relevances, exact where they are 0 and 1.
double sum_of(std::span<const float> relevances);

/// Documents query by query.
struct RankedQueries {
  std::vector<int64_t> indexes;       // of the queries, ascending
  std::vector<std::size_t> ends;      // of each query's documents
  std::vector<std::size_t> unscored;  // of each query
  std::vector<double> weights;        // of the queries; empty where all weigh 1
  std::unique_ptr<float[]> relevances;
  std::unique_ptr<uint8_t[]> ties;
  at::Device device = at::kCPU;  // of the states, where the value belongs
  const RangedParts* parts = nullptr;  // what is known of documents in their place, where these have stayed apart

  std::size_t size() const { return ends.size(); }
  std::size_t begin_of(std::size_t query) const { return query == 0 ? 0 : ends[query - 1]; }
  std::size_t documents() const { return ends.empty() ? 0 : ends.back(); }
  /// The number of documents of the query that has the most.
  std::size_t longest() const;
  double weight(std::size_t query) const { return weights.empty() ? 1 : weights[query]; }
  RankedQuery operator[](std::size_t query) const {
    const std::size_t begin = begin_of(query), count = ends[query] - begin;
    return {{relevances.get() + begin, count}, {ties.get() + begin, count}, unscored[query]};
  }
};

/// Which relevances documents may have: from 0 to 1, or any of at least 0.
enum class Relevances { Binary, Graded };

/// Throws InvalidArgument unless scores are floating, and relevances real, of the same shape, with dimensions.
void check_documents(const Tensor& preds, const Tensor& target);
/// Throws InvalidArgument unless all are such relevances.
void check_relevances(const Tensor& target, Relevances allowed);
/// Throws InvalidArgument for an option of that name that is given, and below 1.
void check_at_least_one(std::string_view option, std::optional<int64_t> value);

/// All elements as the documents of a single query. Throws InvalidArgument as the checks do, and for no elements.
METRICS_API RankedQueries ranked_query(const Tensor& preds, const Tensor& target,
                                       Relevances allowed = Relevances::Binary);
/// The documents in the states of RetrievalDocuments, each sample once. Throws Error where states do not go together,
/// and InvalidArgument where documents of a query weigh differently.
RankedQueries ranked_queries(const States& states);

/// Throws Error unless there are as many indexes, scores and relevances.
void check_equal_rows(const States& states);

/// Ascending numbers for ascending queries, and back.
inline uint64_t query_of(int64_t index) {
  return static_cast<uint64_t>(index) ^ uint64_t { 1 } << 63;
}
inline int64_t index_of(uint64_t query) {
  return static_cast<int64_t>(query ^ uint64_t{1} << 63);
}

/// Documents by query, from their scores and relevances and the queries that they belong to.
RankedQueries ranked_documents(const Tensor& preds, const Tensor& target, const Tensor& indexes);

/// A query whose documents carry different weights.
struct UnequalWeights {
  int64_t query = 0;
  double one = 0, other = 0;
};
/// Notes what each query weighs; returns the first that cannot be said of.
std::optional<UnequalWeights> weigh(RankedQueries& queries, const Tensor& weights, const Tensor& indexes);
/// Throw InvalidArgument for such a query, and for one that has not what it needs.
[[noreturn]] void throw_unequal(const UnequalWeights& unequal);
[[noreturn]] void throw_empty(int64_t query, Needs needed);

/// Calls `body(query)` for each query, by all threads where there are many documents.
void each_query(const RankedQueries& queries, const std::function<void(std::size_t query)>& body);

/// Whether each query has what is needed. Throws InvalidArgument for the first that has not where `action` is Error.
std::vector<uint8_t> queries_with(const RankedQueries& queries, Needs needed, EmptyTargetAction action);

/// What a query is worth that has not; nothing where it is left out.
inline std::optional<double> worth_of_empty(EmptyTargetAction action) {
  if (action == EmptyTargetAction::Skip) return std::nullopt;
  return action == EmptyTargetAction::Pos ? 1 : 0;
}

/// What a value over queries follows from, beside the queries.
struct OverQueries {
  Needs needed;
  EmptyTargetAction action;
  const QueryAggregation& aggregation;
};

/// The values of the queries, but of those that are left out; and the first query that has not what is needed.
struct QueriesFound {
  QueryValues values;
  std::optional<int64_t> empty{};
};
QueriesFound values_of_queries(const RankedQueries& queries, const OverQueries& over, const Formula& formula);

/// The queries' values as one, float64 on the states' device.
Tensor value_over_queries(const RankedQueries& queries, const OverQueries& over, const Formula& formula);

/// How that is made where documents stay apart: src/retrieval/ranged.cpp. `formula(size)`: of queries with at most so
/// many documents.
std::shared_ptr<const RangedValue> ranged_value_over_queries(const RetrievalOptions& documents, bool graded,
                                                             const OverQueries& over,
                                                             std::function<Formula(std::size_t size)> formula);
/// The value that parts make. Throws as `ranked_queries` and `queries_with` do.
Tensor value_of_parts(const RangedParts& parts, const OverQueries& over, at::Device device);

}  // namespace metrics::retrieval

namespace metrics {

namespace detail {

template <class Score, class QueryOptions>
retrieval::Formula formula_of(const QueryOptions& options, [[maybe_unused]] std::size_t size) {
  if constexpr (requires { Score::formula(options, size); }) {
    return Score::formula(options, size);
  } else {
    return [options](const retrieval::RankedQuery& query) { return Score::of_query(query, options); };
  }
}

}  // namespace detail

template <class Score, class O, class QueryOptions>
void QueryScore<Score, O, QueryOptions>::check(const O& options) {
  Score::check_query(subset<QueryOptions>(options));
}

template <class Score, class O, class QueryOptions>
void QueryScore<Score, O, QueryOptions>::check_query([[maybe_unused]] const QueryOptions& options) {
  if constexpr (requires { options.top_k; }) retrieval::check_at_least_one("top_k", options.top_k);
}

template <class Score, class O, class QueryOptions>
Tensor QueryScore<Score, O, QueryOptions>::value(const retrieval::RankedQueries& queries, const O& options) {
  return retrieval::value_over_queries(queries, {Score::needs, options.empty_target_action, options.aggregation},
                                       detail::formula_of<Score>(subset<QueryOptions>(options), queries.longest()));
}

template <class Score, class O, class QueryOptions>
std::shared_ptr<const RangedValue> QueryScore<Score, O, QueryOptions>::ranged(const RetrievalOptions& documents,
                                                                              const O& options) {
  return retrieval::ranged_value_over_queries(documents, Score::graded,
                                              {Score::needs, options.empty_target_action, options.aggregation},
                                              [of_query = subset<QueryOptions>(options)](std::size_t size) {
                                                return detail::formula_of<Score>(of_query, size);
                                              });
}

template <class Score, class O, class QueryOptions>
Tensor QueryScore<Score, O, QueryOptions>::functional_value(const Tensor& preds, const Tensor& target,
                                                            const QueryOptions& options) {
  Score::check_query(options);
  const auto allowed = Score::graded ? retrieval::Relevances::Graded : retrieval::Relevances::Binary;
  const retrieval::RankedQueries ranked = retrieval::ranked_query(preds, target, allowed);
  const retrieval::RankedQuery query = ranked[0];
  const double value = query.has(Score::needs) ? detail::formula_of<Score>(options, query.size())(query) : 0;
  return at::scalar_tensor(value, preds.options().dtype(at::kFloat));
}

}  // namespace metrics
