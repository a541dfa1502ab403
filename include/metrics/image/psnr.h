#pragma once

#include <metrics/core/functional.h>
#include <metrics/core/metric_of.h>
#include <metrics/image/choices.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

namespace metrics {

struct PeakSignalNoiseRatioOptions {
  /// The range of the data; with two ends inputs are clamped between them.
  Required<image::DataRange> data_range;
  /// Base of the logarithm.
  double base = 10;
  /// What becomes of the values where `dim` leaves several.
  image::Reduction reduction = image::Reduction::ElementwiseMean;
  /// Dimensions over which errors are summed, each remaining index having a value of its own; unset: over everything
  /// accumulated, for one value.
  std::optional<std::variant<int64_t, std::vector<int64_t>>> dim{};

  static constexpr auto fields() {
    return metrics::fields<&PeakSignalNoiseRatioOptions::data_range, &PeakSignalNoiseRatioOptions::base,
                           &PeakSignalNoiseRatioOptions::reduction, &PeakSignalNoiseRatioOptions::dim>();
  }
};

namespace definitions {

struct PeakSignalNoiseRatio {
  static constexpr std::string_view name = "PeakSignalNoiseRatio";
  static constexpr std::string_view functional = "peak_signal_noise_ratio";
  using Options = PeakSignalNoiseRatioOptions;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static constexpr MetricTraits traits{.higher_is_better = true, .is_differentiable = true, .commits_last = true};
  static constexpr bool functional_dtype_of_inputs = true;
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target);
  static Tensor finalise(const States& states, const Options& options);
  static Tensor functional_value(const Tensor& preds, const Tensor& target, const Options& options);
  static void show_as_torchmetrics(States& states, const Options& options);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static Options example() { return {.data_range = 1}; }
};

}  // namespace definitions

/// Computes the peak signal-to-noise ratio in decibels, 10 log(range² / mse) / log(base) with mse the mean of
/// (predsᵢ - targetᵢ)². `preds` and `target`: one shape, any, such as [N, C, H, W]; real dtypes, also two different
/// ones. Without `dim` one value over everything accumulated. With `dim` = (1, 2, 3) one an image, which `reduction`
/// averages, adds or leaves as they are; a `dim` with 0 in it gives values of each batch, so that how rows are split
/// into batches matters. The range may be of any size; errors below 1e-140 of it may count as none, and below 1e-10 of
/// it where `dim` keeps values in float32. Infinite where nothing differs. Differentiable. Warns where `reduction` has
/// no effect for want of `dim`. Throws InvalidArgument for a `data_range` that is not above 0 or not finite, for a
/// `base` that has no logarithms, for shapes that differ, for a `dim` that the inputs do not have, and for complex
/// inputs. Source: torchmetrics' PeakSignalNoiseRatio.
METRICS_CLASS(PeakSignalNoiseRatio);

namespace functional {

/// The same of one batch: float64 if an input is, else float32. Values that are left as they are come in the shape of
/// the dimensions that `dim` does not name. Source: torchmetrics' peak_signal_noise_ratio.
inline constexpr Functional<definitions::PeakSignalNoiseRatio> peak_signal_noise_ratio{};

}  // namespace functional
}  // namespace metrics
