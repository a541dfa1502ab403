#pragma once

#include <metrics/regression/mean_over_pairs.h>

#include <string_view>

namespace metrics {

namespace terms {

struct AbsolutePercentageError {
  using Options = NoOptions;
  static constexpr PairSums states{.sum = "sum_abs_per_error", .total_dtype = at::kFloat};
  struct Formula;
  static Formula formula(const Options& options);
};

}  // namespace terms

namespace definitions {

struct MeanAbsolutePercentageError : MeanOverPairs<terms::AbsolutePercentageError> {
  static constexpr std::string_view name = "MeanAbsolutePercentageError";
  static constexpr std::string_view functional = "mean_absolute_percentage_error";
};

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::MeanAbsolutePercentageError>;

/// Computes the mean of the absolute errors as shares of the targets, Σ |predsᵢ - targetᵢ| / max(|targetᵢ|, 1.17e-6) /
/// n. `preds` and `target`: one shape, any; real dtypes, also two different ones. NaN before the first element.
/// Differentiable. Throws InvalidArgument for shapes that differ and for complex inputs. Source: torchmetrics'
/// MeanAbsolutePercentageError.
using MeanAbsolutePercentageError = MetricOf<definitions::MeanAbsolutePercentageError>;

namespace functional {

/// The same of one batch: float64 if an input is, else float32. Source: torchmetrics' mean_absolute_percentage_error.
METRICS_API Tensor mean_absolute_percentage_error(const Tensor& preds, const Tensor& target);

}  // namespace functional
}  // namespace metrics
