#pragma once

#include <metrics/core/metric.h>
#include <metrics/export.h>

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
  std::string_view description{};           ///< One sentence; empty where nothing is said of it.
};

struct InputInfo {
  std::string_view name;
  std::string type;
};

/// All that is known of a metric by name; made from its definition by `entry<M>()` in `metrics/core/define.h`.
struct MetricEntry {
  std::string_view name;
  std::string_view functional;  ///< Empty where torchmetrics has none.
  std::string_view domain;      ///< Such as `classification`.
  std::vector<OptionInfo> options;
  std::vector<InputInfo> inputs;
  std::vector<std::string> outputs;
  MetricTraits traits;
  std::unique_ptr<Metric> (*create)(const Kwargs& options, const MetricOptions& common);
  c10::IValue (*call)(const Args& args, const Kwargs& kwargs);
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

/// What one domain offers, in one place.
struct Domain {
  std::string_view name;
  std::vector<MetricEntry> metrics;
  std::vector<RouterEntry> routers;
};

/// All metrics of the library and those registered, sorted by name.
METRICS_API std::vector<const MetricEntry*> list_metrics();
METRICS_API std::vector<const RouterEntry*> list_routers();
/// The metric of that class name; null if unknown.
METRICS_API const MetricEntry* find_metric(std::string_view name);
METRICS_API const RouterEntry* find_router(std::string_view name);

/// Makes a user's metric known by name, with the same rights as the library's own.
/// Throws InvalidArgument when the name or its functional's is taken by another metric.
METRICS_API void register_metric(MetricEntry entry);

}  // namespace metrics
