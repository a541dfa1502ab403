#pragma once

#include <metrics/core/functional.h>
#include <metrics/core/metric_of.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace metrics {

namespace regression {

/// What of the targets a root mean squared error is a fraction of.
enum class Normalization {
  Mean,   ///< Their mean.
  Range,  ///< The greatest less the least.
  Std,    ///< Their standard deviation, that of all of them.
  L2,     ///< The root of the sum of their squares.
};

}  // namespace regression

template <>
inline constexpr std::array<std::string_view, 4> enum_names<regression::Normalization>{"mean", "range", "std", "l2"};

struct NormalizedRootMeanSquaredErrorOptions {
  /// What of the targets the error is divided by.
  regression::Normalization normalization = regression::Normalization::Mean;
  /// Columns of the inputs that have an error each; with 1 all elements have one together.
  int64_t num_outputs = 1;

  static constexpr auto fields() {
    return metrics::fields<&NormalizedRootMeanSquaredErrorOptions::normalization,
                           &NormalizedRootMeanSquaredErrorOptions::num_outputs>();
  }
};

namespace definitions {

struct NormalizedRootMeanSquaredError {
  static constexpr std::string_view name = "NormalizedRootMeanSquaredError";
  static constexpr std::string_view functional = "normalized_root_mean_squared_error";
  using Options = NormalizedRootMeanSquaredErrorOptions;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static constexpr MetricTraits traits{
      .higher_is_better = false, .is_differentiable = true, .commits_last = true, .merges_rowwise = true};
  static constexpr bool functional_dtype_of_inputs = true;
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                     const Weights& weights);
  static void merge(States& into, const States& from, const Options& options);
  static Tensor finalise(const States& states, const Options& options);
  static std::string update_key(const Options& options);
  static void complete_from_torchmetrics(States& states, const Options& options);
};

}  // namespace definitions

/// Computes the root mean squared error as a fraction of something of the targets, √(Σ (predsᵢ - targetᵢ)² / n) divided
/// by their mean, their range, their standard deviation, or the root of the sum of their squares. `preds` and `target`:
/// one shape, any for one output, [N, num_outputs] for more, which gives [num_outputs]; real dtypes, also two different
/// ones. NaN before the first element. Differentiable. Throws InvalidArgument for `num_outputs` below 1, for shapes
/// that differ or do not fit `num_outputs`, and for complex inputs. Source: torchmetrics'
/// NormalizedRootMeanSquaredError.
METRICS_CLASS(NormalizedRootMeanSquaredError);

namespace functional {

/// The same of one batch: float64 if an input is, else float32. Source: torchmetrics'
/// normalized_root_mean_squared_error.
inline constexpr Functional<definitions::NormalizedRootMeanSquaredError> normalized_root_mean_squared_error{};

}  // namespace functional
}  // namespace metrics
