#pragma once

#include <metrics/regression/moments_over_pairs.h>

#include <string_view>

namespace metrics {

namespace definitions {

struct METRICS_API PearsonCorrCoef : MomentsOverPairs {
  static constexpr std::string_view name = "PearsonCorrCoef";
  static constexpr std::string_view functional = "pearson_corrcoef";
  static constexpr MetricTraits traits{.is_differentiable = true, .commits_last = true, .merges_rowwise = true};
  static Tensor finalise(const States& states, const Options& options);
  static Tensor functional_value(const Tensor& preds, const Tensor& target, const Rows& rows);
};

}  // namespace definitions

/// Computes the correlation of predictions and targets, cov(preds, target) / (σ(preds) σ(target)), from moments that
/// survive any offset and any scale, of numbers up to 2^1022 in size. A state dict has torchmetrics' moments, which are
/// 0 or infinite where squares leave float64, and those kept here in its metadata. NaN, with a warning, where one side
/// does not vary or is not finite. `preds` and `target`: [N] or
/// [N, 1] for one output, [N, num_outputs] for more, which gives [num_outputs]; real dtypes, also two different ones.
/// Differentiable. Throws InvalidArgument for `num_outputs` below 1, for shapes that differ or do not fit
/// `num_outputs`, and for complex inputs. Source: torchmetrics' PearsonCorrCoef; merged by Chan, Golub, LeVeque (1979).
METRICS_CLASS(PearsonCorrCoef);

namespace functional {

/// The same of one batch, [N] or [N, M]: float64 if an input is, else float32. Source: torchmetrics' pearson_corrcoef.
inline constexpr Functional<definitions::PearsonCorrCoef> pearson_corrcoef{};

}  // namespace functional
}  // namespace metrics
