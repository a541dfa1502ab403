#pragma once

#include "kernels/plain_tensor.h"
#include <metrics/core/state.h>

#include <ATen/EmptyTensor.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/where.h>

#include <concepts>
#include <cstdint>

// The last step of a metric, from sums and counts to its value. A formula is written once, generic over what it
// computes with: numbers where the states are few and on the CPU, because a tensor operation costs more than all of
// their arithmetic, and tensors for all else (one value a sample, other devices, gradients). Both give the same bits.

namespace metrics::families {

template <class N>
concept Number = std::integral<N> || std::floating_point<N>;

/// A count or sum as float64.
template <Number N>
double as_double(N number) {
  return static_cast<double>(number);
}
inline Tensor as_double(const Tensor& numbers) {
  return numbers.to(at::kDouble);
}

/// Returns num / denom in float64, and `zero_division` where denom is 0.
template <Number N, Number D>
double ratio(N num, D denom, double zero_division = 0) {
  return denom != 0 ? as_double(num) / as_double(denom) : zero_division;
}
inline Tensor ratio(const Tensor& num, const Tensor& denom, double zero_division = 0) {
  return at::where(denom != 0, as_double(num) / denom, zero_division);
}

/// Adds float64 numbers along the last dimension one after the other, as a loop over numbers does: at::sum takes
/// another order, and so gives other bits.
Tensor sum_in_order(const Tensor& numbers);

/// Memory on the CPU for so many float64 numbers; without dimensions for one.
inline Tensor empty_doubles(at::IntArrayRef sizes) {
  return Tensor(at::detail::empty_cpu(sizes, at::kDouble));
}

/// A tensor without dimensions on the CPU.
inline Tensor tensor_of(double number) {
  Tensor tensor = empty_doubles({});
  *tensor.mutable_data_ptr<double>() = number;
  return tensor;
}

/// The number of an int64 tensor of one element.
inline int64_t count_in(const Tensor& tensor) {
  const bool is_here = kernels::is_plain(tensor) && tensor.scalar_type() == at::kLong;
  return is_here ? *tensor.const_data_ptr<int64_t>() : tensor.item<int64_t>();
}

/// The numbers of an int64 tensor where they lie; null where they do not lie on the CPU, one after the other.
inline const int64_t* counts_in(const Tensor& tensor) {
  return kernels::is_plain(tensor) && tensor.scalar_type() == at::kLong ? tensor.const_data_ptr<int64_t>() : nullptr;
}

}  // namespace metrics::families
