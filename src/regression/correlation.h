#pragma once

#include "families/numbers.h"
#include <metrics/core/state.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/isfinite.h>

#include <algorithm>
#include <cmath>

// What a correlation is made of, of numbers and of tensors.

namespace metrics::regression {

inline bool varies(double var) {
  return var > 0 && std::isfinite(var);
}
inline Tensor varies(const Tensor& var) {
  return (var > 0).logical_and(at::isfinite(var));
}
inline bool both(bool a, bool b) {
  return a && b;
}
inline Tensor both(const Tensor& a, const Tensor& b) {
  return a.logical_and(b);
}
inline bool holds_for_all(bool condition) {
  return condition;
}
inline bool holds_for_all(const Tensor& condition) {
  return condition.all().item<bool>();
}
inline double within_one(double value) {
  return std::clamp(value, -1.0, 1.0);
}
inline Tensor within_one(const Tensor& value) {
  return value.clamp(-1, 1);
}

}  // namespace metrics::regression
