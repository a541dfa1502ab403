#include <metrics/collections/running.h>
#include <metrics/core/autograd_scope.h>
#include <metrics/core/errors.h>

#include <ATen/core/ivalue.h>

#include <algorithm>
#include <sstream>
#include <utility>

namespace metrics {

namespace {

/// Where a state dict's metadata keeps what belongs to one slot of the window.
std::string slot_key(std::size_t slot) {
  return "metrics.slot." + std::to_string(slot) + ".";
}

std::string in_slot(std::string_view state, std::size_t slot) {
  return std::string(state) + "_" + std::to_string(slot);
}

const MetricHandle& with_own_states(const MetricHandle& metric) {
  const bool is_window = dynamic_cast<const Running*>(&*metric) != nullptr;
  if (dynamic_cast<const Unit*>(&*metric) != nullptr && !is_window) return metric;
  throw InvalidArgument("Running: option `base_metric` expects a metric with states of its own, got " +
                        metric->to_string() + ", which is made of others: wrap those instead");
}

Children copy_of(const MetricHandle& metric) {
  Children children;
  std::unique_ptr<Metric> copy = metric->clone();
  copy->reset();
  children.add("base_metric", MetricHandle(std::move(copy)));
  return children;
}

}  // namespace

Running::Running(MetricHandle base_metric, RunningOptions options)
    : ByPosition(MetricOptions{}), base_(copy_of(with_own_states(base_metric))), options_(options) {
  if (options_.window < 1) {
    throw InvalidArgument("Running: option `window` expects a positive integer, got " +
                          std::to_string(options_.window));
  }
  replace_states(base().states().fresh());
  set_metric_options(base().metric_options());
}

void Running::reset() {
  Unit::reset();
  window_ = {};
  stale_ = false;
}

// ---- the window -----------------------------------------------------------------------------------------------------

bool Running::grows() const {
  return std::any_of(states().begin(), states().end(), [](const State& state) { return state.grows(); });
}

Running::Batch Running::merged(const Batch& older, const Batch& newer) const {
  States both = *older;
  merge_states(both, *newer);
  return std::make_shared<const States>(std::move(both));
}

void Running::push(Window& window, Batch batch) const {
  const bool full = window.batches.size() == static_cast<std::size_t>(options_.window);
  const bool turns = full && window.suffixes.empty() && !grows();
  std::vector<Batch> suffixes;
  if (turns) {
    for (std::size_t i = window.batches.size() - 1; i > 0; --i) {
      suffixes.push_back(suffixes.empty() ? window.batches[i] : merged(window.batches[i], suffixes.back()));
    }
  }
  Batch recent;
  if (!grows()) recent = turns || !window.recent ? batch : merged(window.recent, batch);

  window.batches.push_back(std::move(batch));
  if (full) window.batches.pop_front();
  if (turns) {
    window.suffixes = std::move(suffixes);
  } else if (full && !window.suffixes.empty()) {
    window.suffixes.pop_back();
  }
  window.recent = std::move(recent);
  ++window.seen;
}

States Running::total() const {
  States sum = states().fresh();
  if (grows()) {
    for (const Batch& batch : window_.batches) merge_states(sum, *batch);
    return sum;
  }
  if (!window_.suffixes.empty()) merge_states(sum, *window_.suffixes.back());
  if (window_.recent) merge_states(sum, *window_.recent);
  return sum;
}

void Running::settle() {
  if (!stale_ || is_synced()) return;
  const AutogradScope scope;
  replace_states(total());
  states_changed();
  stale_ = false;
}

/// What a state that grows would refuse only when the window is merged.
void Running::require_fits(const States& batch) const {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const Tensor rows = batch.at(i).tensor();
    if (!batch.at(i).grows() || !rows.defined()) continue;
    const auto holds_rows = [i](const Batch& known) { return known->at(i).rows() > 0; };
    const auto known = std::find_if(window_.batches.rbegin(), window_.batches.rend(), holds_rows);
    if (known == window_.batches.rend() || rows.size(0) == 0) continue;
    const Tensor before = (*known)->at(i).tensor();
    unified_dtype(before.scalar_type(), rows.scalar_type(), batch.at(i).name());
    if (before.sizes().slice(1) == rows.sizes().slice(1)) continue;
    std::ostringstream message;
    message << to_string() << ": state `" << batch.at(i).name() << "` holds rows of shape " << before.sizes().slice(1)
            << " and was given rows of shape " << rows.sizes().slice(1);
    throw InvalidArgument(message.str());
  }
}

void Running::accumulate(States&& batch) {
  const AutogradScope scope;
  batch.detach();
  require_fits(batch);
  if (metric_options().compute_on_cpu) batch.move_growing_to_cpu();
  push(window_, std::make_shared<const States>(std::move(batch)));
  stale_ = true;
  states_changed();
}

