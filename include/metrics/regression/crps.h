#pragma once

#include <metrics/core/functional.h>
#include <metrics/core/metric_of.h>

#include <array>
#include <string_view>

namespace metrics {

namespace definitions {

struct ContinuousRankedProbabilityScore {
  static constexpr std::string_view name = "ContinuousRankedProbabilityScore";
  static constexpr std::string_view functional = "continuous_ranked_probability_score";
  using Options = NoOptions;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static constexpr MetricTraits traits{.higher_is_better = false, .commits_last = true};
  static constexpr bool functional_dtype_of_inputs = true;
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                     const Weights& weights);
  static Tensor finalise(const States& states, const Options& options);
};

}  // namespace definitions

/// Computes how well ensembles of forecasts foresee what comes, the mean over rows of Σᵢ |xᵢ - y| / M - Σᵢⱼ |xᵢ - xⱼ| /
/// (2 M²), in O(M log M) a row. `preds`: [N, M] of at least two members; `target`: [N]; real dtypes, also two different
/// ones. NaN before the first row. Throws InvalidArgument for other shapes and for complex inputs. Source:
/// torchmetrics' ContinuousRankedProbabilityScore; Zamo, Naveau (2018), Estimation of the continuous ranked probability
/// score with limited information, eNRG.
METRICS_CLASS(ContinuousRankedProbabilityScore);

namespace functional {

/// The same of one batch: float64 if an input is, else float32. Source: torchmetrics'
/// continuous_ranked_probability_score.
inline constexpr Functional<definitions::ContinuousRankedProbabilityScore> continuous_ranked_probability_score{};

}  // namespace functional
}  // namespace metrics
