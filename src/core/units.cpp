#include <metrics/core/autograd_scope.h>
#include <metrics/core/batch_inputs.h>
#include <metrics/core/synchroniser.h>
#include <metrics/core/units.h>
#include <metrics/core/update_together.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

// What a metric that is made of others does with them: all units at once, all or nothing.

namespace metrics {

namespace {

bool same_tensor(const std::optional<Tensor>& a, const std::optional<Tensor>& b) {
  return a.has_value() == b.has_value() && (!a || a->is_same(*b));
}

/// Whether two batches are the same objects: a metric that receives both receives the batch once.
bool same_inputs(const BatchInputs& a, const BatchInputs& b) {
  if (&a == &b) return true;
  const auto same_value = [](const c10::IValue& x, const c10::IValue& y) { return x.is(y); };
  const auto same_input = [](const auto& x, const auto& y) { return x.first == y.first && x.second.is(y.second); };
  return std::equal(a.args.begin(), a.args.end(), b.args.begin(), b.args.end(), same_value) &&
         std::equal(a.kwargs.begin(), a.kwargs.end(), b.kwargs.begin(), b.kwargs.end(), same_input) &&
         same_tensor(a.rows.valid, b.rows.valid) && same_tensor(a.rows.ids, b.rows.ids) &&
         same_tensor(a.rows.weights, b.rows.weights);
}

/// Tells who asks which unit is being worked on.
void now_at(const Unit** in_work, const Unit& unit) {
  if (in_work != nullptr) *in_work = &unit;
}

int64_t elements_of(const Unit& metric) {
  int64_t elements = 0;
  for (const State& state : metric.states()) elements += state.grows() ? 0 : state.tensor().numel();
  return elements;
}

}  // namespace

Units::UpdateCounts Units::counts_of(const std::vector<Feeds::Feed<Metric>>& passed) {
  UpdateCounts counts;
  for (auto feed = passed.begin(); feed != passed.end(); ++feed) {
    const bool again = std::any_of(passed.begin(), feed, [&](const auto& before) {
      return before.metric == feed->metric && same_inputs(*before.inputs, *feed->inputs);
    });
    if (!again) counts.emplace_back(feed->metric, 1);
  }
  return counts;
}

void Units::join_states_as_in(const std::vector<Unit*>& original, const std::vector<Unit*>& copy) {
  for (std::size_t i = 0; i < copy.size(); ++i) {
    const auto one = [&](const Unit* unit) { return unit->shares_states_with(*original[i]); };
    const auto first = std::find_if(original.begin(), original.end(), one) - original.begin();
    join_states(*copy[i], *copy[static_cast<std::size_t>(first)]);
  }
}

void Units::count_updates(const UpdateCounts& counts) {
  for (const auto& [metric, updates] : counts) {
    metric->count_updates(updates);
  }
}

/// Units whose states are one: they change together or not at all.
struct Units::Cluster {
  std::vector<Unit*> units;

  Unit& first() const { return *units.front(); }

  /// Leaves the states to those that have them and are none of these units: these go on with a copy that is one.
  void leave_others() const {
    if (first().states_.holders() == units.size()) return;
    first().own_states();
    for (Unit* unit : others()) unit->states_.join(first().states_);
  }
  /// Changes the states that are one, in place.
  template <class F>
  void change(const F& change_states) const {
    leave_others();
    const SharedStates::Together together(first().states_);
    change_states(first());
    for (Unit* unit : others()) unit->states_changed();
  }

 private:
  std::span<Unit* const> others() const { return std::span<Unit* const>(units).subspan(1); }
};

/// What a change of a cluster can be taken back with.
struct Units::Before {
  const Cluster* cluster;
  States states;
  std::shared_ptr<const void> history;

  explicit Before(const Cluster& changing)
      : cluster(&changing), states(changing.first().states_->snapshot()), history(history_of(changing.first())) {}
  static std::shared_ptr<const void> history_of(Unit& unit) {
    return unit.recorder() == nullptr ? nullptr : unit.recorder()->history();
  }
  void restore() {
    cluster->change([this](Unit& unit) {
      unit.replace_states(std::move(states));
      if (history) unit.recorder()->restore_history(std::move(history));
      unit.states_changed();
    });
  }
};

/// Units that do the same with the same inputs, in clusters.
struct Units::Alike {
  const BatchInputs* inputs;
  std::vector<Cluster> clusters;

