#include "families/pairs.h"
#include <metrics/core/define.h>
#include <metrics/regression/mse.h>

#include <ATen/ops/zeros.h>

namespace metrics {

namespace definitions {

void MeanSquaredError::check(const Options& options) {
  pairs::check_num_outputs(name, options.num_outputs);
}

void MeanSquaredError::declare(States& states, const Options& options) {
  states.add("sum_squared_error", Reduction::Sum, at::zeros({options.num_outputs}, at::kFloat));
  states.add("total", Reduction::Sum, at::zeros({}, at::kLong));
}

void MeanSquaredError::update(States& states, const Options& options, const Tensor& preds, const Tensor& target) {
  const int64_t columns = options.num_outputs;
  pairs::check_pairs(name, preds, target);
  if (columns > 1) pairs::check_outputs(name, preds, columns);
  if (pairs::has_kernel(preds) && !pairs::carries_gradients(preds, target)) {
    const pairs::KernelPairs pairs(preds, target, columns);
    pairs::add_sums(states["sum_squared_error"], kernels::pairs::squared_errors(pairs.get()), {columns});
  } else {
    const auto [x, y] = pairs::wide_pairs(preds, target, columns);
    states["sum_squared_error"].add(x.sub(y).square().sum(0));
  }
  pairs::add_count(states["total"], preds.numel() / columns);
}

Tensor MeanSquaredError::finalise(const States& states, const Options& options) {
  const Tensor mean = states["sum_squared_error"].tensor().div(states["total"].tensor());
  return pairs::of_outputs(options.squared ? mean : mean.sqrt());
}

}  // namespace definitions

METRICS_DEFINE(definitions::MeanSquaredError);

namespace functional {

Tensor mean_squared_error(const Tensor& preds, const Tensor& target, const MeanSquaredErrorOptions& options) {
  return pairs::value_of<definitions::MeanSquaredError>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
