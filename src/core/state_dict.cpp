#include "graph.h"
#include "loaded_states.h"
#include "reductions.h"
#include <metrics/core/autograd_scope.h>
#include <metrics/core/ranges.h>
#include <metrics/core/readable.h>
#include <metrics/core/state_dict.h>
#include <metrics/core/unit.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <utility>

namespace metrics {

using Metadata = StateDict::Metadata;

namespace {

constexpr const char* count_key = StateDict::update_count_key;
constexpr const char* options_key = StateDict::options_key;
constexpr const char* exact_key = "metrics.exact.";
constexpr const char* state_key = "metrics.state.";  // a state as it is kept, where the dict shows none or another

/// What one key of a dict holds for a part of a state.
struct Part {
  std::string key;
  const StateValue* saved;
};

/// torch.nn.Module keeps a module's metadata under its prefix without the last dot.
std::string metadata_key(const std::string& prefix) {
  return prefix.ends_with('.') ? prefix.substr(0, prefix.size() - 1) : prefix;
}

/// The slice of a state's tensor that belongs to its part `i`.
Tensor part_of(const State& state, const Tensor& tensor, std::size_t i) {
  if (state.names().size() == 1 || !tensor.defined()) return tensor;
  return tensor.select(state.grows() ? 1 : 0, static_cast<int64_t>(i));
}

/// Whether torchmetrics keeps the state in the metric's dtype while it is float64 here.
bool is_rounded(const State& state) {
  return rules_of(state.reduction()).in_file == FileForm::RoundedTensor && state.tensor().is_floating_point();
}

/// The state as torchmetrics has it: a list for what grows, floating accumulators in the metric's dtype.
StateValue exported(const State& state, const Tensor& part, at::ScalarType dtype) {
  const auto copied = [&](at::ScalarType to) { return part.to(to, /*non_blocking=*/false, /*copy=*/true); };
  switch (rules_of(state.reduction()).in_file) {
    case FileForm::Tensor:
      return copied(part.scalar_type());
    case FileForm::RoundedTensor: {
      const bool rounds = is_rounded(state) && !state.is_count() && (dtype == at::kDouble || dtype == at::kFloat);
      return copied(rounds ? dtype : part.scalar_type());
    }
    case FileForm::Rows:
      return part.defined() ? std::vector<Tensor>{part.clone()} : std::vector<Tensor>{};
    case FileForm::Items: {
      std::vector<Tensor> items;
      for (const Tensor& item : state.items()) items.push_back(item.clone());
      return items;
    }
  }
  throw Error("state `" + state.name() + "` has no form in a state dict");
}

/// A list with its items flat.
StateValue flattened(const StateValue& saved) {
  const auto* items = std::get_if<std::vector<Tensor>>(&saved);
  if (items == nullptr) return saved;
  std::vector<Tensor> flat;
  for (const Tensor& item : *items) flat.push_back(detail::has_elements(item) ? item.flatten() : item);
  return flat;
}

/// Whether tensors of one shape and dtype hold the same numbers; NaN is the same as NaN.
bool same_numbers(const Tensor& a, const Tensor& b) {
  return (a == b).logical_or((a != a).logical_and(b != b)).all().item<bool>();
}

/// What rounding to torchmetrics' form takes away: the state's value and residual.
Tensor exact_form(const State& state) {
  return at::stack({state.tensor(), state.compensated() ? state.residual() : at::zeros_like(state.tensor())});
}

[[noreturn]] void refuse(const std::string& key, const std::string& why) {
  throw InvalidArgument("state dict key `" + key + "`: " + why);
}

[[noreturn]] void refuse_metadata(const std::string& key, const std::string& prefix, const std::string& why) {
  throw InvalidArgument("state dict metadata `" + key + "` of `" + metadata_key(prefix) + "`: " + why);
}

template <class... Words>
std::string text(const Words&... words) {
  std::ostringstream out;
  (out << ... << words);
  return out.str();
}

/// The value of that type under `key`; null where there is none.
template <class T>
const T* find_metadata(const Metadata* metadata, const std::string& key) {
  if (metadata == nullptr) return nullptr;
  const auto found = metadata->find(key);
  return found == metadata->end() ? nullptr : std::get_if<T>(&found->second);
}

/// Says why a saved tensor cannot be read; empty where it can. States, unlike inputs, may be complex.
std::string unreadable(const Tensor& saved) {
  const bool complex = detail::has_elements(saved) && saved.is_complex();
  return complex || detail::is_readable(saved) ? "" : "is " + detail::unreadable_kind(saved);
}

/// The tensor under a key of the metadata that belongs to a state; null where there is none.
const Tensor* find_saved(const Metadata* metadata, const std::string& key, const std::string& prefix) {
  const auto* saved = find_metadata<Tensor>(metadata, key);
  if (saved == nullptr) return nullptr;
  if (const std::string why = unreadable(*saved); !why.empty()) refuse_metadata(key, prefix, why);
  return saved;
}

Tensor saved_tensor(const Part& part, const Tensor& slot) {
  const auto* tensor = std::get_if<Tensor>(part.saved);
  if (tensor == nullptr) refuse(part.key, "expected a tensor, got a list");
  if (const std::string why = unreadable(*tensor); !why.empty()) refuse(part.key, why);
  if (tensor->sizes() != slot.sizes())
    refuse(part.key, text("expected shape ", slot.sizes(), ", got ", tensor->sizes()));
  if (at::canCast(tensor->scalar_type(), slot.scalar_type())) return tensor->detach().to(slot.device());
  refuse(part.key, text("expected ", slot.scalar_type(), ", got ", tensor->scalar_type()));
}

std::vector<Tensor> saved_list(const Part& part) {
  const auto* tensor = std::get_if<Tensor>(part.saved);
  std::vector<Tensor> tensors = tensor ? std::vector<Tensor>{*tensor} : std::get<std::vector<Tensor>>(*part.saved);
  for (const Tensor& each : tensors) {
    if (const std::string why = unreadable(each); !why.empty()) refuse(part.key, "holds one that " + why);
  }
  return tensors;
}

/// Whether saved numbers are those of a count of weighted rows.
bool is_weighted(const Tensor& saved) {
  return detail::has_elements(saved) && saved.scalar_type() == at::kDouble;
}

void load_fixed(State& state, const std::vector<Part>& parts, const Tensor* exact) {
  const bool weighted = std::any_of(parts.begin(), parts.end(), [](const Part& part) {
    const auto* tensor = std::get_if<Tensor>(part.saved);
    return tensor != nullptr && is_weighted(*tensor);
  });
  if (weighted) state.weigh();
  if (state.has_open_shape()) {
    const auto* saved = std::get_if<Tensor>(parts.front().saved);
    if (saved != nullptr && detail::has_elements(*saved)) state.add(state.tensor().new_zeros(saved->sizes()));
  }
  const Tensor value = state.tensor().clone();
  bool as_saved =
      exact != nullptr && exact->dim() > 0 && exact->size(0) == 2 && exact->sizes().slice(1) == value.sizes();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Tensor slot = part_of(state, value, i);
    const Tensor saved = saved_tensor(parts[i], slot);
    slot.copy_(saved);
    // If the rounded value was edited after saving, the edit wins over the exact one.
    as_saved = as_saved && same_numbers(part_of(state, exact->select(0, 0), i).to(saved), saved);
  }
  const Tensor kept = as_saved ? exact->select(0, 0).to(value.options()).clone() : value;
  if (!state.compensated()) return state.assign(kept, {}, {});
  state.assign(kept, as_saved ? exact->select(0, 1).to(value.options()).clone() : at::zeros_like(kept), {});
}

/// Rows [rows, parts, …] from one tensor [rows, …] a part; a scalar is one row.
Tensor joined_rows(const std::vector<Part>& parts, const std::vector<Tensor>& columns) {
  if (columns.size() == 1) return columns.front();
  for (std::size_t i = 1; i < columns.size(); ++i) {
    if (columns[i].sizes() == columns[0].sizes()) continue;
    refuse(parts[i].key, text("its shape differs: ", columns[i].sizes(), " beside ", columns[0].sizes(), " of `",
                              parts[0].key, "`"));
  }
  return columns.front().dim() == 0 ? at::stack(columns).unsqueeze(0) : at::stack(columns, 1);
}

void load_growing(State& state, const std::vector<Part>& parts) {
  std::vector<std::vector<Tensor>> lists;
  for (const Part& part : parts) {
    lists.push_back(saved_list(part));
    if (lists.back().size() == lists[0].size()) continue;
    refuse(part.key, text("its list has another length: ", lists.back().size(), " beside ", lists[0].size(), " of `",
                          parts[0].key, "`"));
  }
  const bool in_items = rules_of(state.reduction()).in_file == FileForm::Items;
  for (std::size_t i = 0; i < lists[0].size(); ++i) {
    std::vector<Tensor> columns;
    for (const std::vector<Tensor>& list : lists) columns.push_back(list[i].detach());
    const Tensor rows = joined_rows(parts, columns);
    try {
      in_items ? state.append_item(rows) : state.append(rows);
    } catch (const InvalidArgument& error) {
      refuse(parts.front().key, error.what());
    }
  }
}

/// Throws StateMisfit for a state that cannot be reduced to. Of the parts of a packed one its definition has to say it.
void require_can_be_reduced(const State& state) {
  if (state.grows() || state.names().size() > 1) return;
  const Tensor value = state.tensor();
  if (value.numel() == 0 || value.is_complex()) return;
  if (rules_of(state.reduction()).can_hold(value, state.initial().to(value.device()))) return;
  const bool counts = state.reduction() == Reduction::Sum;
  throw StateMisfit(state.name(),
                    counts ? "holds a negative number, which is no count" : "holds a number beyond its default");
}

/// Throws StateMisfit where states that take their shape from the data have not taken it from the same.
void require_equal_shapes(const States& states) {
  const State* first = nullptr;
  for (const State& state : states) {
    if (state.shape() != ShapeFrom::Data || (state.is_auxiliary() && state.has_open_shape())) continue;
    if (first == nullptr) first = &state;
    if (state.tensor().sizes() == first->tensor().sizes()) continue;
    throw StateMisfit(state.name(), text("has shape ", state.tensor().sizes(), " beside ", first->tensor().sizes(),
                                         " of `", first->name(), "`; both have that of the same data"));
  }
}

/// Throws StateMisfit where what rows weigh are no weights of the rows that are there.
void require_weights_of_rows(const States& states) {
  const State* const weights = states.row_weights();
  if (weights == nullptr || weights->rows() == 0) return;
  const Tensor numbers = weights->tensor();
  if (!numbers.is_floating_point() || numbers.dim() != 1 || numbers.size(0) != states.weighed_rows()) {
    throw StateMisfit(weights->name(), text("holds ", numbers.scalar_type(), " of shape ", numbers.sizes(),
                                            "; expected a floating number for each of ", states.weighed_rows(),
                                            " rows"));
  }
  require_sums_of_weights(*weights);
}

void require_states_go_together(const States& states) {
  for (const State& state : states) require_can_be_reduced(state);
  require_weights_of_rows(states);
  require_equal_shapes(states);
}

bool equal_states(const State& a, const State& b) {
  const Tensor x = a.tensor(), y = b.tensor();
  if (!x.defined() || !y.defined()) return x.defined() == y.defined();
  return x.scalar_type() == y.scalar_type() && x.sizes() == y.sizes() && same_numbers(x, y);
}

/// Whether the states that torchmetrics has, too, are equal.
bool equal_shown(const States& a, const States& b) {
  for (std::size_t s = 0; s < a.size(); ++s) {
    if (!a.at(s).is_auxiliary() && !equal_states(a.at(s), b.at(s))) return false;
  }
  return true;
}

/// Puts back a compensated sum from its exact form.
bool restore_exact(State& state, const Tensor& saved) {
  if (saved.dim() == 0 || saved.size(0) != 2 || !saved.is_floating_point()) return false;
  const Tensor now = state.tensor();
  if (saved.sizes().slice(1) != now.sizes() && !state.has_open_shape()) return false;
  const auto part = [&](int64_t i) { return saved.detach().select(0, i).to(now.options()).clone(); };
  state.assign(part(0), part(1), {});
  return true;
}

/// Whether rows can stand in the place of those that torchmetrics' form tells, where it tells any.
bool are_like_rows(const Tensor& saved, const State& told) {
  if (told.rows() == 0) return true;
  const Tensor rows = told.tensor();
  return saved.sizes() == rows.sizes() && saved.is_floating_point() == rows.is_floating_point() &&
         saved.is_complex() == rows.is_complex();
}

/// Restores an auxiliary state, which torchmetrics does not have; returns false where the metadata does not fit.
bool restore(State& state, const Tensor& saved) {
  if (state.grows()) {
    if (saved.dim() == 0 || rules_of(state.reduction()).in_file == FileForm::Items || !are_like_rows(saved, state))
      return false;
    state.assign(saved.detach().clone(), {}, {});
    return true;
  }
  if (is_weighted(saved)) state.weigh();
  if (state.compensated()) return restore_exact(state, saved);
  const Tensor now = state.tensor();
  if (saved.sizes() != now.sizes() || !at::canCast(saved.scalar_type(), now.scalar_type())) return false;
  state.assign(saved.to(now.options()).clone(), {}, {});
  return true;
}

}  // namespace

