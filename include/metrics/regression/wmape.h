#pragma once

#include <metrics/regression/mean_over_pairs.h>

namespace metrics {

namespace terms {

struct ErrorBesideSize {
  using Options = NoOptions;
  static constexpr PairSums states{.sum = "sum_abs_error", .total = "sum_scale", .total_dtype = at::kFloat};
  struct Formula;
};

}  // namespace terms

/// Computes the sum of the absolute errors as a fraction of that of the targets, Σ |predsᵢ - targetᵢ| /
/// max(Σ |targetᵢ|, 1.17e-6). `preds` and `target`: one shape, any; real dtypes, also two different ones. 0 before the
/// first element. Differentiable. Throws InvalidArgument for shapes that differ and for complex inputs. Source:
/// torchmetrics' WeightedMeanAbsolutePercentageError.
METRICS_METRIC(WeightedMeanAbsolutePercentageError, weighted_mean_absolute_percentage_error,
               MeanOverPairs<terms::ErrorBesideSize>);

}  // namespace metrics
