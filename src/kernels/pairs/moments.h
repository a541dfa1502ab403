#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/bitwise_and.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

// First and second moments of pairs (x, y), and how two sets of them become one.

namespace metrics::kernels::pairs {

/// Of numbers (one column) or of tensors (all columns), under torchmetrics' names: `var` and `corr` are sums of centred
/// squares and products, not divided by anything. Where the deviations are beyond 2^-300 to 2^300, whose squares would
/// leave float64, they are those of the deviations times `scale(max_abs_dev)`, a power of two for each side.
template <class T>
struct PairMoments {
  T mean_x, mean_y;
  T max_abs_dev_x, max_abs_dev_y;
  T var_x, var_y, corr_xy;
  T n_total;
};

namespace detail {

constexpr int64_t exponent_bits = int64_t{0x7ff} << 52;
constexpr int64_t exponent_of_one = int64_t{1023} << 52;
constexpr int64_t unscaled_exponents = int64_t{300} << 52;
// As far as both a scale and its inverse are normal numbers.
constexpr int64_t scaled_exponents = int64_t{1000} << 52;

}  // namespace detail

/// Returns the power of two by which deviations up to `max_abs_dev` are multiplied before they are squared: 1 for those
/// whose squares can be summed as they are, for 0, and for what is not finite.
inline double scale(double max_abs_dev) {
  using namespace detail;
  const int64_t exponent = std::bit_cast<int64_t>(max_abs_dev) & exponent_bits;
  const int64_t from_one = exponent - exponent_of_one;
  if (max_abs_dev == 0 || exponent == exponent_bits || std::abs(from_one) <= unscaled_exponents) return 1;
  return std::bit_cast<double>(exponent_of_one - std::clamp(from_one, -scaled_exponents, scaled_exponents));
}
inline at::Tensor scale(const at::Tensor& max_abs_dev) {
  using namespace detail;
  const at::Tensor given = max_abs_dev.detach().contiguous();
  const at::Tensor exponent = given.view(at::kLong).bitwise_and(exponent_bits);
  const at::Tensor from_one = exponent - exponent_of_one;
  const at::Tensor plain = (from_one.abs() <= unscaled_exponents).logical_or(exponent == exponent_bits);
  const at::Tensor power = exponent_of_one - from_one.clamp(-scaled_exponents, scaled_exponents);
  return at::where(plain.logical_or(given == 0), 1.0, power.view(at::kDouble));
}

namespace detail {

// part / whole, and 0 of nothing.
inline double fraction(double part, double whole) {
  return whole > 0 ? part / whole : 0;
}
inline at::Tensor fraction(const at::Tensor& part, const at::Tensor& whole) {
  return at::where(whole > 0, part / whole, 0.0);
}

inline double magnitude(double x) {
  return std::abs(x);
}
inline at::Tensor magnitude(const at::Tensor& x) {
  return at::abs(x);
}

inline double larger(double a, double b) {
  return std::max(a, b);
}
inline at::Tensor larger(const at::Tensor& a, const at::Tensor& b) {
  return at::maximum(a, b);
}

// The distance of the means of two sides, 0 where one of them is empty.
inline double distance(double a, double b, double farther) {
  return farther > 0 ? b - a : 0;
}
inline at::Tensor distance(const at::Tensor& a, const at::Tensor& b, const at::Tensor& farther) {
  return at::where(farther > 0, b - a, 0.0);
}

// How far the farther of two means is from the mean of both, in units of their distance; 0 if one side is empty.
inline double farther(double fraction) {
  return fraction > 0 && fraction < 1 ? std::max(fraction, 1 - fraction) : 0;
}
inline at::Tensor farther(const at::Tensor& fraction) {
  return at::where((fraction > 0).logical_and(fraction < 1), at::maximum(fraction, 1 - fraction), 0.0);
}

}  // namespace detail

/// The moments of deviations that are multiplied by these factors more.
template <class T>
PairMoments<T> rescaled(PairMoments<T> moments, const T& by_x, const T& by_y) {
  moments.var_x = moments.var_x * by_x * by_x;
  moments.var_y = moments.var_y * by_y * by_y;
  moments.corr_xy = moments.corr_xy * by_x * by_y;
  return moments;
}

/// Returns the moments of the pairs of both sides (Chan, Golub, LeVeque, 1979, equation 2.1). Moments without pairs,
/// all of them 0, change nothing on either side. `max_abs_dev` depends on how the pairs were
/// split, in torchmetrics, too; it is stored because torchmetrics scales by it, and no value depends on it beyond
/// rounding.
template <class T>
PairMoments<T> merged(const PairMoments<T>& a, const PairMoments<T>& b) {
  const T total = a.n_total + b.n_total;
  const T fraction = detail::fraction(b.n_total, total);
  const T weight = a.n_total * fraction;
  const T farther = detail::farther(fraction);
  const T delta_x = detail::distance(a.mean_x, b.mean_x, farther);
  const T delta_y = detail::distance(a.mean_y, b.mean_y, farther);
  const T max_abs_dev_x =
      detail::larger(detail::larger(a.max_abs_dev_x, b.max_abs_dev_x), detail::magnitude(delta_x) * farther);
  const T max_abs_dev_y =
      detail::larger(detail::larger(a.max_abs_dev_y, b.max_abs_dev_y), detail::magnitude(delta_y) * farther);
  const T scale_x = scale(max_abs_dev_x);
  const T scale_y = scale(max_abs_dev_y);
  const PairMoments<T> first = rescaled(a, scale_x / scale(a.max_abs_dev_x), scale_y / scale(a.max_abs_dev_y));
  const PairMoments<T> second = rescaled(b, scale_x / scale(b.max_abs_dev_x), scale_y / scale(b.max_abs_dev_y));
  const T apart_x = delta_x * scale_x;
  const T apart_y = delta_y * scale_y;
  return {
      .mean_x = a.mean_x + (b.mean_x - a.mean_x) * fraction,
      .mean_y = a.mean_y + (b.mean_y - a.mean_y) * fraction,
      .max_abs_dev_x = max_abs_dev_x,
      .max_abs_dev_y = max_abs_dev_y,
      .var_x = first.var_x + second.var_x + apart_x * apart_x * weight,
      .var_y = first.var_y + second.var_y + apart_y * apart_y * weight,
      .corr_xy = first.corr_xy + second.corr_xy + apart_x * apart_y * weight,
      .n_total = total,
  };
}

/// The mean of numbers, Σ (y - mean)², and how many there are.
template <class T>
struct MomentsOf {
  T mean, var, n;
};

/// Returns those of the numbers of both sides, in the same way.
template <class T>
MomentsOf<T> merged(const MomentsOf<T>& a, const MomentsOf<T>& b) {
  const T total = a.n + b.n;
  const T fraction = detail::fraction(b.n, total);
  const T apart = detail::distance(a.mean, b.mean, detail::farther(fraction));
  return {.mean = a.mean + (b.mean - a.mean) * fraction,
          .var = a.var + b.var + apart * apart * (a.n * fraction),
          .n = total};
}

}  // namespace metrics::kernels::pairs