StateDict::Metadata& StateDict::metadata_of(const std::string& prefix) {
  return metadata[metadata_key(prefix)];
}

const StateDict::Metadata* StateDict::find_metadata_of(const std::string& prefix) const {
  const auto entry = metadata.find(metadata_key(prefix));
  return entry == metadata.end() ? nullptr : &entry->second;
}

std::optional<int64_t> StateDict::update_count_of(const std::string& prefix) const {
  const Metadata* saved = find_metadata_of(prefix);
  if (saved == nullptr || !saved->contains(count_key)) return std::nullopt;
  const auto* count = find_metadata<int64_t>(saved, count_key);
  // To it the updates to come are added, and those of others.
  constexpr int64_t most = int64_t{1} << 53;
  if (count == nullptr || *count < 0 || *count > most) refuse_metadata(count_key, prefix, "is not a number of updates");
  return *count;
}

namespace {

/// The key of a state, or those of all parts of a packed one.
std::string keys_of(const States& states, const std::string& name, const std::string& prefix) {
  for (const State& state : states) {
    if (state.name() != name) continue;
    std::string keys;
    for (const std::string& part : state.names()) (keys += keys.empty() ? "" : "`, `") += prefix + part;
    return keys;
  }
  return prefix + name;
}

}  // namespace

