#pragma once

#include <metrics/core/functional.h>
#include <metrics/core/metric_of.h>

#include <array>
#include <cstdint>
#include <string_view>

namespace metrics {

struct PearsonCorrCoefOptions {
  /// Columns of the inputs, each with a coefficient of its own.
  int64_t num_outputs = 1;

  static constexpr auto fields() { return metrics::fields<&PearsonCorrCoefOptions::num_outputs>(); }
};

namespace definitions {

struct PearsonCorrCoef {
  static constexpr std::string_view name = "PearsonCorrCoef";
  static constexpr std::string_view functional = "pearson_corrcoef";
  using Options = PearsonCorrCoefOptions;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static constexpr MetricTraits traits{.is_differentiable = true, .commits_last = true, .merges_rowwise = true};
  static constexpr bool functional_dtype_of_inputs = true;
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                     const Weights& weights);
  static void merge(States& into, const States& from, const Options& options);
  static Tensor finalise(const States& states, const Options& options);
  static Tensor functional_value(const Tensor& preds, const Tensor& target, const Rows& rows);
  static void show_as_torchmetrics(States& states, const Options& options);
  static void complete_from_torchmetrics(States& states, const Options& options);
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
