#pragma once

#include <metrics/classification/curves.h>

namespace metrics {

/// The point of a curve that a metric has chosen; a value a class or label, or scalars. Where thresholds are given it is
/// one of them.
struct OperatingPoint {
  Tensor value;      ///< The rate that was to be as great as possible.
  Tensor threshold;  ///< The probability from which scores are a yes there.

  static constexpr auto fields() { return metrics::fields<&OperatingPoint::value, &OperatingPoint::threshold>(); }
};

}  // namespace metrics