States Unit::shown_states() const {
  if (states_->parts() != nullptr && !states_->parts()->beside_rows) {
    throw Error(to_string() +
                ": its rows have stayed on their ranks, only its value is here; unsync() puts the local states back");
  }
  States shown = states_->snapshot();
  show_as_torchmetrics(shown);
  return shown;
}

StatesByName Unit::exported(const States& shown) const {
  StatesByName values;
  for (const State& state : shown) {
    const bool says_nothing = state.weighs_rows() && !state.is_weighted();
    if (state.is_auxiliary() || says_nothing) continue;
    for (std::size_t i = 0; i < state.names().size(); ++i) {
      values.emplace(state.names()[i], metrics::exported(state, part_of(state, state.tensor(), i), dtype()));
    }
  }
  const auto flat = values.find(flat_list());
  if (flat == values.end()) return values;
  auto& items = std::get<std::vector<Tensor>>(flat->second);
  for (std::size_t i = 0; i < items.size(); ++i) items[i] = items[i].reshape(item_shape(shown, i));
  return values;
}

StatesByName Unit::metric_state() const {
  const AutogradScope scope;
  return exported(shown_states());
}

void Metric::save_state_dict(StateDict& destination, const std::string& prefix) const {
  for (const ChildMetric& child : children()) child.metric->save_state_dict(destination, prefix + child.name + ".");
  if (!persistent_) return;
  const AutogradScope scope;
  save_own_states(destination, prefix);
}

