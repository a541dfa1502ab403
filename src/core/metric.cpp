#include <metrics/core/autograd_scope.h>
#include <metrics/core/metric.h>
#include <metrics/core/warning.h>

#include <ATen/core/ivalue.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <ostream>
#include <sstream>
#include <utility>

namespace metrics {

const States& SharedStates::none() {
  static const States states;
  return states;
}

Metric::Metric(MetricOptions common, std::source_location made_at)
    : common_(std::move(common)), made_at_(made_at) {}
Metric::~Metric() = default;
Metric::Metric(const Metric&) = default;
Metric& Metric::operator=(const Metric&) = default;
Metric::Metric(Metric&&) noexcept = default;
Metric& Metric::operator=(Metric&&) noexcept = default;

const std::string& Metric::to_string() const {
  if (!text_) text_ = std::make_shared<const std::string>(std::string(name()) + "(" + describe_options() + ")");
  return *text_;
}

std::string Metric::identity() const {
  if (!common_.name.empty()) return "named `" + common_.name + "`";
  const std::string_view path = made_at_.file_name();
  if (path.empty()) return {};
  // Without the folder, which may differ between the machines that built the program.
  const std::string_view file = path.substr(path.find_last_of("/\\") + 1);
  return "made at " + std::string(file) + ":" + std::to_string(made_at_.line()) + ":" +
         std::to_string(made_at_.column());
}

void Metric::set_made_at(std::source_location place) {
  for (Metric* unit : units()) unit->made_at_ = place;
  made_at_ = place;
}

const std::string& Metric::layout() const {
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

const std::string& Metric::update_key() const {
  if (!update_key_) update_key_ = std::make_shared<const std::string>(describe_update());
  return *update_key_;
}

void Metric::update(const Args& args, const Kwargs& kwargs, const Rows& rows) {
  update_dynamic(args, kwargs, rows);
}

c10::IValue Metric::forward(const Args& args, const Kwargs& kwargs, const Rows& rows) {
  return forward_dynamic(args, kwargs, rows);
}

c10::IValue Metric::operator()(const Args& args, const Kwargs& kwargs, const Rows& rows) {
  return forward(args, kwargs, rows);
}

c10::IValue Metric::compute() {
  return compute_dynamic();
}

std::vector<ChildMetric> Metric::children() const {
  return {};
}

States Metric::reset_states() const {
  const States& local = local_ ? **local_ : *states_;
  States states = local.fresh();
  for (std::size_t i = 0; i < local.size(); ++i) {
    if (keeps_on_reset(local.at(i).name())) states.at(i) = local.at(i);
  }
  return states;
}

void Metric::reset() {
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
  for (const ChildMetric& child : children()) child.metric->reset();
}

void Metric::merge(const Metric& other) {
  // units() is not const, but nothing here changes `other`.
  std::vector<Metric*> own = units();
  std::vector<Metric*> others = const_cast<Metric&>(other).units();
  for (const Metric* unit : own) unit->require_not_synced("merge");
  for (const Metric* unit : others) unit->require_not_synced("merge of its states into another");
  for (const Metric* unit : own) {
    if (!unit->has_history()) continue;
    throw Error(unit->to_string() + " cannot be merged: its value follows from the order of its own updates");
  }
  const auto same = [](const Metric* a, const Metric* b) { return a->layout() == b->layout(); };
  if (other.to_string() != to_string() || !std::equal(own.begin(), own.end(), others.begin(), others.end(), same)) {
    throw InvalidArgument(to_string() + " cannot merge the states of " + other.to_string() +
                          ": class and options must be equal");
  }
  const AutogradScope scope;
  BatchStates theirs;
  for (std::size_t i = 0; i < own.size(); ++i) {
    const auto one = [&](const Metric* unit) { return unit->shares_states_with(*others[i]); };
    const auto first = static_cast<std::size_t>(std::find_if(others.begin(), others.end(), one) - others.begin());
    const bool together = first < i && own[first]->device() == own[i]->device();
    if (together) {
      theirs.states.push_back(theirs.states[first].joined());
      continue;
    }
    States states = others[i]->states_->snapshot();
    if (others[i]->device() != own[i]->device()) states.to(own[i]->device());
    theirs.states.emplace_back(std::move(states));
  }
  theirs.passed = counts_passed_in(const_cast<Metric&>(other), own);
  theirs.units = std::move(own);
  accumulate_batch(std::move(theirs));
}

Metric::UpdateCounts Metric::counts_passed_in(Metric& other, const std::vector<Metric*>& own_units) {
  UpdateCounts counts;
  if (own_units.size() == 1 && own_units.front() == this) return counts;
  const std::vector<Node> theirs = other.nodes();
  for (const Node& node : nodes()) {
    if (std::find(own_units.begin(), own_units.end(), node.metric) != own_units.end()) continue;
    const auto is_in_its_place = [&](const Node& their) {
      return std::find(their.prefixes.begin(), their.prefixes.end(), node.prefixes.front()) != their.prefixes.end();
    };
    const auto their = std::find_if(theirs.begin(), theirs.end(), is_in_its_place);
    const int64_t updates = their == theirs.end() ? 0 : their->metric->states_->update_count();
    if (updates > 0) counts.emplace_back(node.metric, updates);
  }
  return counts;
}

void Metric::merge_states(States& into, const States& from) const {
  detail::named(name(), [&] {
    merge_own(into, from);
    into.merge(from);
  });
}

void Metric::accumulate(States&& batch) {
  const AutogradScope scope;
  batch.detach();
  States& states = own_states();
  States::Attempt attempt(states);
  merge_states(states, batch);
  attempt.succeed();
  states_changed();
}

void Metric::states_changed() {
  if (cached_) drop_cached_value();
  cached_.reset();
  pristine_ = false;
  if (common_.compute_on_cpu && device() != at::kCPU) own_states().move_growing_to_cpu();
}

void Metric::throw_synced(std::string_view what) const {
  throw Error(std::string(name()) + ": " + std::string(what) + " while the metric is synced; call unsync() first");
}

void Metric::throw_wrong_device(const Tensor& tensor, std::string_view input) const {
  std::ostringstream message;
  message << name() << ": input `" << input << "` is on " << tensor.device() << ", the metric on " << device()
          << "; move the metric with to(device)";
  throw InvalidArgument(message.str());
}

void Metric::require_own_merge() const {
  for (const State& state : *states_) {
    if (state.reduction() != Reduction::Own) continue;
    throw Error(std::string(name()) + ": state `" + state.name() +
                "` is reduced by the metric's own merge, and its definition has none");
  }
}

void Metric::set_metric_options(MetricOptions common) {
  for (const Metric* unit : units()) unit->require_not_synced("set_metric_options");
  for (const ChildMetric& child : children()) child.metric->set_metric_options(common);
  common_ = std::move(common);
  rounds_ = {};
  states_changed();
}

Metric::Rounds& Metric::rounds() const {
  const std::shared_ptr<Synchroniser> present = group();
  if (rounds_.group.owner_before(present) || present.owner_before(rounds_.group)) rounds_ = {present, {}};
  return rounds_;
}

Metric::Round Metric::round() const {
  return rounds().round;
}

void Metric::count_synchronisation() const {
  ++rounds().round.synchronisations;
}

std::vector<Metric::Node> Metric::nodes(const std::string& prefix) {
  std::vector<Node> found{{this, {prefix}}};
  const auto add = [&](const auto& self, Metric& of, const std::string& under) -> void {
    for (const ChildMetric& child : of.children()) {
      const std::string at = under + child.name + ".";
      const auto known =
          std::find_if(found.begin(), found.end(), [&](auto& node) { return node.metric == child.metric; });
      if (known == found.end()) {
        found.push_back({child.metric, {at}});
      } else {
        known->prefixes.push_back(at);
      }
      self(self, *child.metric, at);
    }
  };
  add(add, *this, prefix);
  return found;
}

std::string Metric::place_of(const Metric& metric) const {
  // The graph is only read.
  for (const Node& node : const_cast<Metric*>(this)->nodes()) {
    if (node.metric != &metric || node.metric == this) continue;
    const std::string& prefix = node.prefixes.front();
    return prefix.substr(0, prefix.size() - 1);
  }
  return {};
}

void Metric::change_states_of_all(const std::function<void(States&)>& change) {
  struct Changed {
    Metric* metric;
    Metric* shares_with;  // one that comes before it; null for none
    States states;
    std::optional<States> local;
    std::shared_ptr<const void> history;
  };
  std::vector<Changed> changed;
  for (const Node& node : nodes()) {
    Metric* metric = node.metric;
    const auto one = std::find_if(changed.begin(), changed.end(),
                                  [&](const Changed& other) { return other.metric->shares_states_with(*metric); });
    changed.push_back({metric, one == changed.end() ? nullptr : one->metric, metric->states_->snapshot(), std::nullopt,
                       metric->changed_history(change)});
    change(changed.back().states);
    if (!metric->local_) continue;
    changed.back().local = (*metric->local_)->snapshot();
    change(*changed.back().local);
  }
  for (auto& [metric, shares_with, states, local, history] : changed) {
    const bool pristine = metric->pristine_;
    metric->replace_states(std::move(states));
    if (shares_with != nullptr) metric->states_.join(shares_with->states_);
    if (local) metric->local_->replace(std::move(*local));
    metric->restore_history(std::move(history));
    metric->states_changed();
    metric->pristine_ = pristine;
  }
}

void Metric::to(at::Device device) {
  change_states_of_all([&](States& states) { states.to(device); });
}

void Metric::set_dtype(at::ScalarType dtype) {
  if (!at::isFloatingType(dtype)) {
    std::ostringstream message;
    message << name() << ": set_dtype takes a floating dtype, got " << dtype;
    throw InvalidArgument(message.str());
  }
  change_states_of_all([&](States& states) { states.set_dtype(dtype); });
}

void Metric::persistent(bool mode) {
  for (const Node& node : nodes()) node.metric->persistent_ = mode;
}

std::shared_ptr<Synchroniser> Metric::group() const {
  return common_.process_group ? common_.process_group : default_synchroniser();
}

bool Metric::is_synced() const {
  if (local_) return true;
  const std::vector<ChildMetric> below = children();
  return std::any_of(below.begin(), below.end(), [](const ChildMetric& child) { return child.metric->is_synced(); });
}

bool Metric::distributed() const {
  if (common_.distributed_available_fn) return common_.distributed_available_fn();
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
  return state.grows() ? gathered.clone()
                       : gathered.to(state.tensor().options(), /*non_blocking=*/false, /*copy=*/true);
}

Tensor zero_residual(const State& state, const Tensor& value) {
  return state.compensated() ? state.residual().new_zeros(value.sizes()) : Tensor();
}

}  // namespace

States Metric::merged_by_dist_sync_fn(const States& local) const {
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

std::vector<Tensor> Metric::gathered_by_dist_sync_fn(const std::string& state, const Tensor& tensor,
                                                     const std::shared_ptr<Synchroniser>& ranks) const {
  std::vector<Tensor> gathered = common_.dist_sync_fn(tensor, ranks);
  if (gathered.empty()) {
    throw SyncError(to_string() + ": dist_sync_fn returned nothing for state `" + state + "`", std::string(name()),
                    state, {});
  }
  return gathered;
}

std::vector<std::optional<States>> Metric::merged_over_ranks(std::span<const SyncItem> items) {
  struct Exchange {
    std::shared_ptr<Synchroniser> group;
    std::vector<SyncItem> items;
    std::vector<std::size_t> places;
  };
  std::vector<std::optional<States>> merged(items.size());
  std::vector<Exchange> exchanges;
  std::vector<std::size_t> by_themselves;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Metric& metric = *items[i].metric;
    if (!metric.distributed()) continue;
    if (metric.common_.dist_sync_fn) {
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

std::optional<States> Metric::merged_over_ranks(const States& local, bool dirty) const {
  const SyncItem item{this, &local, dirty};
  return std::move(merged_over_ranks({&item, 1}).front());
}

bool Metric::cached_for(const Ranks& ranks) const {
  // Compared by owner: another group may have come to lie at the same address.
  return cached_ && cached_->all == ranks.all && !cached_->group.owner_before(ranks.group) &&
         !ranks.group.owner_before(cached_->group);
}

Metric::ToFinalise Metric::prepare_compute() {
  const bool over_ranks = common_.sync_on_compute && !is_synced() && !borrowed_ && distributed();
  ToFinalise ready;
  ready.local = &*states_;
  if (over_ranks) ready.ranks = {.all = true, .group = group()};
  ready.cached = cached_for(ready.ranks);
  if (over_ranks && !(ready.cached && common_.dist_sync_fn)) {
    ready.merged = merged_over_ranks(*states_, !ready.cached);
    ready.cached = !ready.merged.has_value();
  }
  // With a cached value nothing was exchanged, so it is not known whether other ranks have data: no warning.
  const bool known = !(over_ranks && ready.cached);
  if (known && !is_synced() && !borrowed_ && ready.states().update_count() == 0) warn_of_no_update();
  return ready;
}

void Metric::warn_of_no_update() const {
  warn("compute of " + to_string() + " was called before its first update: its states are still the defaults");
}

Metric::ToFinalise Metric::prepare_batch_value(const States& batch) const {
  ToFinalise ready;
  ready.local = &batch;
  if (common_.dist_sync_on_step && distributed()) ready.merged = merged_over_ranks(batch, true);
  return ready;
}

void Metric::sync() {
  Metric* const self = this;
  synchronize({&self, 1});
}

void Metric::install_synced(States merged) {
  if (is_synced()) throw Error(to_string() + ": sync while the metric is synced already");
  local_ = std::move(states_);
  states_ = SharedStates(std::move(merged));
  states_changed();
}

void Metric::unsync() {
  const std::vector<Metric*> own = units();
  if (std::none_of(own.begin(), own.end(), [](const Metric* unit) { return unit->is_synced(); })) {
    throw Error(to_string() + ": unsync while the metric is not synced");
  }
  for (Metric* unit : own) {
    if (!unit->is_synced()) continue;
    unit->states_ = std::move(*unit->local_);
    unit->local_.reset();
    unit->states_changed();
  }
}

std::ostream& operator<<(std::ostream& out, const Metric& metric) {
  return out << metric.to_string();
}

}  // namespace metrics
