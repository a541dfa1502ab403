#pragma once

#include "kernels/math.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/clamp_min.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/log.h>
#include <ATen/ops/log1p.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/where.h>

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

METRICS_INLINE double exponential(double x) {
  return kernels::exponential(x);
}
inline at::Tensor exponential(const at::Tensor& x) {
  return at::exp(x);
}

METRICS_INLINE double logarithm(double x) {
  return kernels::logarithm(x);
}
inline at::Tensor logarithm(const at::Tensor& x) {
  return at::log(x);
}

/// `yes` or `no`, of which both are computed.
METRICS_INLINE double either(bool condition, double yes, double no) {
  return kernels::detail::chosen(condition, yes, no);
}
inline at::Tensor either(const at::Tensor& condition, const at::Tensor& yes, const at::Tensor& no) {
  return at::where(condition, yes, no);
}
inline at::Tensor either(const at::Tensor& condition, double yes, const at::Tensor& no) {
  return at::where(condition, yes, no);
}
inline at::Tensor either(const at::Tensor& condition, const at::Tensor& yes, double no) {
  return at::where(condition, yes, no);
}

/// log(1 + x) - log(1 + y). Of numbers by one logarithm, that of (1 + x) / (1 + y) = 1 + (x - y) / (1 + y): two take
/// twice as long, and lose their difference to rounding.
METRICS_INLINE double log_ratio_of_one_plus(double x, double y) {
  constexpr double infinity = kernels::detail::infinity, none = kernels::detail::not_a_number;
  const double divisor = 1.0 + y;
  const double rest = (x - y) / divisor;
  const bool small = rest < -0.5;
  const double sum = either(small, (1.0 + x) / divisor, 1.0 + rest);
  const double plain = kernels::logarithm(sum);
  const double corrected = plain + (rest - (sum - 1.0)) / sum;
  const double of_numbers = either(!small & (sum < infinity), corrected, plain);
  const double of_infinity = either((x >= -1.0) & (x < infinity), -infinity, none);
  return either(divisor >= 0, either(y < infinity, of_numbers, of_infinity), none);
}
inline at::Tensor log_ratio_of_one_plus(const at::Tensor& x, const at::Tensor& y) {
  return at::log1p(x) - at::log1p(y);
}

METRICS_INLINE double root(double x) {
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
