#include "ranking.h"
#include <metrics/core/define.h>
#include <metrics/retrieval/reciprocal_rank.h>

#include <ATen/ops/scalar_tensor.h>

#include <algorithm>
#include <cmath>

namespace metrics {

namespace {

using retrieval::Document;

double reciprocal_rank(std::span<const Document> documents, std::optional<int64_t> top_k) {
  const auto looked_at =
      documents.first(top_k ? std::min(documents.size(), static_cast<std::size_t>(*top_k)) : documents.size());
  const auto found = std::find_if(looked_at.begin(), looked_at.end(),
                                  [](const Document& d) { return d.relevance != 0 && !std::isnan(d.score); });
  return found == looked_at.end() ? 0 : 1 / static_cast<double>(found - looked_at.begin() + 1);
}

}  // namespace

Tensor definitions::RetrievalMRR::finalise(const States& states, const Options& options) {
  return retrieval::value_over_queries(states, options, name, [&](std::span<const Document> documents) {
    return reciprocal_rank(documents, options.top_k);
  });
}

METRICS_DEFINE(definitions::RetrievalMRR);

namespace functional {

Tensor retrieval_reciprocal_rank(const Tensor& preds, const Tensor& target, std::optional<int64_t> top_k) {
  RetrievalDocuments::check({.top_k = top_k});
  detail::check_readable(definitions::RetrievalMRR::functional, "preds", preds);
  detail::check_readable(definitions::RetrievalMRR::functional, "target", target);
  const auto ranked =
      retrieval::ranked_query(definitions::RetrievalMRR::functional, preds.resolve_neg(), target.resolve_neg());
  return at::scalar_tensor(reciprocal_rank(ranked.documents, top_k), preds.options().dtype(at::kFloat));
}

}  // namespace functional
}  // namespace metrics
