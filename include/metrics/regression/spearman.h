#pragma once

#include <metrics/core/functional.h>
#include <metrics/core/metric_of.h>

#include <array>
#include <cstdint>
#include <string_view>

namespace metrics {

struct SpearmanCorrCoefOptions {
  /// Columns of the inputs, each with a coefficient of its own.
  int64_t num_outputs = 1;

  static constexpr auto fields() { return metrics::fields<&SpearmanCorrCoefOptions::num_outputs>(); }
};

namespace definitions {

struct SpearmanCorrCoef {
  static constexpr std::string_view name = "SpearmanCorrCoef";
  static constexpr std::string_view functional = "spearman_corrcoef";
  using Options = SpearmanCorrCoefOptions;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static constexpr bool functional_dtype_of_inputs = true;
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target);
  static std::shared_ptr<const RangedValue> ranged(const Options& options);
  static Tensor finalise(const States& states, const Options& options);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static Tensor functional_value(const Tensor& preds, const Tensor& target, const Rows& rows);
};

}  // namespace definitions

/// Computes the correlation of the ranks of predictions and targets; equal numbers have the mean of their ranks. Of
/// pairs that weigh a rank is the weight of the smaller numbers and half of that of the equal ones, and the correlation
/// is weighted. It keeps all numbers: 8 bytes a pair, 16 of float64 inputs, and 8 more of pairs that weigh. NaN, with a
/// warning, where one side does not vary or has NaN. `preds` and `target`: [N] or [N, 1] for one output, [N,
/// num_outputs] for more, which gives [num_outputs]; floating dtypes, also two different ones. Throws InvalidArgument
/// for `num_outputs` below 1, for shapes that differ or do not fit `num_outputs`, and for other dtypes. Source:
/// torchmetrics' SpearmanCorrCoef; the value as in scipy's spearmanr.
METRICS_CLASS(SpearmanCorrCoef);

namespace functional {

/// The same of one batch, [N] or [N, M]: float64 if an input is, else float32. Source: torchmetrics' spearman_corrcoef.
inline constexpr Functional<definitions::SpearmanCorrCoef> spearman_corrcoef{};

}  // namespace functional
}  // namespace metrics
