#pragma once

#include <metrics/core/double_double.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace metrics {

/// Returns the sum of `n` numbers in double-double: eight interleaved compensated sums (Ogita, Rump, Oishi, 2005,
/// algorithm 4.4), so that the loop vectorises.
template <class T>
DoubleDouble compensated_sum(const T* values, int64_t n) {
  constexpr std::size_t lanes = 8;
  std::array<double, lanes> high{};
  std::array<double, lanes> low{};
  int64_t i = 0;
  for (; i + static_cast<int64_t>(lanes) <= n; i += static_cast<int64_t>(lanes)) {
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

}  // namespace metrics
