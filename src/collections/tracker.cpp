#include "composite_entry.h"
#include "wrapper_entries.h"
#include <metrics/classification/accuracy.h>
#include <metrics/collections/tracker.h>
#include <metrics/core/autograd_scope.h>
#include <metrics/core/codec.h>
#include <metrics/core/dynamic.h>
#include <metrics/core/errors.h>
#include <metrics/core/warning.h>

#include <ATen/core/ivalue.h>
#include <ATen/ops/max.h>
#include <ATen/ops/min.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace metrics {

namespace {

Children pattern_of(const MetricHandle& metric) {
  Children children;
  std::unique_ptr<Metric> copy = metric->clone();
  copy->reset();
  children.add("_base_metric", MetricHandle(std::move(copy)));
  return children;
}

bool own_direction(const Metric& metric, const std::string& what) {
  if (metric.traits().higher_is_better) return *metric.traits().higher_is_better;
  throw InvalidArgument("MetricTracker: " + what + " does not have a `higher_is_better`; give the option `maximize`");
}

void require_one_each(const Metric& metric, const std::vector<bool>& maximize) {
  const auto* collection = dynamic_cast<const MetricCollection*>(&metric);
  if (collection == nullptr) {
    throw InvalidArgument("MetricTracker: option `maximize` is one bool for a single metric, got a list of " +
                          std::to_string(maximize.size()));
  }
  if (maximize.size() == collection->size()) return;
  throw InvalidArgument("MetricTracker: option `maximize` has " + std::to_string(maximize.size()) +
                        " entries, the collection " + std::to_string(collection->size()) + " members");
}

std::vector<bool> checked_directions(const Metric& metric, std::vector<bool> maximize) {
  const auto* collection = dynamic_cast<const MetricCollection*>(&metric);
  if (maximize.empty() && collection == nullptr) return {own_direction(metric, "metric " + metric.to_string())};
  if (maximize.empty()) {
    for (const ChildMetric& member : collection->children()) {
      maximize.push_back(own_direction(*member.metric, "member `" + member.name + "`"));
    }
    return maximize;
  }
  if (maximize.size() != 1) require_one_each(metric, maximize);
  return maximize;
}

/// One tensor from one a step, or all of them as a list where they do not stack.
c10::IValue stacked(const std::vector<c10::IValue>& values) {
  std::vector<Tensor> tensors;
  for (const c10::IValue& value : values) {
    const bool fits = value.isTensor() && (tensors.empty() || value.toTensor().sizes() == tensors.front().sizes());
    if (!fits) return detail::list_of(values);
    tensors.push_back(value.toTensor());
  }
  return at::stack(tensors);
}

/// The best of a value a step; none where there is no such thing.
std::optional<MetricTracker::Best> best_of(const c10::IValue& values, bool maximize, const std::string& what) {
  const bool single = values.isTensor() && values.toTensor().numel() == values.toTensor().size(0);
  if (!single) {
    warn("MetricTracker: the best of " + what + " is not defined: its values are not single numbers");
    return std::nullopt;
  }
  const Tensor of_steps = values.toTensor().flatten();
  const auto [value, step] = maximize ? at::max(of_steps, 0) : at::min(of_steps, 0);
  return MetricTracker::Best{value.item<double>(), step.item<int64_t>()};
}

}  // namespace

MetricTracker::MetricTracker(MetricHandle metric, MetricTrackerOptions options)
    : Composite(pattern_of(metric)), maximize_(checked_directions(*metric, std::move(options.maximize))) {}

/// A direction for each member of a collection.
struct Directions {
  std::vector<bool> maximize{};
};

template <>
struct Codec<Directions> {
  static std::string type() { return "list of bool"; }
  static c10::IValue write(const Directions& value) {
    std::vector<c10::IValue> all(value.maximize.begin(), value.maximize.end());
    return detail::list_of(std::move(all));
  }
  static std::optional<Directions> read(const c10::IValue& v) {
    const auto elements = detail::elements_of(v);
    if (!elements) return std::nullopt;
    Directions read;
    for (const c10::IValue& element : *elements) {
      const auto direction = Codec<bool>::read(element);
      if (!direction) return std::nullopt;
      read.maximize.push_back(*direction);
    }
    return read;
  }
};

namespace {

struct TrackerArguments {
  GivenMetric metric{};
  std::optional<std::variant<bool, Directions>> maximize{};

  static constexpr auto fields() {
    return metrics::fields<&TrackerArguments::metric, &TrackerArguments::maximize>(1).about(
        {"The metric to track, or a collection.", "Whether greater values are better; what each metric says if None."});
  }
};

}  // namespace

namespace {

MetricTracker tracker_of(const TrackerArguments& given) {
  MetricTrackerOptions own;
  if (given.maximize) {
    const bool* for_all = std::get_if<bool>(&*given.maximize);
    own.maximize = for_all != nullptr ? std::vector<bool>{*for_all} : std::get<Directions>(*given.maximize).maximize;
    if (for_all == nullptr) require_one_each(*given.metric.handle.value(), own.maximize);
  }
  return MetricTracker(given.metric, std::move(own));
}

std::unique_ptr<Metric> make_tracker(const TrackerArguments& given) {
  return std::make_unique<MetricTracker>(tracker_of(given));
}

TrackerArguments tracker_example() {
  TrackerArguments arguments;
  arguments.metric.handle = MulticlassAccuracy({.num_classes = 3});
  return arguments;
}

}  // namespace

MetricEntry metric_tracker_entry(std::string_view its_domain) {
  return composite_entry<TrackerArguments, make_tracker, tracker_example>("MetricTracker", its_domain);
}

