#pragma once

#include <metrics/regression/mean_over_pairs.h>

namespace metrics {

namespace terms {

struct SymmetricPercentageError {
  using Options = NoOptions;
  static constexpr PairSums states{.sum = "sum_abs_per_error", .total_dtype = at::kFloat};
  struct Formula;
};

}  // namespace terms

/// Computes the mean of the absolute errors as fractions of the mean size of both, Σ 2 |predsᵢ - targetᵢ| /
/// max(|predsᵢ| + |targetᵢ|, 1.17e-6) / n, from 0 to 2. `preds` and `target`: one shape, any; real dtypes, also two
/// different ones. NaN before the first element. Differentiable. Throws InvalidArgument for shapes that differ and for
/// complex inputs. Source: torchmetrics' SymmetricMeanAbsolutePercentageError.
METRICS_METRIC(SymmetricMeanAbsolutePercentageError, symmetric_mean_absolute_percentage_error,
               MeanOverPairs<terms::SymmetricPercentageError>);

}  // namespace metrics