  bool takes(const Unit& unit, const BatchInputs& its_inputs) const {
    const Unit& known = clusters.front().first();
    return same_inputs(its_inputs, *inputs) && known.device() == unit.device() && known.dtype() == unit.dtype() &&
           known.update_key() == unit.update_key();
  }
  bool holds(const Unit& unit) const {
    return std::any_of(clusters.begin(), clusters.end(), [&](const Cluster& cluster) {
      return std::find(cluster.units.begin(), cluster.units.end(), &unit) != cluster.units.end();
    });
  }
  void add(Unit& unit) {
    for (Cluster& cluster : clusters) {
      Unit& first = cluster.first();
      // States that were never updated are equal by definition, so they can be shared from here on.
      const bool may_join =
          first.pristine_ && unit.pristine_ && first.recorder() == nullptr && unit.recorder() == nullptr;
      if (may_join) unit.states_.join(first.states_);
      if (unit.states_.is_one_with(first.states_)) return cluster.units.push_back(&unit);
    }
    clusters.push_back({{&unit}});
  }
  bool is_one() const { return clusters.size() == 1; }
  int64_t weight() const { return is_one() ? elements_of(clusters.front().first()) : -1; }

  States batch(bool gradients) const { return Unit::states_of_batch_of(clusters.front().first(), *inputs, gradients); }
};

std::vector<Units::Alike> Units::alike(const std::vector<UnitFeed>& feeds) {
  std::vector<Alike> groups;
  for (const UnitFeed& feed : feeds) {
    const auto takes = [&](const Alike& group) { return group.takes(*feed.metric, *feed.inputs); };
    const auto group = std::find_if(groups.begin(), groups.end(), takes);
    if (group == groups.end()) {
      groups.push_back({feed.inputs.get(), {{{feed.metric}}}});
    } else if (!group->holds(*feed.metric)) {
      group->add(*feed.metric);
    }
  }
  return groups;
}

void Units::update(const Feeds& feeds, const Unit** in_work) {
  update_alike(feeds, in_work);
}

std::vector<Units::Alike> Units::update_alike(const Feeds& feeds, const Unit** in_work) {
  for (const UnitFeed& feed : feeds.units) {
    now_at(in_work, *feed.metric);
    feed.metric->require_not_synced("update");
  }
  const UpdateCounts passed = counts_of(feeds.passed);
  std::vector<Alike> groups = alike(feeds.units);
  // The unit with the largest states is updated last, because it restores itself when it throws: no copy is needed.
  const auto heaviest = std::max_element(groups.begin(), groups.end(),
                                         [](const Alike& a, const Alike& b) { return a.weight() < b.weight(); });
  if (heaviest != groups.end()) std::iter_swap(heaviest, std::prev(groups.end()));

  std::vector<Before> before;
  try {
    for (const Alike& group : groups) {
      const bool takes_back_itself = &group == &groups.back() && group.is_one();
      for (const Cluster& cluster : group.clusters) {
        if (!takes_back_itself) before.emplace_back(cluster);
      }
      const BatchInputs& inputs = *group.inputs;
      now_at(in_work, group.clusters.front().first());
      if (group.is_one()) {
        group.clusters.front().change(
            [&](Unit& unit) { unit.update_dynamic(inputs.args, inputs.kwargs, inputs.rows); });
        continue;
      }
      const States batch = group.batch(/*gradients=*/false);
      for (const Cluster& cluster : group.clusters) {
        now_at(in_work, cluster.first());
        cluster.change([&](Unit& unit) { unit.accumulate(batch.snapshot()); });
      }
    }
  } catch (...) {
    for (auto change = before.rbegin(); change != before.rend(); ++change) change->restore();
    throw;
  }
  count_updates(passed);
  return groups;
}

// ---- updates as they were planned -----------------------------------------------------------------------------------

/// What is done for an update, and what all of it follows from beside the units themselves.
struct UpdatePlan::Steps {
  /// What has a unit do the same as others, and in the same place.
  struct Fact {
    std::shared_ptr<const std::string> update_key;
    const Unit* first;  // of those with whose states its own are one
    at::Device device;
    at::ScalarType dtype;
  };
  std::vector<Fact> facts;               // of each unit
  std::vector<Units::Cluster> clusters;  // in the order in which they are updated
};

UpdatePlan Units::update_and_plan(const Feeds& feeds, const Unit** in_work) {
  std::vector<Alike> groups = update_alike(feeds, in_work);
  const bool has_history = std::any_of(feeds.units.begin(), feeds.units.end(),
                                       [](const UnitFeed& feed) { return feed.metric->recorder() != nullptr; });
  const bool is_one_batch = std::all_of(feeds.units.begin(), feeds.units.end(), [&](const UnitFeed& feed) {
    return feed.inputs == feeds.units.front().inputs;
  });
  // Of units that do the same and have other states, some may be reset and become one with the others.
  if (has_history || !is_one_batch ||
      !std::all_of(groups.begin(), groups.end(), [](const Alike& group) { return group.is_one(); })) {
    return {};
  }
  UpdatePlan plan;
  const auto steps = std::make_shared<UpdatePlan::Steps>();
  for (Alike& group : groups) steps->clusters.push_back(std::move(group.clusters.front()));
  for (const UnitFeed& feed : feeds.units) {
    const Unit& unit = *feed.metric;
    const auto own = std::find_if(steps->clusters.begin(), steps->clusters.end(),
                                  [&](const Cluster& cluster) { return unit.shares_states_with(cluster.first()); });
    plan.units_.push_back(feed.metric);
    unit.update_key();  // which may not have been asked for yet
    steps->facts.push_back({unit.update_key_, &own->first(), unit.device(), unit.dtype()});
  }
  plan.steps_ = steps;
  return plan;
}

bool Units::holds(const UpdatePlan& plan) {
  // A key is made anew where a unit's description changes, and what is kept here keeps its place from being taken.
  const auto same = [](const Unit* unit, const UpdatePlan::Steps::Fact& known) {
    return unit->update_key_ == known.update_key && unit->states_.is_one_with(known.first->states_) &&
           unit->device() == known.device && unit->dtype() == known.dtype;
  };
  const auto& facts = plan.steps_->facts;
  return std::equal(plan.units_.begin(), plan.units_.end(), facts.begin(), facts.end(), same);
}

void Units::update_as_planned(const UpdatePlan& plan, const Args& args, const Rows& rows, const Unit** in_work) {
  for (const Unit* unit : plan.units_) {
    now_at(in_work, *unit);
    unit->require_not_synced("update");
  }
  const AutogradScope scope;  // because what is kept to go back to is kept for later updates, too
  update_each(plan.steps_->clusters, args, rows, in_work);
}

void Units::update_each(std::span<const Cluster> clusters, const Args& args, const Rows& rows, const Unit** in_work) {
  static const Kwargs none;
  const Cluster& cluster = clusters.front();
  const auto update = [&](Unit& unit) {
    now_at(in_work, unit);
    unit.update_dynamic(args, none, rows);
  };
  if (clusters.size() == 1) return cluster.change(update);  // which restores itself when it throws
  cluster.leave_others();
  const SharedStates::Together together(cluster.first().states_);
  std::optional<States::Attempt> attempt(std::in_place, cluster.first().own_states());
  try {
    cluster.change(update);
    update_each(clusters.subspan(1), args, rows, in_work);
  } catch (...) {
    attempt.reset();
    cluster.change([](Unit& unit) { unit.states_changed(); });
    throw;
  }
  attempt->succeed();
}

void update_together(std::span<Metric* const> metrics, const Args& args, const Kwargs& kwargs, const Rows& rows) {
  BatchInputs batch{args, kwargs, rows};
  if (!metrics.empty()) detail::take_sample_weight(metrics.front()->name(), batch.kwargs, batch.rows);
  const auto inputs = std::make_shared<const BatchInputs>(std::move(batch));
  Feeds feeds;
  feeds.units.reserve(metrics.size());
  for (Metric* metric : metrics) metric->route(inputs, feeds);
  Units::update(feeds);
}

Units::BatchStates Units::states_of_batch(const Feeds& feeds, const Unit** in_work) {
  for (const UnitFeed& feed : feeds.units) {
    now_at(in_work, *feed.metric);
    feed.metric->require_not_synced("forward");
  }
  BatchStates batch;
  batch.passed = counts_of(feeds.passed);
  for (const Alike& group : alike(feeds.units)) {
    now_at(in_work, group.clusters.front().first());
    const SharedStates states(group.batch(at::GradMode::is_enabled()));
    for (const Cluster& cluster : group.clusters) {
      for (Unit* unit : cluster.units) {
        const auto known = std::find(batch.units.begin(), batch.units.end(), unit);
        if (known != batch.units.end()) {  // the unit has other inputs, too
          unit->merge_states(batch.states[static_cast<std::size_t>(known - batch.units.begin())].own(), *states);
        } else {
          batch.units.push_back(unit);
          batch.states.push_back(states.joined());
        }
      }
    }
  }
  return batch;
}

void Units::accumulate(BatchStates&& batch, const Unit** in_work) {
  std::vector<Cluster> clusters;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < batch.units.size(); ++i) {
    const auto joins = [&](std::size_t place) {
      return batch.states[i].is_one_with(batch.states[place]) &&
             batch.units[i]->states_.is_one_with(batch.units[place]->states_);
    };
    const auto cluster = std::find_if(places.begin(), places.end(), joins);
    if (cluster == places.end()) {
      places.push_back(i);
      clusters.push_back({{batch.units[i]}});
    } else {
      clusters[static_cast<std::size_t>(cluster - places.begin())].units.push_back(batch.units[i]);
      batch.states[i].let_go();
    }
  }
  std::vector<Before> before;
  try {
    for (std::size_t i = 0; i < clusters.size(); ++i) {
      before.emplace_back(clusters[i]);
      now_at(in_work, clusters[i].first());
      clusters[i].change([&](Unit& unit) { unit.accumulate(batch.states[places[i]].take()); });
    }
  } catch (...) {
    for (auto change = before.rbegin(); change != before.rend(); ++change) change->restore();
    throw;
  }
  count_updates(batch.passed);
}

