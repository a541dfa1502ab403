#pragma once

#include <metrics/core/metric.h>
#include <metrics/export.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace metrics {

struct OptionInfo {
  std::string_view name;
  std::string type;
  std::optional<std::string> default_text;  ///< As Python prints it; absent for required options.
  std::string_view description{};           ///< One sentence; empty where nothing is said of it, here as below.
};

struct InputInfo {
  std::string_view name;
  std::string type;
  std::string_view description{};
};

struct OutputInfo {
  std::string_view name;
  std::string_view description{};
};

/// All that is known of a functional by name; made by `entry<M>()` for that of a metric, and by
/// `function<f>(name, inputs)` for one that belongs to no class.
struct FunctionalEntry {
  std::string_view name;  ///< Empty where a metric has none.
  std::string_view domain;
  std::vector<OptionInfo> options;
  std::vector<InputInfo> inputs;
  std::vector<OutputInfo> outputs;
  std::function<c10::IValue(const Args& args, const Kwargs& kwargs)> call;
};

/// All that is known of a metric by name; made from its definition by `entry<M>()` in `metrics/core/define.h`.
struct MetricEntry {
  std::string_view name;
  std::string_view domain;     ///< Such as `classification`.
  std::string_view summary{};  ///< One sentence: what is computed.
  FunctionalEntry functional;  ///< Without a name where torchmetrics has none.
  std::vector<OptionInfo> options;
  std::vector<InputInfo> inputs;
  std::vector<OutputInfo> outputs;
  MetricTraits traits;
  std::function<std::unique_ptr<Metric>(const Kwargs& options, const MetricOptions& common)> create;
  /// A metric with options that show its states.
  std::unique_ptr<Metric> (*example)();
};

/// A name that stands for one class a task, as torchmetrics' `Accuracy(task="multiclass", …)`.
struct RouterEntry {
  struct Task {
    std::string_view task;
    std::string_view metric;
    std::string_view required_option;  ///< Option that the router demands for this task; empty for none.
  };
  std::string_view name;
  std::string_view functional;
  std::vector<Task> tasks;
  /// Defaults of options where the router's differ from the classes', or these have none.
  std::vector<std::pair<std::string_view, std::variant<bool, double, std::string_view>>> defaults;
};

namespace detail {

/// What the doc comments of the library say of a class, or of an input or option of it: one sentence. Nothing is known
/// of what is the user's.
METRICS_API std::string_view description(std::string_view of);
METRICS_API std::string_view description(std::string_view of, std::string_view part);

}  // namespace detail

/// What one domain offers, in one place.
struct Domain {
  std::string_view name;
  std::vector<MetricEntry> metrics;
  std::vector<RouterEntry> routers;
  std::vector<FunctionalEntry> functionals{};  ///< Those that belong to no class.
};

/// All metrics of the library and those registered, sorted by name.
METRICS_API std::vector<const MetricEntry*> list_metrics();
METRICS_API std::vector<const RouterEntry*> list_routers();
/// All functionals, those of metrics and those that belong to no class, sorted by name.
METRICS_API std::vector<const FunctionalEntry*> list_functionals();
/// The metric of that class name; null if unknown.
METRICS_API const MetricEntry* find_metric(std::string_view name);
METRICS_API const RouterEntry* find_router(std::string_view name);
METRICS_API const FunctionalEntry* find_functional(std::string_view name);

/// Makes a user's metric known by name, with the same rights as the library's own.
/// Throws InvalidArgument when the name or its functional's is taken by another metric.
METRICS_API void register_metric(MetricEntry entry);
/// The same for a functional that belongs to no class. Throws InvalidArgument when its name is taken.
METRICS_API void register_functional(FunctionalEntry entry);

}  // namespace metrics
