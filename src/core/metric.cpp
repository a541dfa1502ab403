#include <metrics/core/metric.h>
#include <metrics/core/warning.h>

#include <ATen/core/ivalue.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <ostream>
#include <sstream>
#include <utility>

namespace metrics {

Metric::Metric(MetricOptions common) : common_(std::move(common)) {}
Metric::~Metric() = default;
Metric::Metric(const Metric&) = default;
Metric& Metric::operator=(const Metric&) = default;
Metric::Metric(Metric&&) noexcept = default;
Metric& Metric::operator=(Metric&&) noexcept = default;

const std::string& Metric::to_string() const {
  if (!text_) text_ = std::make_shared<const std::string>(std::string(name()) + "(" + describe_options() + ")");
  return *text_;
}

const std::string& Metric::layout() const {
  if (!layout_) {
    std::ostringstream text;
    text << to_string();
    for (const State& state : states_) {
      text << "; " << state.name() << ": " << metrics::to_string(state.reduction());
      if (!state.grows()) text << " " << state.tensor().scalar_type() << state.tensor().sizes();
    }
    layout_ = std::make_shared<const std::string>(text.str());
  }
  return *layout_;
}

void Metric::update(const Args& args, const Kwargs& kwargs, const Rows& rows) {
  update_dynamic(args, kwargs, rows);
}

c10::IValue Metric::forward(const Args& args, const Kwargs& kwargs, const Rows& rows) {
  return forward_dynamic(args, kwargs, rows);
}

c10::IValue Metric::compute() {
  return compute_dynamic();
}

void Metric::reset() {
  local_.reset();
  states_.reset();
  states_changed();
}

void Metric::merge(const Metric& other) {
  require_not_synced("merge");
  if (other.layout() != layout()) {
    throw InvalidArgument(to_string() + " cannot merge the states of " + other.to_string() +
                          ": class and options must be equal");
  }
  const c10::InferenceMode no_inference(false);
  const at::NoGradGuard no_grad;
  accumulate(other.states_.snapshot());
}

void Metric::merge_states(States& into, const States& from) const {
  merge_own(into, from);
  into.merge(from);
}

void Metric::accumulate(States&& batch) {
  const at::NoGradGuard no_grad;
  batch.detach();
  States before = states_.snapshot();
  try {
    merge_states(states_, batch);
  } catch (...) {
    states_ = std::move(before);
    throw;
  }
  states_changed();
}

void Metric::states_changed() {
  cached_ = false;
  drop_cached_value();
  if (common_.compute_on_cpu) states_.move_growing_to_cpu();
}

void Metric::require_not_synced(std::string_view what) const {
  if (!is_synced()) return;
  throw Error(std::string(name()) + ": " + std::string(what) + " while the metric is synced; call unsync() first");
}

void Metric::check_device(const Tensor& tensor, std::string_view input) const {
  if (tensor.device() == device()) return;
  std::ostringstream message;
  message << name() << ": input `" << input << "` is on " << tensor.device() << ", the metric on " << device()
          << "; move the metric with to(device)";
  throw InvalidArgument(message.str());
}

void Metric::set_metric_options(MetricOptions common) {
  require_not_synced("set_metric_options");
  common_ = std::move(common);
  states_changed();
}

namespace {

/// The parts of a state under their own names, as torchmetrics keeps them.
template <class F>
void each_part(const State& state, F&& f) {
  const Tensor value = state.tensor();
  if (state.names().size() == 1) return f(state.names().front(), value);
  for (std::size_t i = 0; i < state.names().size(); ++i) {
    f(state.names()[i], value.defined() ? value.select(state.grows() ? 1 : 0, static_cast<int64_t>(i)) : Tensor());
  }
}

/// The state as torchmetrics has it: a list for what grows, floating accumulators in the metric's dtype.
StateValue exported(const State& state, const Tensor& part, at::ScalarType dtype) {
  if (state.reduction() == Reduction::List) {
    std::vector<Tensor> items;
    for (const Tensor& item : state.items()) items.push_back(item.detach().clone());
    return items;
  }
  if (state.grows()) return part.defined() ? std::vector<Tensor>{part.detach().clone()} : std::vector<Tensor>{};
  const bool accumulator = state.reduction() != Reduction::Own && part.is_floating_point();
  const bool narrow = accumulator && (dtype == at::kDouble || dtype == at::kFloat);
  return narrow ? part.detach().to(dtype, /*non_blocking=*/false, /*copy=*/true) : part.detach().clone();
}

}  // namespace

std::map<std::string, StateValue, std::less<>> Metric::metric_state() const {
  std::map<std::string, StateValue, std::less<>> values;
  for (const State& state : states_) {
    each_part(state, [&](const std::string& name, const Tensor& part) {
      values.emplace(name, exported(state, part, dtype()));
    });
  }
  return values;
}

void Metric::to(at::Device device) {
  States moved = states_;
  moved.to(device);
  std::optional<States> moved_local = local_;
  if (moved_local) moved_local->to(device);
  states_ = std::move(moved);
  local_ = std::move(moved_local);
  states_changed();
}

void Metric::set_dtype(at::ScalarType dtype) {
  if (!at::isFloatingType(dtype)) {
    std::ostringstream message;
    message << name() << ": set_dtype takes a floating dtype, got " << dtype;
    throw InvalidArgument(message.str());
  }
  states_.set_dtype(dtype);
  if (local_) local_->set_dtype(dtype);
  states_changed();
}

std::shared_ptr<Synchroniser> Metric::group() const {
  return common_.process_group ? common_.process_group : default_synchroniser();
}

bool Metric::distributed() const {
  if (common_.distributed_available_fn) return common_.distributed_available_fn();
  const std::shared_ptr<Synchroniser> ranks = group();
  return ranks && ranks->world_size() > 1;
}

States Metric::merged_by_dist_sync_fn(const States& local) const {
  const std::shared_ptr<Synchroniser> ranks_to_ask = group();
  std::vector<States> ranks;
  auto rank_states = [&](std::size_t index) -> States& {
    while (ranks.size() <= index) ranks.push_back(local.fresh());
    return ranks[index];
  };
  for (std::size_t i = 0; i < local.size(); ++i) {
    const State& state = local.at(i);
    if (!state.tensor().defined()) continue;
    const std::vector<Tensor> gathered = common_.dist_sync_fn(state.tensor(), ranks_to_ask);
    if (gathered.empty()) throw SyncError(to_string() + ": dist_sync_fn returned nothing for `" + state.name() + "`");
    for (std::size_t r = 0; r < gathered.size(); ++r) {
      std::vector<int64_t> ends;
      if (state.reduction() == Reduction::List) ends.push_back(gathered[r].size(0));
      const Tensor& residual = state.residual();
      rank_states(r).at(i).assign(
          gathered[r].clone(), residual.defined() ? residual.new_zeros(residual.sizes()) : Tensor(), std::move(ends));
      rank_states(r).set_update_count(local.update_count());
    }
  }
  States merged = local.fresh();
  for (const States& states : ranks) merge_states(merged, states);
  return merged;
}

std::optional<States> Metric::merged_over_ranks(const States& local, bool dirty) const {
  if (common_.dist_sync_fn) return merged_by_dist_sync_fn(local);
  const std::shared_ptr<Synchroniser> ranks = group();
  if (!ranks) throw SyncError(to_string() + ": distributed_available_fn says yes, but there is no process group");
  const SyncItem item{this, &local, dirty};
  return std::move(ranks->synchronise({&item, 1}).front().merged);
}

Metric::ToFinalise Metric::prepare_compute() {
  if (!update_called() && !is_synced()) {
    warn("compute of " + to_string() + " was called before its first update: its states are still the defaults");
  }
  const bool over_ranks = common_.sync_on_compute && !is_synced() && distributed();
  if (!over_ranks) return {.cached = cached_, .merged = std::nullopt, .local = &states_};
  if (cached_ && common_.dist_sync_fn) return {.cached = true, .merged = std::nullopt, .local = nullptr};
  std::optional<States> merged = merged_over_ranks(states_, !cached_);
  const bool cached = !merged.has_value();
  return {.cached = cached, .merged = std::move(merged), .local = nullptr};
}

Metric::ToFinalise Metric::prepare_batch_value(const States& batch) {
  if (!common_.dist_sync_on_step || !distributed()) return {.cached = false, .merged = std::nullopt, .local = &batch};
  return {.cached = false, .merged = merged_over_ranks(batch, true), .local = nullptr};
}

void Metric::sync() {
  if (is_synced()) throw Error(to_string() + ": sync while the metric is synced already");
  if (!distributed()) return;
  const c10::InferenceMode no_inference(false);
  const at::NoGradGuard no_grad;
  install_synced(*merged_over_ranks(states_, true));
}

void Metric::install_synced(States merged) {
  local_ = std::exchange(states_, std::move(merged));
  states_changed();
}

void Metric::unsync() {
  if (!is_synced()) throw Error(to_string() + ": unsync while the metric is not synced");
  states_ = std::move(*local_);
  local_.reset();
  states_changed();
}

void Metric::persistent(bool mode) {
  persistent_ = mode;
}

namespace {

constexpr const char* count_key = "metrics.update_count";
constexpr const char* options_key = "metrics.options";
constexpr const char* exact_key = "metrics.exact.";

/// torch.nn.Module keeps a module's metadata under its prefix without the last dot.
std::string metadata_key(const std::string& prefix) {
  return prefix.ends_with('.') ? prefix.substr(0, prefix.size() - 1) : prefix;
}

}  // namespace

void Metric::save_state_dict(StateDict& destination, const std::string& prefix) const {
  if (!persistent_) return;
  auto& metadata = destination.metadata[metadata_key(prefix)];
  for (const State& state : states_) {
    each_part(state, [&](const std::string& name, const Tensor& part) {
      destination.states[prefix + name] = exported(state, part, dtype());
    });
    if (state.grows() || !state.tensor().is_floating_point()) continue;
    // torchmetrics' form is float32; these two rows say what it rounds away.
    Tensor exact = state.tensor().detach().new_zeros([&] {
      std::vector<int64_t> shape = state.tensor().sizes().vec();
      shape.insert(shape.begin(), 2);
      return shape;
    }());
    exact.select(0, 0).copy_(state.tensor().detach());
    if (state.compensated()) exact.select(0, 1).copy_(state.residual());
    metadata[exact_key + state.name()] = exact;
  }
  metadata[count_key] = states_.update_count();
  metadata[options_key] = to_string();
}

StateDict Metric::state_dict(const std::string& prefix) const {
  StateDict dict;
  save_state_dict(dict, prefix);
  return dict;
}

namespace {

[[noreturn]] void refuse(const std::string& key, const std::string& why) {
  throw InvalidArgument("state dict key `" + key + "`: " + why);
}

Tensor one_tensor(const std::string& key, const StateValue& value) {
  if (const auto* tensor = std::get_if<Tensor>(&value)) return *tensor;
  refuse(key, "expected a tensor, got a list");
}

std::vector<Tensor> tensor_list(const StateValue& value) {
  if (const auto* tensor = std::get_if<Tensor>(&value)) return {*tensor};
  return std::get<std::vector<Tensor>>(value);
}

/// [rows, parts, …] from one [rows, …] a part.
Tensor stacked_rows(const std::vector<Tensor>& parts) {
  return at::stack(parts, parts.front().dim() == 0 ? 0 : 1);
}

/// Puts back what rounding to torchmetrics' dtype took, unless somebody has changed the rounded value since.
void restore_exact(State& state, const Tensor& exact, at::ScalarType dtype) {
  if (state.grows() || !state.tensor().is_floating_point()) return;
  if (exact.dim() != state.tensor().dim() + 1 || exact.size(0) != 2 || exact[0].sizes() != state.tensor().sizes())
    return;
  const Tensor value = exact.select(0, 0).to(state.tensor().options()).clone();
  if (!at::equal(value.to(dtype), state.tensor().to(dtype))) return;
  state.assign(value, state.compensated() ? exact.select(0, 1).to(value.options()).clone() : Tensor(), {});
}

/// Puts saved parts into a fresh state.
void load_state(State& state, const std::vector<std::pair<std::string, const StateValue*>>& parts,
                at::ScalarType dtype) {
  if (state.reduction() == Reduction::List) {
    for (const Tensor& item : tensor_list(*parts.front().second)) state.append_item(item);
    return;
  }
  if (state.grows()) {
    std::vector<std::vector<Tensor>> columns;
    for (const auto& [key, value] : parts) {
      columns.push_back(tensor_list(*value));
      if (columns.back().size() != columns.front().size())
        refuse(key, "its list has another length than its siblings'");
    }
    for (std::size_t i = 0; i < columns.front().size(); ++i) {
      if (columns.size() == 1) {
        state.append(columns[0][i]);
        continue;
      }
      std::vector<Tensor> row_parts;
      for (std::size_t c = 0; c < columns.size(); ++c) {
        if (columns[c][i].sizes() != columns[0][i].sizes())
          refuse(parts[c].first, "its shape differs from its siblings'");
        row_parts.push_back(columns[c][i]);
      }
      state.append(stacked_rows(row_parts));
    }
    state.convert_rows(dtype);
    return;
  }
  Tensor value = state.tensor().clone();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto& [key, saved] = parts[i];
    const Tensor tensor = one_tensor(key, *saved);
    Tensor slot = parts.size() == 1 ? value : value.select(0, static_cast<int64_t>(i));
    if (tensor.sizes() != slot.sizes()) {
      std::ostringstream why;
      why << "expected shape " << slot.sizes() << ", got " << tensor.sizes();
      refuse(key, why.str());
    }
    if (!slot.is_floating_point() && tensor.is_floating_point()) {
      std::ostringstream why;
      why << "expected integers, got " << tensor.scalar_type();
      refuse(key, why.str());
    }
    slot.copy_(tensor.detach());
  }
  state.assign(value, state.compensated() ? state.residual().clone() : Tensor(), {});
}

}  // namespace