Records::Records(const std::vector<Recorder*>& recorders) {
  for (Recorder* recorder : recorders) before_.emplace_back(recorder, recorder->history());
}

Records::~Records() {
  for (auto& [recorder, history] : before_) recorder->restore_history(std::move(history));
}

void Borrowing::lend(Unit& unit, SharedStates states, bool gradients) {
  borrowers_.push_back(&unit);
  unit.borrowed_ = Unit::Lender{std::move(unit.states_), std::move(unit.cached_), gradients};
  unit.states_ = std::move(states);
}

Borrowing::~Borrowing() {
  for (Unit* unit : borrowers_) {
    unit->states_ = std::move(unit->borrowed_->states);
    unit->cached_ = std::move(unit->borrowed_->cached);
    unit->borrowed_.reset();
  }
}

void Borrowing::lend_merged(Metric& of) {
  std::vector<Unit*> asking;
  std::vector<SyncItem> items;
  for (Unit* unit : of.units()) {
    if (unit->is_synced() || unit->borrowed_ || !unit->metric_options().sync_on_compute) continue;
    asking.push_back(unit);
    items.push_back({unit, &unit->states(), /*dirty=*/true, &of, /*for_value=*/true});
  }
  std::vector<std::optional<States>> merged = Unit::merged_over_ranks(items);
  for (std::size_t i = 0; i < asking.size(); ++i) {
    if (!merged[i]) continue;
    if (merged[i]->update_count() == 0) asking[i]->warn_of_no_update();
    lend(*asking[i], SharedStates(std::move(*merged[i])));
  }
}

