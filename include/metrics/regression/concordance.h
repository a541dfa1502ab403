#pragma once

#include <metrics/regression/moments_over_pairs.h>

#include <string_view>

namespace metrics {

using ConcordanceCorrCoefOptions = PearsonCorrCoefOptions;

namespace definitions {

struct METRICS_API ConcordanceCorrCoef : MomentsOverPairs {
  static constexpr std::string_view name = "ConcordanceCorrCoef";
  static constexpr std::string_view functional = "concordance_corrcoef";
  static constexpr MetricTraits traits{
      .higher_is_better = true, .is_differentiable = true, .commits_last = true, .merges_rowwise = true};
  static Tensor finalise(const States& states, const Options& options);
  static Tensor functional_value(const Tensor& preds, const Tensor& target, const Rows& rows);
};

}  // namespace definitions

/// Computes how well predictions agree with targets, 2 cov(preds, target) / (var(preds) + var(target) + (mean(preds) -
/// mean(target))²), with variances of a sample, from moments that survive any offset and any scale. NaN, with a
/// warning, where one side does not vary or is not finite. `preds` and `target`: [N] or [N, 1] for one output, [N,
/// num_outputs] for more, which gives [num_outputs]; real dtypes, also two different ones. Differentiable. Throws
/// InvalidArgument for `num_outputs` below 1, for shapes that differ or do not fit `num_outputs`, and for complex
/// inputs. Source: torchmetrics' ConcordanceCorrCoef; L. Lin (1989), A concordance correlation coefficient to evaluate
/// reproducibility.
METRICS_CLASS(ConcordanceCorrCoef);

namespace functional {

/// The same of one batch, [N] or [N, M], as a vector of all outputs, also of one: float64 if an input is, else float32.
/// Source: torchmetrics' concordance_corrcoef.
inline constexpr Functional<definitions::ConcordanceCorrCoef> concordance_corrcoef{};

}  // namespace functional
}  // namespace metrics
