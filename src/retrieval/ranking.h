#pragma once

#include <metrics/retrieval/base.h>

#include <ATen/ops/scalar_tensor.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace metrics::retrieval {

struct Document {
  double score;
  float relevance;
};

/// Documents query by query, from the highest score to the lowest; of equal scores the less relevant first.
struct RankedQueries {
  std::vector<Document> documents;
  std::vector<int64_t> indexes;   // of the queries, ascending
  std::vector<std::size_t> ends;  // of each query's documents
  at::Device device = at::kCPU;   // of the states, where the value belongs

  std::span<const Document> operator[](std::size_t query) const {
    const std::size_t begin = query == 0 ? 0 : ends[query - 1];
    return std::span(documents).subspan(begin, ends[query] - begin);
  }
};

/// What the documents of one query are worth, of which one at least is relevant.
using Formula = std::function<double(std::span<const Document>)>;

/// Throws InvalidArgument unless scores are floating, and relevances real, of the same shape, with dimensions.
void check_documents(const Tensor& preds, const Tensor& target);
/// Throws InvalidArgument unless all relevances lie in [0, 1].
void check_binary(const Tensor& target);

/// All elements as the documents of a single query. Throws InvalidArgument as the checks do, and for no elements.
METRICS_API RankedQueries ranked_query(const Tensor& preds, const Tensor& target);
/// The documents in the states of RetrievalDocuments, each sample once. Throws Error where states do not go together.
RankedQueries ranked_queries(const States& states);

/// Whether a document is relevant.
bool any_relevant(std::span<const Document> documents);

/// Only so many documents, those of the highest scores.
inline std::span<const Document> first_of(std::span<const Document> documents, std::optional<int64_t> top_k) {
  return documents.first(top_k ? std::min(documents.size(), static_cast<std::size_t>(*top_k)) : documents.size());
}

/// The queries' values as one, float64 on the states' device.
Tensor value_over_queries(const RankedQueries& queries, const RetrievalOptions& options, const Formula& formula);

}  // namespace metrics::retrieval

namespace metrics {

template <class Score>
Tensor QueryScore<Score>::value(const retrieval::RankedQueries& queries, const RetrievalOptions& options) {
  return retrieval::value_over_queries(queries, options, [&](std::span<const retrieval::Document> documents) {
    return Score::of_query(documents, options.top_k);
  });
}

template <class Score>
Tensor QueryScore<Score>::functional_value(const Tensor& preds, const Tensor& target,
                                           const RetrievalQueryOptions& options) {
  RetrievalDocuments::check({.top_k = options.top_k});
  const auto ranked = retrieval::ranked_query(preds, target);
  const double value = retrieval::any_relevant(ranked.documents) ? Score::of_query(ranked.documents, options.top_k) : 0;
  return at::scalar_tensor(value, preds.options().dtype(at::kFloat));
}

}  // namespace metrics
