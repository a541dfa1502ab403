#pragma once

#include "ways.h"
#include <metrics/core/unit.h>

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

/// All bits of the states that hold a metric's data, in the form in which they are kept.
inline std::string kept_states_of(Metric& metric) {
  std::string text;
  for (const Unit* unit : metric.units()) {
    text += std::to_string(unit->update_count());
    for (const State& state : unit->states()) {
      text += state.name();
      for (const at::Tensor& part : {state.tensor(), state.residual()}) text += part.defined() ? bits(part) : "none";
      for (int64_t end : state.item_ends()) text += "," + std::to_string(end);
    }
  }
  return text + states_of(metric);
}

}  // namespace metrics::testing
