#pragma once

#include "families/pairs.h"
#include "kernels/fastest.h"
#include "kernels/pairs/sum_blocks.h"

#include <array>
#include <cstdint>
#include <type_traits>
#include <vector>

// Values that each row of two inputs has of its own, such as a divergence or a similarity.

namespace metrics::regression {

inline constexpr int64_t row_lanes = 8;

/// Sums along a row, in lanes, whose number fixes the bits. `terms(into, x, y)` adds what a pair gives to `into[0]`,
/// `into[row_lanes]` and so on, written out sum by sum, because the compiler vectorises no loop over lanes that has
/// another loop or an array inside. A pair of zeros gives nothing: the last lanes are filled up with them.
template <std::size_t count, class T, class Terms>
METRICS_INLINE std::array<double, count> row_sums(const Terms& terms, const T* x, const T* y, int64_t columns) {
  double sums[count * row_lanes] = {};
  const auto add = [&](const T* xs, const T* ys) METRICS_INLINED {
#pragma omp simd
    for (int64_t lane = 0; lane < row_lanes; ++lane) {
      terms(sums + lane, static_cast<double>(xs[lane]), static_cast<double>(ys[lane]));
    }
  };
  int64_t i = 0;
  for (; i + row_lanes <= columns; i += row_lanes) add(x + i, y + i);
  if (i < columns) {
    T last_x[row_lanes] = {}, last_y[row_lanes] = {};
    for (int64_t lane = 0; i < columns; ++i, ++lane) {
      last_x[lane] = x[i];
      last_y[lane] = y[i];
    }
    add(last_x, last_y);
  }
  std::array<double, count> totals{};
  for (std::size_t term = 0; term < count; ++term) {
    for (int64_t lane = 0; lane < row_lanes; ++lane) {
      totals[term] += sums[static_cast<int64_t>(term) * row_lanes + lane];
    }
  }
  return totals;
}

/// Adds both sides of a row.
inline constexpr auto add_both = [](double* into, double x, double y) METRICS_INLINED {
  into[0] += x;
  into[row_lanes] += y;
};

/// What `value(x, y, columns)` gives of each row of two inputs, in parts of the rows that go to threads.
template <class Value>
std::vector<double> row_values(const Value& value, const kernels::pairs::Pairs& pairs) {
  std::vector<double> values(static_cast<std::size_t>(pairs.rows));
  const int64_t columns = pairs.columns;
  kernels::parallel(pairs.rows, columns, [&](int64_t begin, int64_t end) {
    kernels::with_element(pairs.preds, pairs.element, [&]<class E>(const E*) {
      const auto* x = static_cast<const E*>(pairs.preds);
      const auto* y = static_cast<const E*>(pairs.target);
      if constexpr (std::is_floating_point_v<E>) {
        kernels::fastest([&]() METRICS_INLINED {
          for (int64_t row = begin; row < end; ++row) {
            values[static_cast<std::size_t>(row)] = value(x + row * columns, y + row * columns, columns);
          }
        });
      } else {
        kernels::pairs::Scratch<float, 2 * kernels::pairs::most_halves_in_place> wide(2 * columns);
        for (int64_t row = begin; row < end; ++row) {
          kernels::pairs::widen(x + row * columns, columns, wide.data());
          kernels::pairs::widen(y + row * columns, columns, wide.data() + columns);
          const float* first = wide.data();
          kernels::fastest([&]() METRICS_INLINED {
            values[static_cast<std::size_t>(row)] = value(first, first + columns, columns);
          });
        }
      }
    });
  });
  return values;
}

/// The sum of numbers, in their order.
inline DoubleDouble sum_in_double_double(const std::vector<double>& numbers) {
  DoubleDouble sum;
  for (const double number : numbers) sum = sum + number;
  return sum;
}

}  // namespace metrics::regression
