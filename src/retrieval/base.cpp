#include "ranking.h"
#include <metrics/core/codec.h>
#include <metrics/core/define.h>
#include <metrics/core/sample_ids.h>
#include <metrics/retrieval/base.h>

#include <ATen/ops/nonzero.h>

#include <sstream>

namespace metrics {

namespace {

constexpr std::string_view family = "retrieval";

/// Scores are ranked as they are: only what cannot be computed in is widened.
at::ScalarType score_dtype(const Tensor& preds) {
  return preds.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

at::ScalarType relevance_dtype(const Tensor& target) {
  return target.is_floating_point() ? at::kFloat : at::kLong;
}

void check_indexes(const Tensor& indexes, const Tensor& preds) {
  if (indexes.scalar_type() == at::kLong && indexes.sizes() == preds.sizes()) return;
  std::ostringstream message;
  message << family << ": `indexes` expects int64 in the shape of `preds`, " << preds.sizes() << ", got "
          << indexes.scalar_type() << indexes.sizes();
  throw InvalidArgument(message.str());
}

/// The elements that count, as positions among all of them; nothing where all do.
std::optional<Tensor> counted_elements(const Tensor& target, const Rows& rows,
                                       const std::optional<int64_t>& ignore_index) {
  std::optional<Tensor> counted;
  if (rows.valid) {
    std::vector<int64_t> row_shape(static_cast<std::size_t>(target.dim()), 1);
    row_shape[0] = target.size(0);
    counted = rows.valid->to(target.device()).view(row_shape).expand(target.sizes());
  }
  if (ignore_index) {
    const Tensor kept = target.ne(*ignore_index);
    counted = counted ? counted->logical_and(kept) : kept;
  }
  if (counted) counted = at::nonzero(counted->reshape({-1})).view({-1});
  return counted;
}

}  // namespace

void RetrievalDocuments::check(const Options& options) {
  if (options.top_k && *options.top_k < 1) {
    throw InvalidArgument(std::string(family) + ": option `top_k` expects a positive number or None, got " +
                          std::to_string(*options.top_k));
  }
}

void RetrievalDocuments::declare(States& states, const Options&) {
  for (const char* name : {"indexes", "preds", "target"}) states.add(name, Reduction::Cat);
  declare_sample_ids(states);
}

void RetrievalDocuments::update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                                const Tensor& indexes, const Rows& rows) {
  retrieval::check_documents(family, preds, target);
  check_indexes(indexes, preds);
  const auto counted = counted_elements(target, rows, options.ignore_index);
  const auto elements = [&](const Tensor& input) {
    const Tensor flat = input.reshape({-1});
    return counted ? flat.index_select(0, *counted) : flat;
  };
  const Tensor relevances = elements(target);
  retrieval::check_binary(family, relevances);
  states["indexes"].append(elements(indexes));
  states["preds"].append(elements(preds).to(score_dtype(preds)));
  states["target"].append(relevances.to(relevance_dtype(target)));
  if (!rows.ids) return;
  const Tensor ids = ids_of_elements(*rows.ids, preds.sizes());
  states["_ids"].append(counted ? ids.index_select(0, counted->to(ids.device())) : ids);
}

std::string RetrievalDocuments::update_key(const Options& options) {
  using Codec = metrics::Codec<std::optional<int64_t>>;
  return std::string(family) + "(ignore_index=" + describe(Codec::write(options.ignore_index)) + ")";
}

}  // namespace metrics
