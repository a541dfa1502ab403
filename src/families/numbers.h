#pragma once

#include "kernels/plain_tensor.h"
#include <metrics/core/state.h>
#include <metrics/export.h>

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

/// A tensor without dimensions on the CPU. It lies in memory that the thread keeps for the next one, unless somebody
/// holds it still then: mostly a result is made of it, which has memory of its own.
METRICS_API Tensor tensor_of(double number);

/// `yes` where the condition holds, else `no`.
inline double chosen(bool condition, double yes, double no) {
  return condition ? yes : no;
}
inline Tensor chosen(const Tensor& condition, double yes, const Tensor& no) {
  return at::where(condition, yes, no);
}
inline Tensor chosen(const Tensor& condition, const Tensor& yes, double no) {
  return at::where(condition, yes, no);
}
inline Tensor chosen(const Tensor& condition, const Tensor& yes, const Tensor& no) {
  return at::where(condition, yes, no);
}

/// The number of an int64 tensor of one element.
inline int64_t count_in(const Tensor& tensor) {
  const bool is_here = kernels::is_plain(tensor) && tensor.scalar_type() == at::kLong;
  return is_here ? *tensor.const_data_ptr<int64_t>() : tensor.item<int64_t>();
}

/// The numbers of a tensor of int64, or float64 where rows have weights, where they lie; null for another dtype, and
/// where they do not lie on the CPU, one after the other.
template <Number N>
const N* numbers_in(const Tensor& tensor) {
  const bool are_here = kernels::is_plain(tensor) && tensor.scalar_type() == c10::CppTypeToScalarType<N>::value;
  return are_here && !tensor.requires_grad() ? tensor.const_data_ptr<N>() : nullptr;
}
inline const int64_t* counts_in(const Tensor& tensor) {
  return numbers_in<int64_t>(tensor);
}

/// A sum of counts: of integers as torch adds them, modulo 2^64.
inline int64_t sum_of_counts(int64_t a, int64_t b) {
  return wrapping_sum(a, b);
}
inline double sum_of_counts(double a, double b) {
  return a + b;
}

/// The float64 or int64 numbers of a tensor where they lie.
class Doubles {
 public:
  explicit Doubles(const Tensor& tensor) {
    if (!kernels::is_plain(tensor) || tensor.requires_grad()) return;
    if (tensor.scalar_type() == at::kDouble) floats_ = tensor.const_data_ptr<double>();
    if (tensor.scalar_type() == at::kLong) counts_ = tensor.const_data_ptr<int64_t>();
    size_ = tensor.numel();
  }

  /// Whether they lie on the CPU, one after the other, without gradients.
  bool are_here() const { return floats_ != nullptr || counts_ != nullptr; }
  int64_t size() const { return size_; }
  /// One of them; a single number is that of all indices.
  double operator[](int64_t index) const {
    const int64_t position = size_ == 1 ? 0 : index;
    return floats_ != nullptr ? floats_[position] : as_double(counts_[position]);
  }

 private:
  const double* floats_ = nullptr;
  const int64_t* counts_ = nullptr;
  int64_t size_ = 0;
};

/// What a formula gives of the numbers of tensors of one shape, the first one's, or of one number each: `formula(a, b)`
/// of numbers for each place, or once of the tensors. Of single numbers a tensor without dimensions.
template <class Formula, class... More>
Tensor value_of(const Formula& formula, const Tensor& first, const More&... more) {
  const Doubles numbers(first);
  const auto of_numbers = [&](const auto&... others) -> Tensor {
    const bool fit =
        numbers.are_here() && (... && (others.are_here() && (others.size() == 1 || others.size() == numbers.size())));
    if (!fit) return formula(first, more...);
    if (numbers.size() == 1) return tensor_of(formula(numbers[0], others[0]...));
    Tensor values = empty_doubles(first.sizes());
    double* const value = values.mutable_data_ptr<double>();
    for (int64_t i = 0; i < numbers.size(); ++i) value[i] = formula(numbers[i], others[i]...);
    return values;
  };
  return of_numbers(Doubles(more)...);
}

}  // namespace metrics::families
