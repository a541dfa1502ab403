#pragma once

#include "kernels/math.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/clamp_min.h>
#include <ATen/ops/pow.h>

#include <cmath>

/// What formulas are made of that are written once: for a pair of numbers in a kernel, and for tensors where there is
/// no kernel, with gradients and on devices.
namespace metrics::families::formula {

METRICS_INLINE double magnitude(double x) {
  return std::abs(x);
}
inline at::Tensor magnitude(const at::Tensor& x) {
  return at::abs(x);
}

METRICS_INLINE double square(double x) {
  return x * x;
}
inline at::Tensor square(const at::Tensor& x) {
  return x.square();
}

/// The larger of both; NaN for NaN.
METRICS_INLINE double at_least(double x, double least) {
  return x < least ? least : x;
}
inline at::Tensor at_least(const at::Tensor& x, double least) {
  return at::clamp_min(x, least);
}

/// x^p for x >= 0.
METRICS_INLINE double power(double x, double p) {
  return kernels::power(x, p);
}
inline at::Tensor power(const at::Tensor& x, double p) {
  return at::pow(x, p);
}

inline double root(double x) {
  return std::sqrt(x);
}
inline at::Tensor root(const at::Tensor& x) {
  return x.sqrt();
}

/// Of a value's float64 numbers, by what is the same on every machine; with gradients and on devices, by torch's.
inline double value_power(double x, double p) {
  return kernels::power(x, p);
}
at::Tensor value_power(const at::Tensor& x, double p);
inline double value_logarithm(double x) {
  return kernels::logarithm(x);
}
at::Tensor value_logarithm(const at::Tensor& x);

}  // namespace metrics::families::formula
