#pragma once

#include <metrics/core/functional.h>
#include <metrics/core/metric_of.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace metrics {

struct RelativeSquaredErrorOptions {
  /// Columns of the inputs, whose errors are averaged.
  int64_t num_outputs = 1;
  /// Whether to give the relative squared error; its root if not.
  bool squared = true;

  static constexpr auto fields() {
    return metrics::fields<&RelativeSquaredErrorOptions::num_outputs, &RelativeSquaredErrorOptions::squared>();
  }
};

/// Those of the functional, which takes the outputs that come.
struct RelativeSquaredErrorFunctionalOptions {
  /// Whether to give the relative squared error; its root if not.
  bool squared = true;

  static constexpr auto fields() { return metrics::fields<&RelativeSquaredErrorFunctionalOptions::squared>(); }
};

namespace definitions {

struct RelativeSquaredError {
  static constexpr std::string_view name = "RelativeSquaredError";
  static constexpr std::string_view functional = "relative_squared_error";
  using Options = RelativeSquaredErrorOptions;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static constexpr MetricTraits traits{.higher_is_better = false, .is_differentiable = true, .commits_last = true};
  static constexpr bool functional_dtype_of_inputs = true;
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                     const Weights& weights);
  static Tensor finalise(const States& states, const Options& options);
  static std::string update_key(const Options& options);
  static Tensor functional_value(const Tensor& preds, const Tensor& target,
                                 const RelativeSquaredErrorFunctionalOptions& options, const Rows& rows);
};

}  // namespace definitions

/// Computes the squared errors as a fraction of the targets' deviation, Σ (targetᵢ - predsᵢ)² / max(Σ (targetᵢ -
/// mean(target))², ε), or with `squared` off the root of that, averaged over the outputs; in sums that survive any
/// offset. ε is torchmetrics', 1.19e-7, and 2.2e-16 for float64 results. `preds` and `target`: [N] or [N, 1] for one
/// output, [N, num_outputs] for more; real dtypes, also two different ones. NaN before the first row. Differentiable.
/// Throws InvalidArgument for `num_outputs` below 1, for shapes that differ or do not fit `num_outputs`, and for
/// complex inputs. Source: torchmetrics' RelativeSquaredError.
METRICS_CLASS(RelativeSquaredError);

namespace functional {

/// The same of one batch, [N] or [N, M]: float64 if an input is, else float32. Source: torchmetrics'
/// relative_squared_error.
inline constexpr Functional<definitions::RelativeSquaredError> relative_squared_error{};

}  // namespace functional
}  // namespace metrics
