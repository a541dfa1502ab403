#pragma once

#include <metrics/regression/mean_over_pairs.h>

namespace metrics {

namespace terms {

struct AbsolutePercentageError {
  using Options = NoOptions;
  static constexpr PairSums states{.sum = "sum_abs_per_error", .total_dtype = at::kFloat};
  struct Formula;
};

}  // namespace terms

/// Computes the mean of the absolute errors as fractions of the targets, Σ |predsᵢ - targetᵢ| / max(|targetᵢ|, 1.17e-6)
/// / n. `preds` and `target`: one shape, any; real dtypes, also two different ones. NaN before the first element.
/// Differentiable. Throws InvalidArgument for shapes that differ and for complex inputs. Source: torchmetrics'
/// MeanAbsolutePercentageError.
METRICS_METRIC(MeanAbsolutePercentageError, mean_absolute_percentage_error,
               MeanOverPairs<terms::AbsolutePercentageError>);

}  // namespace metrics
