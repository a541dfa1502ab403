#pragma once

#include <metrics/export.h>

#include <functional>
#include <string>

namespace metrics {

using WarningHandler = std::function<void(const std::string& message)>;

/// Sends this library's warnings to `handler`; an empty one restores TORCH_WARN. Returns the handler before.
METRICS_API WarningHandler set_warning_handler(WarningHandler handler);

/// Emits a warning through the handler.
METRICS_API void warn(const std::string& message);

}  // namespace metrics
