#include "families/pairs.h"
#include <metrics/core/define.h>
#include <metrics/regression/mae.h>

#include <ATen/ops/zeros.h>

namespace metrics {

namespace definitions {

void MeanAbsoluteError::check(const Options& options) {
  pairs::check_num_outputs(name, options.num_outputs);
}

void MeanAbsoluteError::declare(States& states, const Options& options) {
  states.add("sum_abs_error", Reduction::Sum, at::zeros({options.num_outputs}, at::kFloat));
  states.add("total", Reduction::Sum, at::zeros({}, at::kLong));
}

void MeanAbsoluteError::update(States& states, const Options& options, const Tensor& preds, const Tensor& target) {
  const int64_t columns = options.num_outputs;
  pairs::check_pairs(name, preds, target);
  if (columns > 1) pairs::check_outputs(name, preds, columns);
  if (pairs::has_kernel(preds) && !pairs::carries_gradients(preds, target)) {
    const pairs::KernelPairs pairs(preds, target, columns);
    pairs::add_sums(states["sum_abs_error"], kernels::pairs::absolute_errors(pairs.get()), {columns});
  } else {
    const auto [x, y] = pairs::wide_pairs(preds, target, columns);
    states["sum_abs_error"].add(x.sub(y).abs().sum(0));
  }
  pairs::add_count(states["total"], preds.numel() / columns);
}

Tensor MeanAbsoluteError::finalise(const States& states, const Options&) {
  return pairs::of_outputs(states["sum_abs_error"].tensor().div(states["total"].tensor()));
}

}  // namespace definitions

METRICS_DEFINE(definitions::MeanAbsoluteError);

namespace functional {

Tensor mean_absolute_error(const Tensor& preds, const Tensor& target, const MeanAbsoluteErrorOptions& options) {
  return pairs::value_of<definitions::MeanAbsoluteError>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
