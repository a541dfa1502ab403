#pragma once

#include <metrics/core/codec.h>
#include <metrics/core/dynamic.h>
#include <metrics/core/rows.h>

#include <string_view>
#include <type_traits>

namespace metrics {

/// A batch in the dynamic face, for whichever metrics take it.
struct BatchInputs {
  Args args{};
  Kwargs kwargs{};
  Rows rows{};
};

namespace detail {

/// Takes `sample_weight` out of inputs by name, where it is there: the weights of the rows in the dynamic face. Throws
/// InvalidArgument for what is no tensor, and where `rows` has weights as well.
METRICS_API void take_sample_weight(std::string_view what, Kwargs& kwargs, Rows& rows);

}  // namespace detail

/// The batch of `update(preds, target)` or `update(preds, target, Rows{…})`: inputs by position.
template <class... Inputs>
BatchInputs batch_inputs(const Inputs&... inputs) {
  BatchInputs batch;
  batch.args.reserve(sizeof...(inputs));
  const auto take = [&]<class Input>(const Input& input) {
    if constexpr (std::is_same_v<Input, Rows>) {
      batch.rows = input;
    } else {
      batch.args.push_back(Codec<Input>::write(input));
    }
  };
  (take(inputs), ...);
  return batch;
}

}  // namespace metrics
