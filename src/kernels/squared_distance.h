#pragma once

#include "kernels/multiversioned.h"

#include <cstdint>

namespace metrics::kernels {

/// Returns the sum of the squared differences of two rows, in float64: in eight sums side by side, whatever the machine's
/// registers hold, so that its bits are the same on all.
template <class T>
METRICS_INLINE double squared_distance(const T* x, const T* y, int64_t columns) {
  constexpr int64_t lanes = 8;
  double sums[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= columns; i += lanes) {
#pragma omp simd
    for (int64_t lane = 0; lane < lanes; ++lane) {
      const double difference = static_cast<double>(x[i + lane]) - static_cast<double>(y[i + lane]);
      sums[lane] += difference * difference;
    }
  }
  for (int64_t lane = 0; i < columns; ++i, ++lane) {
    const double difference = static_cast<double>(x[i]) - static_cast<double>(y[i]);
    sums[lane] += difference * difference;
  }
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

}  // namespace metrics::kernels