void Running::collect_units(std::vector<Unit*>& units) {
  settle();
  units.push_back(this);
}

std::shared_ptr<const void> Running::history() const {
  return std::make_shared<const Window>(window_);
}

void Running::restore_history(std::shared_ptr<const void> history) {
  window_ = *std::static_pointer_cast<const Window>(history);
  stale_ = true;
}

Metric::Prepared Running::prepare_change(const std::function<void(States&)>& change) {
  const auto changed = [&](const Batch& batch) {
    States copy = batch->snapshot();
    change(copy);
    return std::make_shared<const States>(std::move(copy));
  };
  auto window = std::make_shared<Window>(window_);
  for (Batch& batch : window->batches) batch = changed(batch);
  for (Batch& suffix : window->suffixes) suffix = changed(suffix);
  if (window->recent) window->recent = changed(window->recent);
  return [this, states = Unit::prepare_change(change), window] {
    states();
    window_ = std::move(*window);
    stale_ = true;
  };
}

// ---- what the base metric does --------------------------------------------------------------------------------------

States Running::states_of_batch(const Args& args, const Kwargs& kwargs, const Rows& rows, bool gradients) const {
  Borrowing borrowing;
  if (base().device() != device() || base().dtype() != dtype()) {
    borrowing.lend(base(), SharedStates(states().fresh()));
  }
  return detail::named(name(), [&] { return states_of_batch_of(base(), {args, kwargs, rows}, gradients); });
}

c10::IValue Running::value_of(SharedStates states, bool gradients) const {
  Borrowing borrowing;
  borrowing.lend(base(), std::move(states), gradients);
  return detail::named(name(), [&] { return base().compute(); });
}

c10::IValue Running::value() {
  Borrowing borrowing;
  borrowing.lend(base(), SharedStates(), records_gradients());
  Units::join_states(base(), *this);  // not a copy, which would have no gradients
  return detail::named(name(), [&] { return base().compute(); });
}

void Running::update_dynamic(const Args& args, const Kwargs& kwargs, const Rows& rows) {
  require_not_synced("update");
  accumulate(states_of_batch(args, kwargs, rows, /*gradients=*/false));
}

c10::IValue Running::forward_dynamic(const Args& args, const Kwargs& kwargs, const Rows& rows) {
  require_not_synced("forward");
  const bool gradients = traits().is_differentiable && at::GradMode::is_enabled();
  const AutogradScope scope(gradients);
  SharedStates batch(states_of_batch(args, kwargs, rows, gradients));
  ToFinalise ready = prepare_batch_value(*batch);
  c10::IValue batch_value = value_of(ready.merged ? SharedStates(std::move(*ready.merged)) : batch.joined(), gradients);
  accumulate(batch.take());
  return batch_value;
}

c10::IValue Running::compute_dynamic() {
  settle();
  const AutogradScope scope(traits().is_differentiable && records_gradients());
  ToFinalise ready = prepare_compute();
  if (ready.cached) return computed_->deepcopy();
  c10::IValue computed = ready.merged ? value_of(SharedStates(std::move(*ready.merged)), false) : value();
  if (keeps_values()) {
    computed_ = std::make_shared<const c10::IValue>(computed.deepcopy());
    value_cached(ready.ranks);
  }
  return computed;
}

std::string Running::describe_options() const {
  return "base_metric=" + base().to_string() + ", window=" + std::to_string(options_.window);
}

// ---- state dicts ----------------------------------------------------------------------------------------------------

std::size_t Running::slot(std::size_t place, const Window& window) const {
  const int64_t update = window.seen - static_cast<int64_t>(window.batches.size()) + static_cast<int64_t>(place);
  return static_cast<std::size_t>(update % options_.window);
}

std::vector<Running::Batch> Running::slots() const {
  const auto none = std::make_shared<const States>(states().fresh());
  std::vector<Batch> slots(static_cast<std::size_t>(options_.window), none);
  for (std::size_t place = 0; place < window_.batches.size(); ++place) {
    slots[slot(place, window_)] = window_.batches[place];
  }
  return slots;
}

StatesByName Running::metric_state() const {
  const AutogradScope scope;
  StatesByName all;
  const std::vector<Batch> held = slots();
  for (std::size_t i = 0; i < held.size(); ++i) {
    Borrowing borrowing;
    borrowing.lend(base(), SharedStates(held[i]->snapshot()));
    for (auto& [state, tensors] : base().metric_state()) all.emplace(in_slot(state, i), std::move(tensors));
  }
  return all;
}

