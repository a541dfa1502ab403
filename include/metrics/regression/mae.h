#pragma once

#include <metrics/regression/mean_over_pairs.h>

#include <cstdint>

namespace metrics {

struct MeanAbsoluteErrorOptions {
  /// Columns of the inputs that have an error each; with 1 all elements have one together.
  int64_t num_outputs = 1;

  static constexpr auto fields() { return metrics::fields<&MeanAbsoluteErrorOptions::num_outputs>(); }
};

namespace terms {

struct AbsoluteError {
  using Options = MeanAbsoluteErrorOptions;
  static constexpr PairSums states{.sum = "sum_abs_error"};
  struct Formula;
};

}  // namespace terms

/// Computes the mean of the absolute errors, Σ |predsᵢ - targetᵢ| / n. `preds` and `target`: one shape, any for one
/// output, [N, num_outputs] for more, which gives [num_outputs]; real dtypes, also two different ones. NaN before the
/// first element. Differentiable. Throws InvalidArgument for `num_outputs` below 1, for shapes that differ or do not
/// fit `num_outputs`, and for complex inputs. The functional's value is float64 if an input is, else float32.
/// Source: torchmetrics' MeanAbsoluteError.
METRICS_METRIC(MeanAbsoluteError, mean_absolute_error, MeanOverPairs<terms::AbsoluteError>);

}  // namespace metrics
