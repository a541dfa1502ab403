#pragma once

#include <metrics/core/define.h>

#include <algorithm>
#include <tuple>

namespace metrics {

/// The entry of `M` whose functional is called as `call(inputs…, options)`, not as one update of the class.
template <class M, auto call>
MetricEntry functional_entry(std::string_view domain) {
  MetricEntry made = entry<M>(domain);
  made.call = [](const Args& args, const Kwargs& kwargs) -> c10::IValue {
    using D = typename M::Definition;
    Kwargs options, inputs;
    for (const auto& [name, value] : kwargs) {
      const bool is_input = std::find(D::inputs.begin(), D::inputs.end(), name) != D::inputs.end();
      (is_input ? inputs : options).emplace(name, value);
    }
    const auto given = detail::inputs_from_dynamic<D>(args, inputs);
    const auto chosen = options_from<typename M::Options>(options, D::name);
    return detail::to_ivalue(std::apply([&](const auto&... input) { return call(input..., chosen); }, given));
  };
  return made;
}

}  // namespace metrics