void Running::save_own_states(StateDict& destination, const std::string& prefix) const {
  const std::vector<Batch> held = slots();
  const std::unique_ptr<Unit> pattern = base().copy();
  pattern->persistent(true);
  StateDict::Metadata& metadata = destination.metadata_of(prefix);
  for (std::size_t i = 0; i < held.size(); ++i) {
    Borrowing borrowing;
    borrowing.lend(*pattern, SharedStates(held[i]->snapshot()));
    StateDict one = pattern->state_dict();
    for (auto& [state, tensors] : one.states) destination.states[prefix + in_slot(state, i)] = std::move(tensors);
    for (auto& [key, entry] : one.metadata_of("")) {
      if (key != StateDict::options_key) metadata[slot_key(i) + key] = std::move(entry);
    }
  }
  metadata[StateDict::update_count_key] = window_.seen;
  metadata[StateDict::options_key] = to_string();
}

Metric::Prepared Running::prepare_load(const StateDict& source, const std::string& prefix, bool strict, Keys& known) {
  const std::vector<Batch> held = slots();
  std::vector<StateDict> given(held.size());
  std::vector<std::string> missing;
  bool any = false;
  for (std::size_t i = 0; i < held.size(); ++i) {
    for (const State& state : states()) {
      if (state.is_auxiliary()) continue;
      for (const std::string& name : state.names()) {
        const std::string& key = *known.insert(prefix + in_slot(name, i)).first;
        const auto saved = source.states.find(key);
        if (saved == source.states.end()) {
          if (!state.weighs_rows()) missing.push_back(key);  // it is empty where it is not saved
        } else {
          given[i].states[name] = saved->second;
          any = true;
        }
      }
    }
  }
  if (strict && !missing.empty() && (any || is_persistent())) {
    throw InvalidArgument("state dict key `" + missing.front() + "`: is missing for " + to_string());
  }
  if (!any) return nullptr;

  if (strict) require_saved_alike(source, prefix);
  if (const StateDict::Metadata* metadata = source.find_metadata_of(prefix)) {
    for (std::size_t i = 0; i < held.size(); ++i) {
      const std::string own = slot_key(i);
      for (auto entry = metadata->lower_bound(own); entry != metadata->end() && entry->first.starts_with(own);
           ++entry) {
        given[i].metadata_of("")[entry->first.substr(own.size())] = entry->second;
      }
    }
  }

  std::vector<Batch> loaded;
  for (std::size_t i = 0; i < held.size(); ++i) {
    const std::unique_ptr<Unit> pattern = base().copy();
    Borrowing borrowing;
    borrowing.lend(*pattern, SharedStates(held[i]->snapshot()));
    try {
      pattern->load_state_dict(given[i], "", strict);
    } catch (const InvalidArgument& error) {
      throw InvalidArgument("state dict, slot " + std::to_string(i) + " of `" + prefix + "`: " + error.what());
    }
    loaded.push_back(std::make_shared<const States>(pattern->states().snapshot()));
  }
  // Python does not say where its window begins: it goes on at slot 0, which makes that one the oldest.
  const int64_t seen = source.update_count_of(prefix).value_or(options_.window);
  const int64_t kept = std::min(seen, options_.window);
  auto window = std::make_shared<Window>();
  for (int64_t update = seen - kept; update < seen; ++update) {
    push(*window, loaded[static_cast<std::size_t>(update % options_.window)]);
  }
  window->seen = seen;
  return [this, window] {
    replace_states(states().fresh());
    window_ = std::move(*window);
    stale_ = true;
    states_changed();
  };
}

// ---- aggregators ----------------------------------------------------------------------------------------------------

RunningAggregator::RunningAggregator(std::string_view name, MetricHandle aggregator, const Options& options) try
    : Running(std::move(aggregator), {.window = options.window}), options_(options) {
} catch (...) {
  detail::rethrow_named(name);
}

std::string RunningAggregator::describe_options() const {
  return metrics::describe_options(options_);
}

Tensor RunningAggregator::compute() {
  return Metric::compute().toTensor();
}

namespace {

Args inputs_of(const Values& value, const std::optional<Values>& weight = {}) {
  Args args{Codec<Values>::write(value)};
  if (weight) args.push_back(Codec<Values>::write(*weight));
  return args;
}

}  // namespace

RunningMean::RunningMean(const Options& options)
    : RunningAggregator("RunningMean", MeanMetric({.nan_strategy = options.nan_strategy}), options) {}

void RunningMean::update(const Values& value, const std::optional<Values>& weight, const Rows& rows) {
  Metric::update(inputs_of(value, weight), {}, rows);
}

Tensor RunningMean::forward(const Values& value, const std::optional<Values>& weight, const Rows& rows) {
  return Metric::forward(inputs_of(value, weight), {}, rows).toTensor();
}

RunningSum::RunningSum(const Options& options)
    : RunningAggregator("RunningSum", SumMetric({.nan_strategy = options.nan_strategy}), options) {}

void RunningSum::update(const Values& value, const Rows& rows) {
  Metric::update(inputs_of(value), {}, rows);
}

Tensor RunningSum::forward(const Values& value, const Rows& rows) {
  return Metric::forward(inputs_of(value), {}, rows).toTensor();
}

}  // namespace metrics
