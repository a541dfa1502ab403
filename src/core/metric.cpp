#include "graph.h"
#include <metrics/core/autograd_scope.h>
#include <metrics/core/batch_inputs.h>
#include <metrics/core/metric.h>
#include <metrics/core/units.h>

#include <ATen/core/ivalue.h>

#include <algorithm>
#include <ostream>
#include <sstream>
#include <utility>

namespace metrics {

Recorder::~Recorder() = default;

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

namespace {

/// Calls f(kwargs, rows) with `sample_weight` among the rows, where it is no input of the metric.
template <class F>
decltype(auto) with_sample_weight(const Metric& metric, const Kwargs& kwargs, const Rows& rows, const F& f) {
  if (!kwargs.contains("sample_weight") || metric.takes_input("sample_weight")) return f(kwargs, rows);
  Kwargs inputs = kwargs;
  Rows weighted = rows;
  detail::take_sample_weight(metric.name(), inputs, weighted);
  return f(inputs, weighted);
}

}  // namespace

void Metric::update(const Args& args, const Kwargs& kwargs, const Rows& rows) {
  with_sample_weight(*this, kwargs, rows,
                     [&](const Kwargs& inputs, const Rows& weighted) { update_dynamic(args, inputs, weighted); });
}

c10::IValue Metric::forward(const Args& args, const Kwargs& kwargs, const Rows& rows) {
  return with_sample_weight(*this, kwargs, rows, [&](const Kwargs& inputs, const Rows& weighted) {
    return forward_dynamic(args, inputs, weighted);
  });
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

void Metric::collect_recorders(std::vector<Recorder*>&) {}

std::vector<Unit*> Metric::units() {
  std::vector<Unit*> all;
  collect_units(all);
  std::vector<Unit*> once;
  for (Unit* unit : all) {
    if (std::find(once.begin(), once.end(), unit) == once.end()) once.push_back(unit);
  }
  return once;
}

void Metric::merge(const Metric& other) {
  std::vector<Unit*> own = units();
  // units() is not const, because those of a metric can be changed through it, but nothing here changes `other`.
  const std::vector<Unit*> others = const_cast<Metric&>(other).units();
  for (const Unit* unit : own) unit->require_not_synced("merge");
  for (const Unit* unit : others) unit->require_not_synced("merge of its states into another");
  for (Unit* unit : own) {
    if (unit->recorder() == nullptr) continue;
    throw Error(unit->to_string() + " cannot be merged: its value follows from the order of its own updates");
  }
  const auto same = [](const Unit* a, const Unit* b) { return a->layout() == b->layout(); };
  if (other.to_string() != to_string() || !std::equal(own.begin(), own.end(), others.begin(), others.end(), same)) {
    throw InvalidArgument(to_string() + " cannot merge the states of " + other.to_string() +
                          ": class and options must be equal");
  }
  const AutogradScope scope;
  Units::BatchStates theirs;
  for (std::size_t i = 0; i < own.size(); ++i) {
    const auto one = [&](const Unit* unit) { return unit->shares_states_with(*others[i]); };
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
  theirs.passed = counts_passed_in(other);
  theirs.units = std::move(own);
  Units::accumulate(std::move(theirs));
}

Units::UpdateCounts Metric::counts_passed_in(const Metric& other) {
  Units::UpdateCounts counts;
  const std::vector<detail::Node<const Metric>> theirs = detail::nodes(other);
  for (const detail::Node<Metric>& node : detail::nodes(*this)) {
    if (dynamic_cast<const Unit*>(node.metric) != nullptr) continue;
    const auto is_in_its_place = [&](const auto& their) {
      return std::find(their.prefixes.begin(), their.prefixes.end(), node.prefixes.front()) != their.prefixes.end();
    };
    const auto their = std::find_if(theirs.begin(), theirs.end(), is_in_its_place);
    const int64_t updates = their == theirs.end() ? 0 : their->metric->counted_updates();
    if (updates > 0) counts.emplace_back(node.metric, updates);
  }
  return counts;
}

void Metric::set_metric_options(MetricOptions common) {
  for (const Unit* unit : units()) unit->require_not_synced("set_metric_options");
  for (const ChildMetric& child : children()) child.metric->set_metric_options(common);
  common_ = std::move(common);
}

void Metric::change_all(const std::function<void(States&)>& change) {
  const std::vector<Unit*> all = units();
  std::vector<std::pair<Unit*, const Unit*>> one;  // each unit with the first of those whose states are one with its
  for (Unit* unit : all) {
    const auto first =
        std::find_if(all.begin(), all.end(), [&](Unit* other) { return other->shares_states_with(*unit); });
    if (*first != unit) one.emplace_back(unit, *first);
  }
  std::vector<Prepared> changes;
  for (const auto& node : detail::nodes(*this)) changes.push_back(node.metric->prepare_change(change));
  for (const Prepared& make_so : changes) make_so();
  for (const auto& [unit, first] : one) Units::join_states(*unit, *first);
}

void Metric::to(at::Device device) {
  change_all([&](States& states) { states.to(device); });
}

void Metric::set_dtype(at::ScalarType dtype) {
  if (!at::isFloatingType(dtype)) {
    std::ostringstream message;
    message << name() << ": set_dtype takes a floating dtype, got " << dtype;
    throw InvalidArgument(message.str());
  }
  change_all([&](States& states) { states.set_dtype(dtype); });
}

void Metric::persistent(bool mode) {
  for (const auto& node : detail::nodes(*this)) node.metric->persistent_ = mode;
}

void Metric::sync() {
  Metric* const self = this;
  synchronize({&self, 1});
}

void Metric::unsync() {
  const std::vector<Unit*> own = units();
  if (std::none_of(own.begin(), own.end(), [](const Unit* unit) { return unit->is_synced(); })) {
    throw Error(to_string() + ": unsync while the metric is not synced");
  }
  for (Unit* unit : own) {
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
