#include <metrics/core/autograd_scope.h>
#include <metrics/core/batch_inputs.h>
#include <metrics/core/synchroniser.h>
#include <metrics/core/unit.h>
#include <metrics/core/units.h>
#include <metrics/core/warning.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <sstream>
#include <utility>

namespace metrics {

const States& SharedStates::none() {
  static const States states;
  return states;
}

Unit::Unit(MetricOptions common, std::source_location made_at) : Metric(std::move(common), made_at) {}
Unit::~Unit() = default;
Unit::Unit(const Unit&) = default;
Unit& Unit::operator=(const Unit&) = default;
Unit::Unit(Unit&&) noexcept = default;
Unit& Unit::operator=(Unit&&) noexcept = default;

const std::string& Unit::layout() const {
  if (!layout_) {
    std::ostringstream text;
    text << to_string();
    for (const State& state : *states_) {
      text << "; " << state.name() << ": " << metrics::to_string(state.reduction());
      // Not the value's own: what a rank has seen may decide the shape of a state with an own merge.
      if (!state.grows()) text << " " << state.initial().scalar_type() << state.initial().sizes();
    }
    layout_ = std::make_shared<const std::string>(text.str());
  }
  return *layout_;
}

const std::string& Unit::update_key() const {
  if (!update_key_) update_key_ = std::make_shared<const std::string>(describe_update());
  return *update_key_;
}

void Unit::description_changed() {
  Metric::description_changed();
  layout_ = update_key_ = nullptr;
}

// ---- the states -----------------------------------------------------------------------------------------------------

States Unit::reset_states() const {
  const States& local = local_ ? **local_ : *states_;
  States states = local.fresh();
  for (std::size_t i = 0; i < local.size(); ++i) {
    if (keeps_on_reset(local.at(i).name())) states.at(i) = local.at(i);
  }
  return states;
}

void Unit::reset() {
  const auto kept = [&](const State& state) { return keeps_on_reset(state.name()); };
  const bool whole = std::none_of(states_->begin(), states_->end(), kept);
  States states = reset_states();
  if (states_.is_alone()) states.take_memory(own_states());
  replace_states(std::move(states));
  local_.reset();
  states_changed();
  pristine_ = whole;
  Round& round = rounds().round;
  round = {.resets = round.resets + 1, .synchronisations = 0};
}

void Unit::merge_states(States& into, const States& from) const {
  detail::named(name(), [&] {
    merge_own(into, from);
    into.merge(from);
  });
}

std::shared_ptr<const RangedValue> Unit::ranged_value() const {
  return nullptr;
}

RowWeights Unit::taken_weights() const {
  return states_->can_be_scaled() || states_->row_weights() != nullptr ? RowWeights::Any : RowWeights::Integers;
}

void Unit::merge_part(States& into, States part) const {
  const int64_t updates = into.update_count();
  States::Attempt attempt(into);
  part.set_update_count(1);  // of a mean, which weighs its sides by their updates
  merge_own(into, part);
  into.merge(part);
  into.set_update_count(updates);
  attempt.succeed();
}

void Unit::accumulate(States&& batch) {
  const AutogradScope scope;
  batch.detach();
  States& states = own_states();
  States::Attempt attempt(states);
  merge_states(states, batch);
  attempt.succeed();
  states_changed();
}

void Unit::states_changed() {
  if (cached_) drop_cached_value();
  cached_.reset();
  pristine_ = false;
  if (metric_options().compute_on_cpu && device() != at::kCPU) own_states().move_growing_to_cpu();
}

void Unit::throw_synced(std::string_view what) const {
  throw Error(std::string(name()) + ": " + std::string(what) + " while the metric is synced; call unsync() first");
}

void Unit::throw_wrong_device(const Tensor& tensor, std::string_view input) const {
  std::ostringstream message;
  message << name() << ": input `" << input << "` is on " << tensor.device() << ", the metric on " << device()
          << "; move the metric with to(device)";
  throw InvalidArgument(message.str());
}

void Unit::require_own_merge() const {
  for (const State& state : *states_) {
    if (state.reduction() != Reduction::Own) continue;
    throw Error(std::string(name()) + ": state `" + state.name() +
                "` is reduced by the metric's own merge, and its definition has none");
  }
}

States Unit::states_of_batch_of(const Unit& unit, const BatchInputs& batch, bool gradients) {
  return unit.states_of_batch(batch.args, batch.kwargs, batch.rows, gradients);
}

void Unit::route(const std::shared_ptr<const BatchInputs>& inputs, Feeds& feeds) {
  feeds.units.push_back({this, inputs});
}

void Unit::count_updates(int64_t updates) {
  own_states().set_update_count(states_->update_count() + updates);
  states_changed();
}

void Unit::set_metric_options(MetricOptions common) {
  Metric::set_metric_options(std::move(common));
  rounds_ = {};
  states_changed();
}

Metric::Prepared Unit::prepare_change(const std::function<void(States&)>& change) {
  struct Changed {
    States states;
    std::optional<States> local{};
  };
  const auto changed = std::make_shared<Changed>(Changed{states_->snapshot()});
  change(changed->states);
  if (local_) change(changed->local.emplace((*local_)->snapshot()));
  return [this, changed] {
    const bool pristine = pristine_;
    replace_states(std::move(changed->states));
    if (changed->local) local_->replace(std::move(*changed->local));
    states_changed();
    pristine_ = pristine;
  };
}

// ---- over ranks -----------------------------------------------------------------------------------------------------

Unit::Rounds& Unit::rounds() const {
  const std::shared_ptr<Synchroniser> present = group();
  if (rounds_.group.owner_before(present) || present.owner_before(rounds_.group)) rounds_ = {present, {}};
  return rounds_;
}

Unit::Round Unit::round() const {
  return rounds().round;
}

void Unit::count_synchronisation() const {
  ++rounds().round.synchronisations;
}

std::shared_ptr<Synchroniser> Unit::group() const {
  return metric_options().process_group ? metric_options().process_group : default_synchroniser();
}

bool Unit::distributed() const {
  if (metric_options().distributed_available_fn) return metric_options().distributed_available_fn();
  const std::shared_ptr<Synchroniser> ranks = group();
  return ranks && ranks->world_size() > 1;
}

namespace {

/// What a rank shows of a state to those who gather: an empty one too, so that each calls as often as the others.
Tensor rows_or_value(const State& state, at::ScalarType dtype) {
  return state.tensor().defined() ? state.tensor() : at::empty({0}, dtype);
}

Tensor ends_of(const State& state) {
  const std::span<const int64_t> ends = state.item_ends();
  Tensor tensor = at::empty({static_cast<int64_t>(ends.size())}, at::kLong);
  std::copy(ends.begin(), ends.end(), tensor.mutable_data_ptr<int64_t>());
  return tensor;
}

std::vector<int64_t> numbers_of(const Tensor& tensor) {
  const Tensor numbers = tensor.to(at::kCPU, at::kLong).contiguous();
  const int64_t* first = numbers.const_data_ptr<int64_t>();
  return {first, first + numbers.numel()};
}

/// A gathered tensor in the form that the state keeps.
Tensor own_value(const State& state, const Tensor& gathered) {
  if (state.grows()) return gathered.clone();
  const bool weighted = state.is_count() && gathered.is_floating_point();  // if on another rank alone
  const auto options = state.tensor().options();
  return gathered.to(weighted ? options.dtype(at::kDouble) : options, /*non_blocking=*/false, /*copy=*/true);
}

Tensor zero_residual(const State& state, const Tensor& value) {
  const bool sums = state.compensated() || (state.is_count() && value.is_floating_point());
  return sums ? at::zeros(value.sizes(), state.tensor().options().dtype(at::kDouble)) : Tensor();
}

}  // namespace

States Unit::merged_by_dist_sync_fn(const States& local) const {
  const std::shared_ptr<Synchroniser> ranks = group();
  std::vector<States> gathered;
  for (std::size_t i = 0; i < local.size(); ++i) {
    const State& state = local.at(i);
    const std::vector<Tensor> values = gathered_by_dist_sync_fn(state.name(), rows_or_value(state, dtype()), ranks);
    // The rows of a list say nothing of where its items end.
    std::vector<Tensor> ends;
    if (state.reduction() == Reduction::List) ends = gathered_by_dist_sync_fn(state.name(), ends_of(state), ranks);
    if (i == 0) gathered.resize(values.size(), local.fresh());
    if (values.size() != gathered.size() || (!ends.empty() && ends.size() != gathered.size())) {
      throw SyncError(to_string() + ": dist_sync_fn returned tensors of " + std::to_string(values.size()) +
                          " ranks for state `" + state.name() + "`, of " + std::to_string(gathered.size()) +
                          " for the states before it",
                      std::string(name()), state.name(), {});
    }
    for (std::size_t r = 0; r < gathered.size(); ++r) {
      if (state.grows() && values[r].size(0) == 0 && ends.empty()) continue;
      const bool any_shape = state.grows() || state.shape() == ShapeFrom::Data;
      if (!any_shape && values[r].sizes() != state.tensor().sizes()) {
        std::ostringstream message;
        message << to_string() << ": dist_sync_fn returned shape " << values[r].sizes() << " for state `"
                << state.name() << "` of shape " << state.tensor().sizes();
        throw SyncError(message.str(), std::string(name()), state.name(), {static_cast<int64_t>(r)});
      }
      gathered[r].at(i).assign(own_value(state, values[r]), zero_residual(state, values[r]),
                               ends.empty() ? std::vector<int64_t>{} : numbers_of(ends[r]));
      gathered[r].set_update_count(local.update_count());
    }
  }
  States merged = local.fresh();
  for (const States& states : gathered) merge_states(merged, states);
  return merged;
}

std::vector<Tensor> Unit::gathered_by_dist_sync_fn(const std::string& state, const Tensor& tensor,
                                                   const std::shared_ptr<Synchroniser>& ranks) const {
  std::vector<Tensor> gathered = metric_options().dist_sync_fn(tensor, ranks);
  if (gathered.empty()) {
    throw SyncError(to_string() + ": dist_sync_fn returned nothing for state `" + state + "`", std::string(name()),
                    state, {});
  }
  return gathered;
}

std::vector<std::optional<States>> Unit::merged_over_ranks(std::span<const SyncItem> items) {
  struct Exchange {
    std::shared_ptr<Synchroniser> group;
    std::vector<SyncItem> items;
    std::vector<std::size_t> places;
  };
  std::vector<std::optional<States>> merged(items.size());
  std::vector<Exchange> exchanges;
  std::vector<std::size_t> by_themselves;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Unit& metric = *items[i].metric;
    if (!metric.distributed()) continue;
    if (metric.metric_options().dist_sync_fn) {
      by_themselves.push_back(i);
      continue;
    }
    const std::shared_ptr<Synchroniser> ranks = metric.group();
    if (!ranks)
      throw SyncError(metric.to_string() + ": distributed_available_fn says yes, but there is no process group");
    auto exchange = std::find_if(exchanges.begin(), exchanges.end(), [&](auto& known) { return known.group == ranks; });
    if (exchange == exchanges.end()) exchange = exchanges.insert(exchange, Exchange{ranks, {}, {}});
    exchange->items.push_back(items[i]);
    exchange->places.push_back(i);
  }
  for (Exchange& exchange : exchanges) {
    std::vector<Synchronised> results = exchange.group->synchronise(exchange.items);
    for (std::size_t i = 0; i < results.size(); ++i) merged[exchange.places[i]] = std::move(results[i].merged);
  }
  for (std::size_t i : by_themselves) merged[i] = items[i].metric->merged_by_dist_sync_fn(*items[i].states);
  return merged;
}

