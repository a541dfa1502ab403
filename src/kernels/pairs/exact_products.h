#pragma once

#include <metrics/core/double_double.h>

#include <cmath>

// Products and quotients in double-double, beside the sums of double_double.h.

namespace metrics::kernels::pairs {

/// Returns a * b without error (but for underflow); an overflow or a NaN stays as it is in `high`.
inline DoubleDouble exact_product(double a, double b) {
  const double product = a * b;
  return {product, std::isfinite(product) ? std::fma(a, b, -product) : 0};
}

/// Returns a * b with a relative error of about 2^-102.
inline DoubleDouble product(const DoubleDouble& a, const DoubleDouble& b) {
  const DoubleDouble high = exact_product(a.high, b.high);
  return std::isfinite(high.high) ? two_sum(high.high, high.low + (a.high * b.low + a.low * b.high)) : high;
}

/// Returns a / b with a relative error of about 2^-102.
inline DoubleDouble quotient(const DoubleDouble& a, double b) {
  const double first = a.high / b;
  if (!std::isfinite(first)) return {first, 0};
  const DoubleDouble taken = exact_product(first, b);
  const DoubleDouble rest = a + DoubleDouble{-taken.high, -taken.low};
  return two_sum(first, rest.value() / b);
}

/// The same for a divisor whose `high` is not 0.
inline DoubleDouble quotient(const DoubleDouble& a, const DoubleDouble& b) {
  const DoubleDouble first = quotient(a, b.high);
  return b.low == 0 ? first : first + DoubleDouble{-first.high * (b.low / b.high), 0};
}

/// Returns a - b with a relative error of about 2^-104.
inline DoubleDouble difference(const DoubleDouble& a, const DoubleDouble& b) {
  return a + DoubleDouble{-b.high, -b.low};
}

}  // namespace metrics::kernels::pairs
