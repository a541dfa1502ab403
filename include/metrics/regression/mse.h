#pragma once

#include <metrics/regression/mean_over_pairs.h>

#include <cstdint>

namespace metrics {

struct MeanSquaredErrorOptions {
  /// Whether to give the mean squared error; its root if not.
  bool squared = true;
  /// Columns of the inputs that have an error each; with 1 all elements have one together.
  int64_t num_outputs = 1;

  static constexpr auto fields() {
    return metrics::fields<&MeanSquaredErrorOptions::squared, &MeanSquaredErrorOptions::num_outputs>();
  }
};

namespace terms {

struct SquaredError {
  using Options = MeanSquaredErrorOptions;
  static constexpr PairSums states{.sum = "sum_squared_error"};
  struct Formula;
};

}  // namespace terms

/// Computes the mean of the squared errors, Σ (predsᵢ - targetᵢ)² / n, or with `squared` off its root. `preds` and
/// `target`: one shape, any for one output, [N, num_outputs] for more, which gives [num_outputs]; real dtypes, also two
/// different ones. NaN before the first element. Differentiable. Throws InvalidArgument for `num_outputs` below 1, for
/// shapes that differ or do not fit `num_outputs`, and for complex inputs. The functional's value is float64 if an
/// input is, else float32. Source: torchmetrics' MeanSquaredError.
METRICS_METRIC(MeanSquaredError, mean_squared_error, MeanOverPairs<terms::SquaredError>);

}  // namespace metrics