SharedStates Unit::for_batch_value(const SharedStates& batch) const {
  const auto kept = [this](const State& state) { return keeps_on_reset(state.name()); };
  if (std::none_of(states_->begin(), states_->end(), kept)) return batch.joined();
  States beside_kept = reset_states();
  merge_states(beside_kept, *batch);
  return SharedStates(std::move(beside_kept));
}

void Borrowing::lend_batch(Metric& of, const Units::BatchStates& batch) {
  const std::vector<Unit*> all_units = of.units();
  std::vector<SharedStates> states;
  std::vector<SyncItem> items;
  std::vector<std::size_t> places;
  for (const Unit* unit : all_units) {
    const auto fed = std::find(batch.units.begin(), batch.units.end(), unit);
    states.push_back(fed == batch.units.end()
                         ? SharedStates(unit->reset_states())
                         : unit->for_batch_value(batch.states[static_cast<std::size_t>(fed - batch.units.begin())]));
  }
  for (std::size_t i = 0; i < all_units.size(); ++i) {
    if (!all_units[i]->metric_options().dist_sync_on_step) continue;
    items.push_back({all_units[i], &*states[i], /*dirty=*/true, &of});
    places.push_back(i);
  }
  std::vector<std::optional<States>> merged = Unit::merged_over_ranks(items);
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (merged[i]) states[places[i]] = SharedStates(std::move(*merged[i]));
  }
  for (std::size_t i = 0; i < all_units.size(); ++i) {
    lend(*all_units[i], std::move(states[i]), at::GradMode::is_enabled());
  }
}

void Units::synchronize(std::span<Metric* const> metrics, bool for_values) {
  std::vector<Unit*> units;
  for (Metric* metric : metrics) {
    for (Unit* unit : metric->units()) {
      if (std::find(units.begin(), units.end(), unit) == units.end()) units.push_back(unit);
    }
  }
  std::vector<SyncItem> items;
  for (const Unit* unit : units) {
    if (unit->is_synced()) throw Error(unit->to_string() + ": to be synchronised while it is synced already");
    items.push_back({unit, &unit->states(), /*dirty=*/true, /*part_of=*/nullptr, for_values});
  }
  const AutogradScope scope;
  std::vector<std::optional<States>> merged = Unit::merged_over_ranks(items);
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (merged[i]) units[i]->install_synced(std::move(*merged[i]));
  }
}

void synchronize(std::span<Metric* const> metrics) {
  Units::synchronize(metrics, /*for_values=*/false);
}

void synchronize_values(std::span<Metric* const> metrics) {
  Units::synchronize(metrics, /*for_values=*/true);
}

}  // namespace metrics
