#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <cmath>

// First and second moments of pairs (x, y), and how two sets of them become one.

namespace metrics::paired {

/// Of numbers (one column) or of tensors (all columns), under torchmetrics' names: `var` and `corr` are sums of centred
/// squares and products, not divided by anything.
template <class T>
struct PairMoments {
  T mean_x, mean_y;
  T max_abs_dev_x, max_abs_dev_y;
  T var_x, var_y, corr_xy;
  T n_total;
};

namespace detail {

// part / whole, and 0 of nothing.
inline double share(double part, double whole) {
  return whole > 0 ? part / whole : 0;
}
inline at::Tensor share(const at::Tensor& part, const at::Tensor& whole) {
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

// How far the farther of two means is from the mean of both, in units of their distance; 0 if one side is empty.
inline double farther(double share) {
  return share > 0 && share < 1 ? std::max(share, 1 - share) : 0;
}
inline at::Tensor farther(const at::Tensor& share) {
  return at::where((share > 0).logical_and(share < 1), at::maximum(share, 1 - share), 0.0);
}

}  // namespace detail

/// Returns the moments of the pairs of both sides (Chan, Golub, LeVeque, 1979, equation 2.1). Moments without pairs,
/// all of them 0, change nothing on either side. `max_abs_dev` is no function of the pairs alone, there as here: it is
/// kept because torchmetrics scales by it, and no value depends on it.
template <class T>
PairMoments<T> merged(const PairMoments<T>& a, const PairMoments<T>& b) {
  const T total = a.n_total + b.n_total;
  const T share = detail::share(b.n_total, total);
  const T delta_x = b.mean_x - a.mean_x;
  const T delta_y = b.mean_y - a.mean_y;
  const T weight = a.n_total * share;
  const T farther = detail::farther(share);
  return {
      .mean_x = a.mean_x + delta_x * share,
      .mean_y = a.mean_y + delta_y * share,
      .max_abs_dev_x =
          detail::larger(detail::larger(a.max_abs_dev_x, b.max_abs_dev_x), detail::magnitude(delta_x) * farther),
      .max_abs_dev_y =
          detail::larger(detail::larger(a.max_abs_dev_y, b.max_abs_dev_y), detail::magnitude(delta_y) * farther),
      .var_x = a.var_x + b.var_x + delta_x * delta_x * weight,
      .var_y = a.var_y + b.var_y + delta_y * delta_y * weight,
      .corr_xy = a.corr_xy + b.corr_xy + delta_x * delta_y * weight,
      .n_total = total,
  };
}

}  // namespace metrics::paired
