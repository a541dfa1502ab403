#include "../core/loaded_states.h"
#include "kernels/checked_rows.h"
#include "kernels/plain_tensor.h"
#include "kernels/streamed_copy.h"
#include "ranking.h"
#include <metrics/core/codec.h>
#include <metrics/core/define.h>
#include <metrics/core/sample_ids.h>
#include <metrics/retrieval/base.h>

#include <ATen/ops/nonzero.h>

#include <array>
#include <sstream>
#include <utility>

namespace metrics {

namespace {

using retrieval::Relevances;

/// Scores are ranked as they are: only what cannot be computed in is widened.
at::ScalarType score_dtype(const Tensor& preds) {
  return preds.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

/// The integers in the dtype `narrow` where all fit, else in int64.
Tensor narrowed(const Tensor& integers, at::ScalarType narrow) {
  const Tensor fitting = integers.to(narrow);
  return fitting.eq(integers).all().item<bool>() ? fitting : integers.to(at::kLong);
}

// As they are kept: most indexes fit into half the memory, and what of relevances is not floating is 0 or 1.
constexpr at::ScalarType index_dtype = at::kInt, relevance_dtype = at::kByte;

/// Replaces the integers that are kept by what `convert` makes of them and of the dtype that they are kept in.
template <class Convert>
void convert_integers(States& states, const Convert& convert) {
  for (const auto& [name, dtype] : {std::pair{"indexes", index_dtype}, std::pair{"target", relevance_dtype}}) {
    const Tensor rows = states[name].tensor();
    if (!rows.defined() || !at::isIntegralType(rows.scalar_type(), /*includeBool=*/true)) continue;
    states[name].assign(convert(rows, dtype), {}, {});
  }
}

/// Throws StateMisfit for ids that are not those of elements that are held.
void check_ids(const States& states) {
  const State& ids = states["_ids"];
  if (ids.rows() == 0) return;
  require_integer_rows(ids);
  const bool pairs = ids.tensor().dim() == 2 && ids.tensor().size(1) == 2;
  if (pairs && ids.rows() <= states["indexes"].rows()) return;
  throw StateMisfit(ids.name(), c10::str("of shape ", ids.tensor().sizes(), " are not the ids of ",
                                         states["indexes"].rows(), " documents"));
}

void check_indexes(const Tensor& indexes, const Tensor& preds) {
  if (indexes.scalar_type() == at::kLong && indexes.sizes() == preds.sizes()) return;
  std::ostringstream message;
  message << "`indexes` expects int64 in the shape of `preds`, " << preds.sizes() << ", got "
          << indexes.scalar_type() << indexes.sizes();
  throw InvalidArgument(message.str());
}

/// Copies integers that fit into a byte. Returns whether all did, and are allowed.
bool copy_relevances(const Tensor& target, Relevances allowed, uint8_t* to) {
  const auto* const from = target.const_data_ptr<int64_t>();
  return allowed == Relevances::Binary ? kernels::copy_binary(from, target.numel(), to)
                                       : kernels::copy_bytes(from, target.numel(), to);
}

/// Appends the most common kind of documents, checking what is copied in the same pass. Returns whether they could be.
bool append_in_one_pass(States& states, const Tensor& preds, const Tensor& target, const Tensor& indexes,
                        Relevances allowed) {
  const int64_t count = preds.numel();
  const bool integers = target.scalar_type() == at::kLong;
  if (count == 0 || !kernels::is_plain(preds) || !kernels::is_plain(target) || !kernels::is_plain(indexes))
    return false;
  if (preds.scalar_type() != at::kFloat || (!integers && target.scalar_type() != at::kBool)) return false;
  const std::array<State*, 3> kept{&states["indexes"], &states["preds"], &states["target"]};
  auto* const narrow = kept[0]->room<int32_t>(count);
  auto* const wide = narrow == nullptr ? kept[0]->room<int64_t>(count) : nullptr;
  auto* const scores = kept[1]->room<float>(count);
  auto* const relevances = kept[2]->room<uint8_t>(count);
  if ((narrow == nullptr && wide == nullptr) || scores == nullptr || relevances == nullptr) return false;
  if (integers && !copy_relevances(target, allowed, relevances)) return false;
  if (narrow != nullptr && !kernels::copy_narrowed(indexes.const_data_ptr<int64_t>(), count, narrow)) return false;
  const auto copy = [](const Tensor& from, void* to) {
    kernels::streamed_copy(to, from.const_data_ptr(), from.nbytes());
  };
  if (!integers) copy(target, relevances);
  if (wide != nullptr) copy(indexes, wide);
  copy(preds, scores);
  for (State* const state : kept) state->append_stored(count);
  return true;
}

/// What of a row each of its elements has.
Tensor of_elements(const Tensor& rows, at::IntArrayRef sizes) {
  std::vector<int64_t> row_shape(sizes.size(), 1);
  row_shape[0] = sizes[0];
  return rows.reshape(row_shape).expand(sizes);
}

/// The indices of the elements that are not left out; nothing where none is.
std::optional<Tensor> taken_elements(const Tensor& target, const Rows& rows,
                                     const std::optional<int64_t>& ignore_index) {
  std::optional<Tensor> taken;
  if (rows.valid) taken = of_elements(rows.valid->to(target.device()), target.sizes());
  if (ignore_index) {
    const Tensor not_ignored = target.ne(*ignore_index);
    taken = taken ? taken->logical_and(not_ignored) : not_ignored;
  }
  if (taken) taken = at::nonzero(taken->reshape({-1})).view({-1});
  return taken;
}

void append(States& states, const RetrievalOptions& options, const Tensor& preds, const Tensor& target,
            const Tensor& indexes, const Rows& rows, Relevances allowed) {
  retrieval::check_documents(preds, target);
  check_indexes(indexes, preds);
  const auto taken = taken_elements(target, rows, options.ignore_index);
  const auto elements = [&](const Tensor& input) {
    const Tensor flat = input.reshape({-1});
    return taken ? flat.index_select(0, taken->to(flat.device())) : flat;
  };
  if (rows.weights) states.fill_row_weights();
  if (taken || !append_in_one_pass(states, preds, target, indexes, allowed)) {
    const Tensor relevances = elements(target);
    retrieval::check_relevances(relevances, allowed);
    states["indexes"].append(narrowed(elements(indexes), index_dtype));
    states["preds"].append(elements(preds).to(score_dtype(preds)));
    states["target"].append(relevances.is_floating_point() ? relevances.to(at::kFloat)
                                                           : narrowed(relevances, relevance_dtype));
  }
  if (rows.weights) {
    const Tensor weights = rows.weights->detach().to(at::kDouble);
    states.row_weights()->append(elements(of_elements(weights, preds.sizes())));
  }
  if (rows.ids) {
    const Tensor ids = ids_of_elements(*rows.ids, preds.sizes());
    states["_ids"].append(taken ? ids.index_select(0, taken->to(ids.device())) : ids);
  }
}

void complete(States& states, Relevances allowed) {
  require_equal_rows(states, {"indexes", "preds", "target"});
  require_integer_rows(states["indexes"]);
  require_floating_rows(states["preds"]);
  for (const char* const name : {"indexes", "preds", "target"}) {
    if (states[name].rows() > 0 && states[name].tensor().dim() != 1) {
      throw StateMisfit(name, c10::str("expected one number a document, got shape ", states[name].tensor().sizes()));
    }
  }
  if (states["target"].rows() > 0) retrieval::check_relevances(states["target"].tensor(), allowed);
  convert_integers(states, narrowed);
}

std::string key_of(std::string_view family, const RetrievalOptions& options) {
  using Codec = metrics::Codec<std::optional<int64_t>>;
  return std::string(family) + "(ignore_index=" + describe(Codec::write(options.ignore_index)) + ")";
}

}  // namespace

void RetrievalDocuments::declare(States& states, const Options&) {
  for (const char* name : {"indexes", "preds", "target"}) states.add(name, Reduction::Cat);
  states.add_row_weights();
  declare_sample_ids(states);
}

void RetrievalDocuments::update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                                const Tensor& indexes, const Rows& rows) {
  append(states, options, preds, target, indexes, rows, Relevances::Binary);
}

void GradedDocuments::update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                             const Tensor& indexes, const Rows& rows) {
  append(states, options, preds, target, indexes, rows, Relevances::Graded);
}

void RetrievalDocuments::show_as_torchmetrics(States& states, const Options&) {
  check_ids(states);
  convert_integers(states, [](const Tensor& integers, at::ScalarType) { return integers.to(at::kLong); });
}

void RetrievalDocuments::complete_from_torchmetrics(States& states, const Options&) {
  complete(states, Relevances::Binary);
}

void GradedDocuments::complete_from_torchmetrics(States& states, const Options&) {
  complete(states, Relevances::Graded);
}

retrieval::RankedQueries RetrievalDocuments::gathered(const States& states, const Options&) {
  return retrieval::ranked_queries(states);
}

std::string RetrievalDocuments::update_key(const Options& options) {
  return key_of("retrieval", options);
}

std::string GradedDocuments::update_key(const Options& options) {
  return key_of("graded retrieval", options);
}

}  // namespace metrics