void Unit::save_own_states(StateDict& destination, const std::string& prefix) const {
  const States shown = shown_states();
  for (auto& [name, value] : exported(shown)) destination.states[prefix + name] = std::move(value);
  Metadata& metadata = destination.metadata_of(prefix);
  const States told = told_by(shown);
  for (std::size_t s = 0; s < states_->size(); ++s) {
    const State& state = states_->at(s);
    if (!state.is_auxiliary() && equal_states(state, shown.at(s))) {
      if (is_rounded(state)) metadata[exact_key + state.name()] = exact_form(state);
    } else if (state.tensor().defined() && !equal_states(state, told.at(s))) {
      metadata[state_key + state.name()] = state.compensated() ? exact_form(state) : state.tensor().clone();
    }
  }
  metadata[count_key] = states_->update_count();
  metadata[options_key] = to_string();
}

StateDict Metric::state_dict(const std::string& prefix) const {
  StateDict dict;
  save_state_dict(dict, prefix);
  return dict;
}

States Unit::told_by(const States& shown) const {
  States told = shown.snapshot();
  for (State& state : told) {
    if (state.is_auxiliary()) state.reset(told.device());
  }
  complete_from_torchmetrics(told);
  return told;
}

States Unit::completed(const States& shown, const Metadata* metadata) const {
  States told = told_by(shown);
  require_states_go_together(told);
  States restored = told.snapshot();
  bool any = false;
  for (State& state : restored) {
    const auto* saved = find_metadata<Tensor>(metadata, state_key + state.name());
    if (saved == nullptr) continue;
    if (!restore(state, *saved)) return told;
    any = true;
  }
  if (!any) return told;
  // If a state was edited after saving, or saved again in Python, the edit wins over what the metadata says.
  States shown_again = restored.snapshot();
  try {
    require_states_go_together(restored);
    show_as_torchmetrics(shown_again);
  } catch (const std::exception&) {
    return told;
  }
  return equal_shown(shown_again, shown) ? restored : told;
}

