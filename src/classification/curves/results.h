#pragma once

#include "curves.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <vector>

// From points to the tensors of results.

namespace metrics::classification::curves {

inline Tensor tensor_of_points(const std::vector<double>& numbers) {
  Tensor result = at::empty({static_cast<int64_t>(numbers.size())}, at::kDouble);
  std::copy(numbers.begin(), numbers.end(), result.mutable_data_ptr<double>());
  return result;
}

/// One member of all curves: a tensor each, stacked where thresholds are given.
template <class Points>
Curves stacked_points(const std::vector<Points>& curves, std::vector<double> Points::*member, const CurvePlan& plan) {
  std::vector<Tensor> tensors;
  for (const Points& curve : curves) tensors.push_back(tensor_of_points(curve.*member));
  if (plan.bins()) return at::stack(tensors);
  return tensors;
}

/// The thresholds of all curves: where they are given, the same for all.
template <class Points>
Curves stacked_thresholds(const std::vector<Points>& curves, const CurvePlan& plan) {
  if (plan.bins()) return tensor_of_points(curves.front().thresholds);
  return stacked_points(curves, &Points::thresholds, plan);
}

}  // namespace metrics::classification::curves
