#pragma once

#include "ways.h"
#include <metrics/core/metric.h>

#include <string>
#include <variant>
#include <vector>

namespace metrics::testing {

/// All bits of a state.
inline std::string bits_of(const StateValue& value) {
  if (const auto* tensor = std::get_if<at::Tensor>(&value)) return bits(*tensor);
  std::string text;
  for (const at::Tensor& item : std::get<std::vector<at::Tensor>>(value)) text += bits(item);
  return text;
}

/// All bits of a metric's states, and its updates.
inline std::string states_of(const Metric& metric) {
  std::string text = std::to_string(metric.update_count());
  for (const auto& [name, value] : metric.metric_state()) text += name + bits_of(value);
  return text;
}

}  // namespace metrics::testing
