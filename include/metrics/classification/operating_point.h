#pragma once

#include <metrics/classification/curves.h>

#include <limits>

namespace metrics {

/// The point of a curve that a metric has chosen; a value a class or label, or scalars. Where thresholds are given it is
/// one of them.
struct OperatingPoint {
  Tensor value;      ///< The rate that was to be as great as possible.
  Tensor threshold;  ///< The probability from which scores are a yes there.

  static constexpr auto fields() { return metrics::fields<&OperatingPoint::value, &OperatingPoint::threshold>(); }
};

/// A minimum that has to be given: what is left out is refused, as everything outside [0, 1].
inline constexpr double unset_minimum = std::numeric_limits<double>::quiet_NaN();

}  // namespace metrics
