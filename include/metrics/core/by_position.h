#pragma once

#include <metrics/core/batch_inputs.h>
#include <metrics/core/metric.h>

#include <concepts>
#include <utility>

namespace metrics {

/// Adds to a metric that knows only the dynamic face calls with inputs of their own types, by position.
template <std::derived_from<Metric> Base>
class ByPosition : public Base {
 public:
  using Base::forward;
  using Base::update;
  /// Folds a batch in: `update(preds, target)`, `update(preds, target, Rows{.valid = mask})`.
  template <class First, class... More>
  requires(!std::convertible_to<First, Args>) void update(const First& first, const More&... more) {
    const BatchInputs batch = batch_inputs(first, more...);
    Base::update(batch.args, batch.kwargs, batch.rows);
  }
  template <class First, class... More>
  requires(!std::convertible_to<First, Args>) c10::IValue forward(const First& first, const More&... more) {
    const BatchInputs batch = batch_inputs(first, more...);
    return Base::forward(batch.args, batch.kwargs, batch.rows);
  }
  /// `forward`, as calling a metric is in Python.
  template <class... A>
  auto operator()(A&&... inputs) -> decltype(this->forward(std::forward<A>(inputs)...)) {
    return forward(std::forward<A>(inputs)...);
  }

 protected:
  using Base::Base;
};

}  // namespace metrics
