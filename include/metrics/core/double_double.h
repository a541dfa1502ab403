#pragma once

#include <cmath>
#include <cstdint>

namespace metrics {

/// An unevaluated sum `high + low` of two doubles, |low| at most half a unit in the last place of `high`: 106 bits.
struct DoubleDouble {
  double high = 0;
  double low = 0;

  double value() const { return high + low; }
};

/// Returns a + b without error (Knuth, TAOCP 2, 4.2.2, theorem B); an overflow or a NaN stays as it is in `high`.
inline DoubleDouble two_sum(double a, double b) {
  const double sum = a + b;
  if (!std::isfinite(sum)) return {sum, 0};
  const double b_part = sum - a;
  return {sum, (a - (sum - b_part)) + (b - b_part)};
}

/// Returns a + b with a relative error of about 2^-104 (Dekker's addition, both low words kept).
inline DoubleDouble operator+(const DoubleDouble& a, const DoubleDouble& b) {
  const DoubleDouble high = two_sum(a.high, b.high);
  if (!std::isfinite(high.high)) return high;
  const DoubleDouble low = two_sum(a.low, b.low);
  const DoubleDouble sum = two_sum(high.high, high.low + low.high);
  return two_sum(sum.high, sum.low + low.low);
}

inline DoubleDouble operator+(const DoubleDouble& a, double b) {
  return a + DoubleDouble{b, 0};
}

/// An integer without error: beyond 2^53 it takes both.
inline DoubleDouble double_double_of(int64_t number) {
  const auto upper = static_cast<double>(number >> 32) * 4294967296.0;
  return two_sum(upper, static_cast<double>(number & 0xffffffff));
}

}  // namespace metrics