std::optional<States> Unit::merged_over_ranks(const States& local, bool dirty) const {
  SyncItem item{this, &local, dirty};
  item.for_value = true;
  return std::move(merged_over_ranks({&item, 1}).front());
}

bool Unit::cached_for(const Ranks& ranks) const {
  // Compared by owner: another group may have come to lie at the same address.
  return cached_ && cached_->all == ranks.all && !cached_->group.owner_before(ranks.group) &&
         !ranks.group.owner_before(cached_->group);
}

void Unit::value_cached(const Ranks& ranks) {
  static const auto alone = std::make_shared<const Ranks>();  // what most values are over, without memory for each
  cached_ = ranks.all ? std::make_shared<const Ranks>(ranks) : alone;
}

Unit::ToFinalise Unit::prepare_compute() {
  const bool over_ranks = metric_options().sync_on_compute && !is_synced() && !borrowed_ && distributed();
  ToFinalise ready;
  ready.local = &*states_;
  if (over_ranks) ready.ranks = {.all = true, .group = group()};
  ready.cached = cached_for(ready.ranks);
  if (over_ranks && !(ready.cached && metric_options().dist_sync_fn)) {
    ready.merged = merged_over_ranks(*states_, !ready.cached);
    ready.cached = !ready.merged.has_value();
  }
  // With a cached value nothing was exchanged, so it is not known whether other ranks have data: no warning.
  const bool known = !(over_ranks && ready.cached);
  if (known && !is_synced() && !borrowed_ && ready.states().update_count() == 0) warn_of_no_update();
  return ready;
}

void Unit::warn_of_no_update() const {
  warn("compute of " + to_string() + " was called before its first update: its states are still the defaults");
}

Unit::ToFinalise Unit::prepare_batch_value(const States& batch) const {
  ToFinalise ready;
  ready.local = &batch;
  if (metric_options().dist_sync_on_step && distributed()) ready.merged = merged_over_ranks(batch, true);
  return ready;
}

void Unit::install_synced(States merged) {
  if (is_synced()) throw Error(to_string() + ": sync while the metric is synced already");
  local_ = std::move(states_);
  states_ = SharedStates(std::move(merged));
  states_changed();
}

}  // namespace metrics
