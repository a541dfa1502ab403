#pragma once

#include <metrics/regression/mean_over_pairs.h>

namespace metrics {

namespace terms {

struct SquaredLogError {
  using Options = NoOptions;
  static constexpr PairSums states{.sum = "sum_squared_log_error"};
  struct Formula;
};

}  // namespace terms

/// Computes the mean of the squared errors of logarithms, Σ (log(1 + predsᵢ) - log(1 + targetᵢ))² / n. `preds` and
/// `target`: one shape, any; real dtypes, also two different ones. NaN before the first element and for numbers below
/// -1. Differentiable. Throws InvalidArgument for shapes that differ and for complex inputs. Source: torchmetrics'
/// MeanSquaredLogError.
METRICS_METRIC(MeanSquaredLogError, mean_squared_log_error, MeanOverPairs<terms::SquaredLogError>);

}  // namespace metrics
