#pragma once

#include <metrics/retrieval/base.h>

#include <cstddef>
#include <functional>
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
METRICS_API RankedQueries ranked_query(std::string_view metric, const Tensor& preds, const Tensor& target);
/// The documents in the states of RetrievalDocuments, each sample once. Throws Error where states do not go together.
RankedQueries ranked_queries(const States& states, std::string_view metric);

/// Whether a document is relevant.
bool any_relevant(std::span<const Document> documents);

/// The queries' values as one, float64 on the states' device.
Tensor value_over_queries(const States& states, const RetrievalOptions& options, std::string_view metric,
                          const Formula& formula);

}  // namespace metrics::retrieval
