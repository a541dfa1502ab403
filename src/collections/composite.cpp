#include "../core/graph.h"
#include "../core/warning_scope.h"
#include <metrics/collections/composite.h>
#include <metrics/core/autograd_scope.h>
#include <metrics/core/errors.h>
#include <metrics/core/feature_source.h>
#include <metrics/core/readable.h>
#include <metrics/core/registry.h>

#include <algorithm>
#include <map>
#include <set>

namespace metrics {

namespace {

/// The copies that have been made since the outermost of a graph's metrics began to be copied, in this thread.
class CopiedGraph {
 public:
  CopiedGraph() : outer_(current) {
    if (outer_ == nullptr) current = this;
  }
  ~CopiedGraph() { current = outer_; }
  CopiedGraph(const CopiedGraph&) = delete;
  CopiedGraph& operator=(const CopiedGraph&) = delete;

  std::shared_ptr<Metric> copy_of(const std::shared_ptr<Metric>& metric) {
    auto& copies = current->copies_;
    if (const auto known = copies.find(metric.get()); known != copies.end()) return known->second;
    return copies[metric.get()] = metric->clone();
  }

 private:
  static thread_local CopiedGraph* current;

  CopiedGraph* outer_;
  std::map<const Metric*, std::shared_ptr<Metric>> copies_;
};

thread_local CopiedGraph* CopiedGraph::current = nullptr;

/// A tensor among inputs that is not readable, and where it stands in its input, such as `[2].boxes`.
struct Unreadable {
  Tensor tensor;
  std::string place;
};

std::optional<Unreadable> unreadable_in(const c10::IValue& input) {
  if (input.isTensor()) {
    const Tensor& tensor = input.toTensor();
    if (detail::is_readable(tensor)) return std::nullopt;
    return Unreadable{tensor, ""};
  }
  const auto within = [](std::string place, const c10::IValue& element) {
    std::optional<Unreadable> found = unreadable_in(element);
    if (found) found->place = std::move(place) + found->place;
    return found;
  };
  if (input.isList() || input.isTuple()) {
    const std::vector<c10::IValue> elements = *detail::elements_of(input);
    for (std::size_t i = 0; i < elements.size(); ++i) {
      if (auto found = within("[" + std::to_string(i) + "]", elements[i])) return found;
    }
  } else if (input.isGenericDict()) {
    for (const auto& entry : input.toGenericDict()) {
      const std::string key = entry.key().isString() ? entry.key().toStringRef() : "";
      if (auto found = within("." + key, entry.value())) return found;
    }
  }
  return std::nullopt;
}

/// The name of an input that was given by position.
std::string name_of_input(Metric& metric, std::size_t position) {
  std::vector<const Metric*> named{&metric};
  for (const Unit* unit : metric.units()) named.push_back(unit);
  for (const Metric* each : named) {
    const MetricEntry* entry = find_metric(each->name());
    if (entry != nullptr && position < entry->inputs.size()) return std::string(entry->inputs[position].name);
  }
  return std::to_string(position);
}

/// Throws InvalidArgument for an input that is not readable: a wrapper cuts and draws rows before its units look.
void check_readable_inputs(Metric& metric, const Args& args, const Kwargs& kwargs, const Rows& rows) {
  const auto check = [&](const c10::IValue& input, const auto& input_name) {
    if (const auto found = unreadable_in(input)) {
      detail::throw_unreadable(metric.name(), input_name() + found->place, found->tensor);
    }
  };
  for (std::size_t i = 0; i < args.size(); ++i) {
    check(args[i], [&] { return name_of_input(metric, i); });
  }
  for (const auto& [name, input] : kwargs) {
    check(input, [&name = name] { return name; });
  }
  if (rows.valid) detail::check_readable(metric.name(), "Rows.valid", *rows.valid);
  if (rows.ids) detail::check_readable(metric.name(), "Rows.ids", *rows.ids);
  if (rows.weights) detail::check_readable(metric.name(), "Rows.weights", *rows.weights);
}

}  // namespace

Children::Children(const Children& other) {
  CopiedGraph graph;
  for (const Child& child : other.children_) children_.push_back({child.name, graph.copy_of(child.metric)});
}

std::size_t Children::find(std::string_view name) const {
  const auto found =
      std::find_if(children_.begin(), children_.end(), [&](const Child& child) { return child.name == name; });
  return static_cast<std::size_t>(found - children_.begin());
}

Composite::Composite(const Composite& other) : ByPosition(other), children_(other.children_), own_(other.own_) {
  join_states_as_in(other);
}

void Composite::join_states_as_in(const Composite& other) {
  std::vector<Unit*> copies, originals;
  for (const Children::Child& child : children_) collect_units_of(*child.metric, copies);
  for (const Children::Child& child : other.children_) collect_units_of(*child.metric, originals);
  Units::join_states_as_in(originals, copies);
}

Composite& Composite::operator=(const Composite& other) {
  if (this == &other) return *this;
  ByPosition::operator=(other);
  children_ = other.children_;
  own_ = other.own_;
  join_states_as_in(other);
  return *this;
}

const MetricTraits& Composite::traits() const {
  static constexpr MetricTraits none{};
  return none;
}

std::vector<ChildMetric> Composite::children() const {
  std::vector<ChildMetric> named;
  for (const Children::Child& child : children_) named.push_back({child.name, child.metric.get()});
  return named;
}

bool Composite::takes_input(std::string_view name) const {
  return std::any_of(children_.begin(), children_.end(),
                     [&](const Children::Child& child) { return child.metric->takes_input(name); });
}

void Composite::reset() {
  own_.reset();
  for (const Children::Child& child : children_) child.metric->reset();
}

bool Composite::is_synced() const {
  return std::any_of(children_.begin(), children_.end(),
                     [](const Children::Child& child) { return child.metric->is_synced(); });
}

StatesByName Composite::metric_state() const {
  StatesByName values;
  for (const ChildMetric& child : children()) {
    for (auto& [name, value] : child.metric->metric_state()) values.emplace(child.name + "." + name, std::move(value));
  }
  return values;
}

void Composite::route(const std::shared_ptr<const BatchInputs>& inputs, Feeds& feeds) {
  check_readable_inputs(*this, inputs->args, inputs->kwargs, inputs->rows);
  feeds.passed.push_back({this, inputs});
  feed(inputs, feeds);
}

void Composite::feed(const std::shared_ptr<const BatchInputs>& inputs, Feeds& feeds) {
  for (const Children::Child& child : children_) route_to(*child.metric, inputs, feeds);
}

void Composite::feed_by_name(const std::shared_ptr<const BatchInputs>& inputs, Feeds& feeds) {
  std::set<std::string_view> taken;
  for (const Children::Child& child : children_) {
    BatchInputs own{inputs->args, {}, inputs->rows};
    for (const auto& [name, value] : inputs->kwargs) {
      if (!child.metric->takes_input(name)) continue;
      own.kwargs.emplace(name, value);
      taken.insert(name);
    }
    const bool all = own.kwargs.size() == inputs->kwargs.size();
    route_to(*child.metric, all ? inputs : std::make_shared<const BatchInputs>(std::move(own)), feeds);
  }
  for (const auto& [name, value] : inputs->kwargs) {
    if (!taken.contains(name)) {
      throw InvalidArgument(std::string(this->name()) + ": no member takes an input `" + name + "`");
    }
  }
}

void Composite::collect_units(std::vector<Unit*>& units) {
  for (const Children::Child& child : children_) collect_units_of(*child.metric, units);
}

void Composite::collect_recorders(std::vector<Recorder*>& recorders) {
  for (const Children::Child& child : children_) collect_recorders_of(*child.metric, recorders);
}

void Composite::rethrow_from(const std::string& place) const {
  if (place.empty()) throw;
  const auto placed = [&](const std::exception& error) {
    return std::string(name()) + " member `" + place + "`: " + error.what();
  };
  try {
    throw;
  } catch (const SyncError&) {
    throw;
  } catch (const InvalidArgument& error) {
    throw InvalidArgument(placed(error));
  } catch (const std::exception& error) {
    std::throw_with_nested(Error(placed(error)));
  }
}

template <class Work>
auto Composite::for_units(const Work& work) const {
  const Unit* unit = nullptr;
  try {
    return work(&unit);
  } catch (...) {
    rethrow_from(unit == nullptr ? std::string() : detail::place_of(*unit, *this));
  }
}

c10::IValue Composite::value_of_child(Metric& child) const {
  try {
    return child.compute();
  } catch (...) {
    rethrow_from(detail::place_of(child, *this));
  }
}

void Composite::update_dynamic(const Args& args, const Kwargs& kwargs, const Rows& rows) {
  const WarningScope once;
  const SharedFeatures shared(most_shared_features());
  const bool may_plan = feeds_all_alike() && kwargs.empty();
  if (may_plan && has_plan()) {
    check_readable_inputs(*this, args, kwargs, rows);
    for_units([&](const Unit** unit) { Units::update_as_planned(plan_, args, rows, unit); });
    return count_updates(1);
  }
  Feeds feeds;
  route(std::make_shared<const BatchInputs>(BatchInputs{args, kwargs, rows}), feeds);
  if (!may_plan || feeds.passed.size() > 1) {
    return for_units([&](const Unit** unit) { Units::update(feeds, unit); });
  }
  plan_ = for_units([&](const Unit** unit) { return Units::update_and_plan(feeds, unit); });
}

bool Composite::has_plan() const {
  // Units are told by their addresses, and none of them is looked at before all are children.
  const auto is_child = [](const Unit* unit, const Children::Child& child) { return unit == child.metric.get(); };
  const auto units = plan_.units();
  return !units.empty() && std::equal(units.begin(), units.end(), children_.begin(), children_.end(), is_child) &&
         Units::holds(plan_);
}

c10::IValue Composite::forward_dynamic(const Args& args, const Kwargs& kwargs, const Rows& rows) {
  const WarningScope once;
  const SharedFeatures shared(most_shared_features());
  const AutogradScope scope(at::GradMode::is_enabled());
  Feeds feeds;
  route(std::make_shared<const BatchInputs>(BatchInputs{args, kwargs, rows}), feeds);
  Units::BatchStates batch = for_units([&](const Unit** unit) { return Units::states_of_batch(feeds, unit); });
  std::vector<Recorder*> recorders;
  collect_recorders(recorders);
  Records records(recorders);
  c10::IValue batch_value = [&] {
    Borrowing borrowing;
    borrowing.lend_batch(*this, batch);
    return value();
  }();
  for_units([&](const Unit** unit) { Units::accumulate(std::move(batch), unit); });
  records.let_stand();
  return batch_value;
}

c10::IValue Composite::compute_dynamic() {
  const WarningScope once;
  const std::vector<Unit*> own = units();
  const AutogradScope scope(std::any_of(own.begin(), own.end(), Units::records_gradients));
  return over_ranks([this] { return value(); });
}

std::string Composite::describe_options() const {
  std::string text;
  for (const Children::Child& child : children_) {
    (text += text.empty() ? "" : ", ") += child.name + "=" + child.metric->to_string();
  }
  return text;
}

Metric::Prepared Composite::prepare_change(const std::function<void(States&)>& change) {
  const auto changed = std::make_shared<States>(own_);
  change(*changed);
  return [this, changed] { own_ = std::move(*changed); };
}

void Composite::save_own_states(StateDict& destination, const std::string& prefix) const {
  StateDict::Metadata& metadata = destination.metadata_of(prefix);
  metadata[StateDict::update_count_key] = own_.update_count();
  metadata[StateDict::options_key] = to_string();
}

Metric::Prepared Composite::prepare_load(const StateDict& source, const std::string& prefix, bool strict, Keys&) {
  const auto first = source.states.lower_bound(prefix);
  if (first == source.states.end() || !first->first.starts_with(prefix)) return nullptr;
  if (strict) require_saved_alike(source, prefix);
  const int64_t count = source.update_count_of(prefix).value_or(1);
  return [this, count] { own_.set_update_count(count); };
}

}  // namespace metrics
