#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>

// Comparisons of numbers with one of C++. ATen compares integers with a floating one in float32, which holds those up
// to 2^24; integers are compared with an integer here.

namespace metrics::families {

/// What `compare` gives of int64 numbers and a whole number, which may be none of int64.
template <class Compare>
at::Tensor compared_with_whole(const at::Tensor& integers, double whole, const Compare& compare) {
  constexpr double beyond = 0x1p63;
  if (!(whole < beyond)) return at::zeros_like(integers, at::kBool);
  if (whole < -beyond) return at::ones_like(integers, at::kBool);
  return compare(integers.to(at::kLong), static_cast<int64_t>(whole));
}

/// Whether each number is greater than `bound`; none is than NaN.
inline at::Tensor is_above(const at::Tensor& numbers, double bound) {
  if (numbers.is_floating_point()) return numbers.gt(bound);
  return compared_with_whole(numbers, std::floor(bound),
                             [](const at::Tensor& x, int64_t least) { return x.gt(least); });
}

/// Whether each number is at least `bound`; none is NaN.
inline at::Tensor is_at_least(const at::Tensor& numbers, double bound) {
  if (numbers.is_floating_point()) return numbers.ge(bound);
  return compared_with_whole(numbers, std::ceil(bound), [](const at::Tensor& x, int64_t least) { return x.ge(least); });
}

}  // namespace metrics::families
