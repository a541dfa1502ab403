#pragma once

#include "curves.h"
#include "kernels/pairs/exact_products.h"
#include "kernels/uint128.h"
#include <metrics/core/double_double.h>

#include <cstdint>
#include <type_traits>

// Counts are int64, of rows that weigh double-double. What curves are made of is written once for both.

namespace metrics::classification::curves {

using metrics::kernels::uint128;

inline DoubleDouble minus(const DoubleDouble& a, const DoubleDouble& b) {
  return a + DoubleDouble{-b.high, -b.low};
}
inline int64_t minus(int64_t a, int64_t b) {
  return a - b;
}

inline double rounded(int64_t count) {
  return static_cast<double>(count);
}
inline double rounded(const DoubleDouble& count) {
  return count.value();
}

inline bool equal(int64_t a, int64_t b) {
  return a == b;
}
inline bool equal(const DoubleDouble& a, const DoubleDouble& b) {
  return a.high == b.high && a.low == b.low;
}

/// Twice an area under a curve of counts, as an integer.
inline uint128 twice_of_step(int64_t step, int64_t height, int64_t next_height) {
  return static_cast<uint128>(step) * (static_cast<uint128>(height) + static_cast<uint128>(next_height));
}
inline DoubleDouble twice_of_step(const DoubleDouble& step, const DoubleDouble& height, const DoubleDouble& next_height) {
  return metrics::kernels::pairs::product(step, height + next_height);
}

/// The area under a receiver operating characteristic whose axes are counts, of integers without rounding.
template <class Number>
struct CountedArea {
  using Twice = std::conditional_t<std::is_same_v<Number, int64_t>, uint128, DoubleDouble>;

  Number positives{};
  Number negatives{};
  Twice twice{};

  /// Adds the area between two points of the curve.
  void add(const Number& tp, const Number& fp, const Number& next_tp, const Number& next_fp) {
    twice = twice + twice_of_step(minus(next_fp, fp), tp, next_tp);
  }
  /// Adds samples with lower scores, of which this is the area.
  void add_lower(const CountedArea& lower) {
    twice = twice + lower.twice + 2 * static_cast<uint128>(positives) * static_cast<uint128>(lower.negatives);
    positives = positives + lower.positives;
    negatives = negatives + lower.negatives;
  }
  RocArea result() const {
    if constexpr (std::is_same_v<Number, int64_t>) {
      return {rounded(positives), rounded(negatives), static_cast<double>(twice) / 2};
    } else {
      return {rounded(positives), rounded(negatives), rounded(twice) / 2};
    }
  }
};

}  // namespace metrics::classification::curves
