#pragma once

#include <ATen/Context.h>

#include <cmath>
#include <cstdint>

namespace metrics::kernels {

/// What |x|² + |y|² - 2 x·y is off by at most, as a fraction of |x|² + |y|², where rows of D numbers are multiplied and
/// all is added up in float32.
///
/// A float32 dot product of D numbers is off by at most D u / (1 - D u) |x| |y| in any order (Higham, Accuracy and
/// Stability of Numerical Algorithms, 3.1), with u = 2^-24; twice that is at most as much of |x|² + |y|². What rounding
/// of the numbers, of the norms and of the sums adds is below 16 u.
inline double relative_error_of_products(int64_t columns) {
  double error = static_cast<double>(columns + 16) * std::ldexp(1.05, -24);
  // The program lets products be rounded more coarsely, as far as bfloat16.
  const bool coarse = at::globalContext().float32MatmulPrecision() != at::Float32MatmulPrecision::HIGHEST;
  if (coarse) error += std::ldexp(1.0, -6);
  return error;
}

}  // namespace metrics::kernels
