#pragma once

#include <metrics/core/functional.h>
#include <metrics/core/metric_of.h>
#include <metrics/regression/choices.h>

#include <array>
#include <cstdint>
#include <string_view>

namespace metrics {

struct R2ScoreOptions {
  /// Number k of independent regressors to adjust for: 1 - (1 - R²) (n - 1) / (n - k - 1). With n - 1 of them or more
  /// the score stays as it is, with a warning.
  int64_t adjusted = 0;
  regression::MultiOutput multioutput = regression::MultiOutput::UniformAverage;

  static constexpr auto fields() { return metrics::fields<&R2ScoreOptions::adjusted, &R2ScoreOptions::multioutput>(); }
};

namespace definitions {

struct R2Score {
  static constexpr std::string_view name = "R2Score";
  static constexpr std::string_view functional = "r2_score";
  using Options = R2ScoreOptions;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static constexpr MetricTraits traits{.higher_is_better = true, .is_differentiable = true, .commits_last = true};
  static constexpr bool functional_dtype_of_inputs = true;
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                     const Weights& weights);
  static Tensor finalise(const States& states, const Options& options);
  static Tensor functional_value(const Tensor& preds, const Tensor& target, const Options& options, const Rows& rows);
};

}  // namespace definitions

/// Computes the coefficient of determination, 1 - Σ (targetᵢ - predsᵢ)² / Σ (targetᵢ - mean(target))², in sums that
/// survive any offset and scale. Equal targets (whose deviation is below 1e-12 of their size) give 1 if all
/// predictions are right, else 0; fewer than two samples give NaN. `preds` and `target`: [N] or [N, M], the same M in
/// all batches; real dtypes, also two different ones. A scalar, [M] with `multioutput` raw_values. Differentiable.
/// Throws InvalidArgument for a negative `adjusted`, for shapes that differ, with other dimensions, or with another M
/// than before, and for complex inputs. Source: torchmetrics' R2Score; equal targets and small errors as in
/// scikit-learn's r2_score.
METRICS_CLASS(R2Score);

namespace functional {

/// The same of one batch: float64 if an input is, else float32. Source: torchmetrics' r2_score.
inline constexpr Functional<definitions::R2Score> r2_score{};

}  // namespace functional
}  // namespace metrics