MetricTracker MetricTracker::of_options(const Kwargs& options) {
  return tracker_of(metrics::options_from<TrackerArguments>(options, "MetricTracker"));
}

MetricTracker& MetricTracker::of(Metric& metric) {
  if (auto* tracker = dynamic_cast<MetricTracker*>(&metric)) return *tracker;
  throw InvalidArgument("a MetricTracker is expected, got " + metric.to_string());
}

MetricTracker MetricTracker::from_json(std::string_view json) {
  return of_options(options_from_json(json));
}

void MetricTracker::increment() {
  std::unique_ptr<Metric> next = parts()[0].clone();
  parts().add(std::to_string(parts().size()), MetricHandle(std::move(next)));
}

void MetricTracker::require_increment(std::string_view method) const {
  if (n_steps() > 0) return;
  throw Error("MetricTracker: `" + std::string(method) + "` cannot be called before `increment()` has been called");
}

Metric& MetricTracker::current(std::string_view method) const {
  require_increment(method);
  return parts()[parts().size() - 1];
}

Metric& MetricTracker::step(int64_t index) const {
  if (index >= 0 && index < n_steps()) return parts()[static_cast<std::size_t>(index) + 1];
  throw InvalidArgument("MetricTracker: there is no step " + std::to_string(index) + " of " +
                        std::to_string(n_steps()));
}

void MetricTracker::feed(const std::shared_ptr<const BatchInputs>& inputs, Feeds& feeds) {
  route_to(current("update"), inputs, feeds);
}

void MetricTracker::collect_units(std::vector<Unit*>& units) {
  for (int64_t i = 0; i < n_steps(); ++i) collect_units_of(step(i), units);
}

void MetricTracker::update_dynamic(const Args& args, const Kwargs& kwargs, const Rows& rows) {
  detail::named(name(), [&] { current("update").update(args, kwargs, rows); });
}

c10::IValue MetricTracker::forward_dynamic(const Args& args, const Kwargs& kwargs, const Rows& rows) {
  return detail::named(name(), [&] { return current("forward").forward(args, kwargs, rows); });
}

c10::IValue MetricTracker::compute_dynamic() {
  return value();
}

c10::IValue MetricTracker::value() {
  return current("compute").compute();
}

template <class F>
auto MetricTracker::over_all_steps(std::string_view method, const F& f) {
  require_increment(method);
  const AutogradScope scope;
  return over_ranks(f);
}

c10::IValue MetricTracker::compute_all() {
  return over_all_steps("compute_all", [this] { return stacked_values(); });
}

c10::IValue MetricTracker::stacked_values() const {
  std::vector<c10::IValue> values;
  for (int64_t i = 0; i < n_steps(); ++i) values.push_back(step(i).compute());
  if (!std::all_of(values.begin(), values.end(), [](const c10::IValue& value) { return value.isGenericDict(); })) {
    return stacked(values);
  }
  c10::impl::GenericDict all(c10::StringType::get(), c10::AnyType::get());
  for (const auto& entry : values.front().toGenericDict()) {
    std::vector<c10::IValue> of_name;
    for (const c10::IValue& value : values) {
      const std::string& name = entry.key().toStringRef();
      auto found = detail::entry_of(value, name);
      if (!found) {
        throw Error("MetricTracker: step 0 has a value `" + name + "`, step " + std::to_string(of_name.size()) +
                    " has none of that name");
      }
      of_name.push_back(std::move(*found));
    }
    all.insert(entry.key(), stacked(of_name));
  }
  return all;
}

std::optional<MetricTracker::Best> MetricTracker::best_metric() {
  return over_all_steps("best_metric", [this] {
    const c10::IValue all = stacked_values();
    if (all.isGenericDict()) throw Error("MetricTracker: the values have names: ask for best_metrics()");
    return best_of(all, maximize_.front(), parts()[0].to_string());
  });
}

std::vector<bool> MetricTracker::directions(std::size_t names) const {
  if (maximize_.size() == 1) return std::vector<bool>(names, maximize_.front());
  if (maximize_.size() == names) return maximize_;
  // A member with a dict for a value has several names.
  std::vector<bool> all;
  std::size_t member = 0;
  for (const ChildMetric& child : step(0).children()) {
    const c10::IValue value = child.metric->compute();
    all.insert(all.end(), value.isGenericDict() ? value.toGenericDict().size() : 1, maximize_[member++]);
  }
  return all;
}

MetricTracker::NamedBest MetricTracker::best_metrics() {
  return over_all_steps("best_metrics", [this] {
    const c10::IValue all = stacked_values();
    if (!all.isGenericDict()) throw Error("MetricTracker: the values have no names: ask for best_metric()");
    const auto entries = all.toGenericDict();
    const std::vector<bool> maximize = directions(entries.size());
    NamedBest best;
    std::size_t i = 0;
    for (const auto& entry : entries) {
      const std::string& name = entry.key().toStringRef();
      best.emplace_back(name, best_of(entry.value(), maximize[i++], "`" + name + "`"));
    }
    return best;
  });
}

void MetricTracker::reset() {
  if (n_steps() > 0) current("reset").reset();
}

void MetricTracker::reset_all() {
  Composite::reset();
}

std::string MetricTracker::describe_options() const {
  std::string text = "metric=" + parts()[0].to_string() + ", maximize=[";
  for (std::size_t i = 0; i < maximize_.size(); ++i) (text += i == 0 ? "" : ", ") += maximize_[i] ? "True" : "False";
  return text + "]";
}

}  // namespace metrics
