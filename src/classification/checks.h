#pragma once

#include <metrics/core/errors.h>

#include <cstdint>
#include <string>
#include <string_view>

// Checks of options that classification metrics share.

namespace metrics::classification {

inline void check_at_least(std::string_view option, int64_t value, int64_t least) {
  if (value >= least) return;
  throw InvalidArgument(std::string(option) + ": expected an integer of at least " + std::to_string(least) + ", got " +
                        std::to_string(value));
}

inline void check_threshold(double threshold) {
  if (threshold >= 0 && threshold <= 1) return;
  throw InvalidArgument("threshold: expected a number in [0, 1], got " + std::to_string(threshold));
}

inline void check_zero_division(double value) {
  if (value == 0 || value == 1) return;
  throw InvalidArgument("zero_division: expected 0 or 1, got " + std::to_string(value));
}

}  // namespace metrics::classification
