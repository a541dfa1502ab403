#include "compensated_sum.h"

#include "kernels/multiversioned.h"

#include <array>
#include <cmath>
#include <cstddef>

namespace metrics::aggregation {
namespace {

template <std::size_t lanes, class T>
METRICS_INLINE DoubleDouble interleaved_sum(const T* values, int64_t n) {
  std::array<double, lanes> high{};
  std::array<double, lanes> low{};
  int64_t i = 0;
  for (; i + static_cast<int64_t>(lanes) <= n; i += static_cast<int64_t>(lanes)) {
#pragma omp simd
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const auto x = static_cast<double>(values[i + static_cast<int64_t>(lane)]);
      const double sum = high[lane] + x;
      const double x_part = sum - high[lane];
      low[lane] += (high[lane] - (sum - x_part)) + (x - x_part);
      high[lane] = sum;
    }
  }
  DoubleDouble total;
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    total = total + DoubleDouble{high[lane], std::isfinite(high[lane]) ? low[lane] : 0};
  }
  for (; i < n; ++i) total = total + static_cast<double>(values[i]);
  return total;
}

/// As many sums as keep the adders busy; few where folding them would be most of the work.
template <class T>
METRICS_INLINE DoubleDouble sum_of_all(const T* values, int64_t n) {
  return n < 512 ? interleaved_sum<8>(values, n) : interleaved_sum<16>(values, n);
}

}  // namespace

METRICS_MULTIVERSIONED DoubleDouble compensated_sum(const float* values, int64_t n) {
  return sum_of_all(values, n);
}

METRICS_MULTIVERSIONED DoubleDouble compensated_sum(const double* values, int64_t n) {
  return sum_of_all(values, n);
}

}  // namespace metrics::aggregation
