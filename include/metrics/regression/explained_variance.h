#pragma once

#include <metrics/core/functional.h>
#include <metrics/core/metric_of.h>
#include <metrics/regression/choices.h>

#include <array>
#include <string>
#include <string_view>

namespace metrics {

struct ExplainedVarianceOptions {
  /// What becomes of the scores of several outputs.
  regression::MultiOutput multioutput = regression::MultiOutput::UniformAverage;

  static constexpr auto fields() { return metrics::fields<&ExplainedVarianceOptions::multioutput>(); }
};

namespace definitions {

struct ExplainedVariance {
  static constexpr std::string_view name = "ExplainedVariance";
  static constexpr std::string_view functional = "explained_variance";
  using Options = ExplainedVarianceOptions;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static constexpr MetricTraits traits{.higher_is_better = true, .is_differentiable = true, .commits_last = true};
  static constexpr bool functional_dtype_of_inputs = true;
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                     const Weights& weights);
  static Tensor finalise(const States& states, const Options& options);
  static std::string update_key(const Options& options);
};

}  // namespace definitions

/// Computes how much of the targets' variance the predictions explain, 1 - var(target - preds) / var(target), in sums
/// that survive any offset of numbers up to 2^500 in size. Errors that do not vary give 1, targets that do not vary
/// else 0. `preds` and `target`: [N] or [N, …], an output for each of the other indices, as many in all batches; real
/// dtypes, also two different ones. A scalar, one for each output with `multioutput` raw_values. NaN before the first
/// row. Differentiable. Throws InvalidArgument for shapes that differ, for scalars, for other outputs than before, and
/// for complex inputs. Source: torchmetrics' ExplainedVariance.
METRICS_CLASS(ExplainedVariance);

namespace functional {

/// The same of one batch: float64 if an input is, else float32. Source: torchmetrics' explained_variance.
inline constexpr Functional<definitions::ExplainedVariance> explained_variance{};

}  // namespace functional
}  // namespace metrics
