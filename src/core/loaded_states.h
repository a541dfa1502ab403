#pragma once

#include <metrics/core/errors.h>
#include <metrics/core/state.h>

#include <initializer_list>
#include <string>
#include <string_view>

// What definitions ask of states that come from a state dict, in `complete_from_torchmetrics`, where what they declare
// does not say it: each throws StateMisfit.

namespace metrics {

/// A state that cannot have come from the metric's updates, alone or beside the others.
class METRICS_API StateMisfit : public InvalidArgument {
 public:
  StateMisfit(const std::string& state, const std::string& why)
      : InvalidArgument("state `" + state + "`: " + why), state_(state), why_(why) {}

  const std::string& state() const { return state_; }
  const std::string& why() const { return why_; }

 private:
  std::string state_, why_;
};

/// Asks that states that grow together have equal numbers of rows.
METRICS_API void require_equal_rows(const States& states, std::initializer_list<std::string_view> names);

/// Asks that the rows of a state are integers, or that they are floating.
METRICS_API void require_integer_rows(const State& state);
METRICS_API void require_floating_rows(const State& state);

/// Asks that all numbers of a state are whole and not negative; of counts of weighted rows that they are not negative.
METRICS_API void require_counts(const State& state);

/// Asks that all numbers of a state are finite and not negative, as sums of what rows weigh are.
METRICS_API void require_sums_of_weights(const State& state);

}  // namespace metrics
