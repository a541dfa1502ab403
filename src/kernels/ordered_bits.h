#pragma once

#include "kernels/multiversioned.h"

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace metrics::kernels {

/// Returns an integer as wide as the number, greater for a greater number and equal for equal ones, such as 0 and -0.
/// NaN has the least, 0.
template <class T>
METRICS_INLINE auto ordered_bits(T x) {
  using Bits = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
  constexpr Bits sign = Bits{1} << (8 * sizeof(Bits) - 1);
  const auto bits = std::bit_cast<Bits>(x + T(0));  // -0 becomes 0
  const auto ordered = static_cast<Bits>(bits & sign ? ~bits : bits | sign);
  return x != x ? Bits{0} : ordered;
}

/// The number of such an integer.
template <class Bits>
METRICS_INLINE auto number_of(Bits ordered) {
  using T = std::conditional_t<sizeof(Bits) == 8, double, float>;
  constexpr Bits sign = Bits{1} << (8 * sizeof(Bits) - 1);
  if (ordered == 0) return std::numeric_limits<T>::quiet_NaN();
  return std::bit_cast<T>(static_cast<Bits>(ordered & sign ? ordered & ~sign : ~ordered));
}

}  // namespace metrics::kernels