void Metric::load_state_dict(const StateDict& source, const std::string& prefix, bool strict) {
  require_not_synced("load_state_dict");
  const c10::InferenceMode no_inference(false);
  const at::NoGradGuard no_grad;
  States loaded = states_.fresh();
  std::vector<std::string> missing;
  std::size_t found = 0;
  std::map<std::string, bool, std::less<>> known;
  for (State& state : loaded) {
    std::vector<std::pair<std::string, const StateValue*>> parts;
    for (const std::string& name : state.names()) {
      const std::string key = prefix + name;
      known.emplace(key, true);
      const auto entry = source.states.find(key);
      if (entry == source.states.end()) {
        missing.push_back(key);
      } else {
        parts.emplace_back(key, &entry->second);
      }
    }
    found += parts.size();
    if (parts.size() == state.names().size()) load_state(state, parts, dtype());
  }
  if (strict) {
    if (!missing.empty() && (found > 0 || persistent_)) refuse(missing.front(), "is missing for " + to_string());
    if (!prefix.empty()) {
      for (auto it = source.states.lower_bound(prefix); it != source.states.end() && it->first.starts_with(prefix);
           ++it) {
        if (!known.contains(it->first)) refuse(it->first, to_string() + " has no such state");
      }
    }
  } else if (!missing.empty() && found > 0) {
    for (std::size_t i = 0; i < loaded.size(); ++i) {
      const bool absent = std::any_of(loaded.at(i).names().begin(), loaded.at(i).names().end(),
                                      [&](const auto& name) { return !source.states.contains(prefix + name); });
      if (absent) loaded.at(i) = states_.at(i);
    }
  }
  if (found == 0) return;
  loaded.set_update_count(std::max<int64_t>(1, states_.update_count()));
  if (const auto entry = source.metadata.find(metadata_key(prefix)); entry != source.metadata.end()) {
    const auto& metadata = entry->second;
    if (const auto saved = metadata.find(options_key); saved != metadata.end() && strict) {
      const auto* text = std::get_if<std::string>(&saved->second);
      if (text != nullptr && *text != to_string()) refuse(prefix, "was saved by " + *text + ", not by " + to_string());
    }
    if (const auto saved = metadata.find(count_key); saved != metadata.end()) {
      const auto* count = std::get_if<int64_t>(&saved->second);
      if (count == nullptr || *count < 0) refuse(prefix, "its update count is not a number of updates");
      loaded.set_update_count(*count);
    }
    for (State& state : loaded) {
      const auto saved = metadata.find(exact_key + state.name());
      const auto* exact = saved == metadata.end() ? nullptr : std::get_if<Tensor>(&saved->second);
      if (exact != nullptr) restore_exact(state, *exact, dtype());
    }
  }
  loaded.to(device());
  states_ = std::move(loaded);
  states_changed();
}

std::ostream& operator<<(std::ostream& out, const Metric& metric) {
  return out << metric.to_string();
}

}  // namespace metrics
