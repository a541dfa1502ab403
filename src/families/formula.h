#pragma once

#include "kernels/lanes.h"
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
#include <type_traits>

/// What formulas are made of that are written once: for a pair of numbers in a kernel, and for tensors where there is
/// no kernel, with gradients and on devices.
namespace metrics::families::formula {

using kernels::Doubles;

template <class N>
METRICS_INLINE N magnitude(const N& x) {
  return kernels::magnitude(x);
}
inline at::Tensor magnitude(const at::Tensor& x) {
  return at::abs(x);
}

template <class N>
METRICS_INLINE N square(const N& x) {
  return x * x;
}
inline at::Tensor square(const at::Tensor& x) {
  return x.square();
}

/// The larger of both; NaN for NaN.
METRICS_INLINE double at_least(double x, double least) {
  return x < least ? least : x;
}
template <int64_t count>
METRICS_INLINE Doubles<count> at_least(const Doubles<count>& x, double least) {
  return kernels::chosen(x < least, least, x);
}
inline at::Tensor at_least(const at::Tensor& x, double least) {
  return at::clamp_min(x, least);
}

/// x^p for x >= 0.
template <class N>
METRICS_INLINE N power(const N& x, double p) {
  return kernels::power(x, p);
}
inline at::Tensor power(const at::Tensor& x, double p) {
  return at::pow(x, p);
}

template <class N>
METRICS_INLINE N exponential(const N& x) {
  return kernels::exponential(x);
}
inline at::Tensor exponential(const at::Tensor& x) {
  return at::exp(x);
}

template <class N>
METRICS_INLINE N logarithm(const N& x) {
  return kernels::logarithm(x);
}
inline at::Tensor logarithm(const at::Tensor& x) {
  return at::log(x);
}

/// log(1 + x) for an x of 0 to 1.
template <class N>
METRICS_INLINE N logarithm_of_one_plus_fraction(const N& x) {
  return kernels::logarithm_of_one_plus_fraction(x);
}
inline at::Tensor logarithm_of_one_plus_fraction(const at::Tensor& x) {
  return at::log1p(x);
}

/// `yes` or `no`, of which both are computed.
METRICS_INLINE double either(bool condition, double yes, double no) {
  return kernels::chosen(condition, yes, no);
}
template <int64_t count>
METRICS_INLINE Doubles<count> either(const kernels::Which<count>& condition,
                                     const std::type_identity_t<Doubles<count>>& yes,
                                     const std::type_identity_t<Doubles<count>>& no) {
  return kernels::chosen(condition, yes, no);
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

/// The square of log(1 + x) - log(1 + y). Of numbers by one logarithm, that of 1 + (a - b) / (1 + b), with a the larger
/// one: two take twice as long, and lose their difference to rounding.
template <class N>
METRICS_INLINE N squared_log_ratio_of_one_plus(const N& x, const N& y) {
  const auto ascending = x < y;
  const N smaller = either(ascending, x, y), larger = either(ascending, y, x);
  const N divisor = 1.0 + smaller;
  const N ratio = kernels::logarithm_of_one_plus_positive(N((larger - smaller) / divisor));
  return square(N(either(divisor >= 0.0, ratio, kernels::detail::not_a_number)));
}
inline at::Tensor squared_log_ratio_of_one_plus(const at::Tensor& x, const at::Tensor& y) {
  return (at::log1p(x) - at::log1p(y)).square();
}

template <class N>
METRICS_INLINE N root(const N& x) {
  return kernels::root(x);
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