Metric::Prepared Unit::prepare_load(const StateDict& source, const std::string& prefix, bool strict, Keys& known) {
  const Metadata* metadata = source.find_metadata_of(prefix);

  States loaded = states_->fresh();
  const States now = shown_states();
  std::vector<std::string> missing;
  std::size_t found = 0;
  for (std::size_t s = 0; s < loaded.size(); ++s) {
    State& state = loaded.at(s);
    if (state.is_auxiliary()) continue;
    std::vector<Part> parts;
    for (const std::string& name : state.names()) {
      const std::string& key = *known.insert(prefix + name).first;
      const auto saved = source.states.find(key);
      if (saved == source.states.end()) {
        if (!state.weighs_rows()) missing.push_back(key);
      } else {
        parts.push_back({key, &saved->second});
      }
    }
    found += parts.size();
    if (parts.size() < state.names().size()) {
      const bool rows_weigh_nothing = state.weighs_rows() && missing.empty();
      if (!rows_weigh_nothing) state = now.at(s);
    } else if (state.name() == flat_list()) {
      const StateValue flat = flattened(*parts.front().saved);
      load_growing(state, {{parts.front().key, &flat}});
    } else if (state.grows()) {
      load_growing(state, parts);
    } else {
      load_fixed(state, parts, find_saved(metadata, exact_key + state.name(), prefix));
    }
  }
  for (const State& state : loaded) find_saved(metadata, state_key + state.name(), prefix);
  if (strict && !missing.empty() && (found > 0 || is_persistent())) {
    refuse(missing.front(), "is missing for " + to_string());
  }
  if (found == 0) return nullptr;

  if (strict) require_saved_alike(source, prefix);
  const int64_t count = source.update_count_of(prefix).value_or(1);
  try {
    loaded = completed(loaded, metadata);
  } catch (const StateMisfit& misfit) {
    refuse(keys_of(loaded, misfit.state(), prefix), misfit.why());
  } catch (const Error& error) {
    refuse(prefix + loaded.at(0).names().front(), error.what());
  } catch (const c10::Error& error) {
    refuse(prefix + loaded.at(0).names().front(), error.what_without_backtrace());
  }
  loaded.set_update_count(count);
  loaded.to(device());
  return [this, states = std::make_shared<States>(std::move(loaded))] {
    replace_states(std::move(*states));
    states_changed();
  };
}

void Metric::require_saved_alike(const StateDict& source, const std::string& prefix) const {
  const auto* saved_by = find_metadata<std::string>(source.find_metadata_of(prefix), options_key);
  if (saved_by == nullptr || *saved_by == to_string()) return;
  refuse_metadata(options_key, prefix, "the states were saved by " + *saved_by + ", not by " + to_string());
}

void Metric::load_state_dict(const StateDict& source, const std::string& prefix, bool strict) {
  for (const Unit* unit : units()) unit->require_not_synced("load_state_dict");
  const AutogradScope scope;
  Keys known;
  std::vector<Prepared> loaded;
  for (const auto& node : detail::nodes(*this, prefix)) {
    for (const std::string& at : node.prefixes) {
      Prepared own = node.metric->prepare_load(source, at, strict, known);
      if (own && at == node.prefixes.front()) loaded.push_back(std::move(own));
    }
  }
  if (strict && !prefix.empty()) {
    for (auto it = source.states.lower_bound(prefix); it != source.states.end() && it->first.starts_with(prefix);
         ++it) {
      if (!known.contains(it->first)) refuse(it->first, to_string() + " has no such state");
    }
  }
  for (const Prepared& make_so : loaded) make_so();
}

}  // namespace metrics
