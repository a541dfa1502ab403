#pragma once

#include <metrics/export.h>

#include <ATen/core/Tensor.h>

#include <concepts>
#include <utility>

namespace metrics {

using at::Tensor;

/// An input that may be a tensor or a plain number.
class METRICS_API Values {
 public:
  Values(Tensor tensor) : tensor_(std::move(tensor)) {}
  template <std::floating_point T>
  Values(T number) : Values(from_double(static_cast<double>(number))) {}
  template <std::integral T>
  Values(T number) : Values(from_integer(static_cast<int64_t>(number))) {}

  /// The tensor; of a number, a scalar of float64 or int64 on the CPU.
  const Tensor& tensor() const { return tensor_; }
  /// Whether it was given as a plain number, which belongs to any device.
  bool is_number() const { return is_number_; }

 private:
  static Values from_double(double number);
  static Values from_integer(int64_t number);

  Tensor tensor_;
  bool is_number_ = false;
};

}  // namespace metrics
