#pragma once

#include <metrics/core/metric.h>

#include <ATen/core/ivalue.h>

#include <map>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

// The dynamic face: metrics by name, with options and inputs in c10::IValue. docs/dynamic.md says how None, strings,
// integers for floats and empty lists are taken.

namespace metrics {

/// Creates a metric by torchmetrics' class name, task routers included.
/// `options` takes the class's options and torchmetrics' common ones (`sync_on_compute`, …), which override `common`.
/// Throws InvalidArgument for an unknown name, and for an unknown, missing or ill-typed option (naming those allowed).
METRICS_API std::unique_ptr<Metric> create(std::string_view name, const Kwargs& options = {},
                                           const MetricOptions& common = {},
                                           std::source_location made_at = std::source_location::current());

/// Creates a metric from `{"name": "Accuracy", "options": {"task": "multiclass", "num_classes": 10}}`.
/// Throws InvalidArgument for text that is no such JSON, and as `create` does.
METRICS_API std::unique_ptr<Metric> create_from_json(
    std::string_view json, const MetricOptions& common = {},
    std::source_location made_at = std::source_location::current());

/// Reads a JSON object as options: numbers, strings, booleans, null, and lists and objects of them.
METRICS_API Kwargs options_from_json(std::string_view json);

/// Calls a functional by torchmetrics' name, such as `multiclass_accuracy` or its router `accuracy`: inputs by position
/// or by name, options by name.
METRICS_API c10::IValue call(std::string_view name, const Args& args, const Kwargs& kwargs = {});

}  // namespace metrics
