#pragma once

#include <metrics/core/feature_source.h>
#include <metrics/core/metric_of.h>

#include <array>
#include <string>
#include <string_view>

namespace metrics {

struct FrechetInceptionDistanceOptions {
  /// Where features come from: `.feature = 768` for inputs that are features, `.feature = {module, 768}`.
  FeatureSource feature = 2048;
  /// Whether `reset` forgets the real side too.
  bool reset_real_features = true;

  static constexpr auto fields() {
    return metrics::fields<&FrechetInceptionDistanceOptions::feature,
                           &FrechetInceptionDistanceOptions::reset_real_features>();
  }
};

namespace definitions {

struct FrechetInceptionDistance {
  static constexpr std::string_view name = "FrechetInceptionDistance";
  using Options = FrechetInceptionDistanceOptions;
  static constexpr std::array<std::string_view, 2> inputs{"imgs", "real"};
  static constexpr MetricTraits traits{.higher_is_better = false, .commits_last = true};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static RowWeights taken_weights(const Options&) { return RowWeights::None; }
  static void update(States& states, const Options& options, const Tensor& imgs, bool real);
  static void merge(States& into, const States& from, const Options& options);
  static Tensor finalise(const States& states, const Options& options);
  static bool keeps_on_reset(const Options& options, std::string_view state);
  static std::string update_key(const Options& options);
  static void show_as_torchmetrics(States& states, const Options& options);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static Options example() { return {.feature = 64}; }
};

}  // namespace definitions

/// Computes the Fréchet distance of two normal distributions fitted to the features of real and of generated images,
/// |μ₁ - μ₂|² + tr(Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½). `imgs`: features [N, d], or what the user's module takes, in real dtypes;
/// `real`: whether they are of the real population. NaN until both have two samples, and where features are not finite.
/// With `reset_real_features=false` the real side outlives `reset`, and `forward` gives the distance of the batch from
/// it. Means and centred products are kept in float64, which survives any offset; state dicts show torchmetrics' sums.
/// Throws InvalidArgument for a `feature` below 1, and for features of another number. Source: Heusel et al. (2017);
/// torchmetrics' FrechetInceptionDistance, less what belongs to its pretrained network (`normalize`, `input_img_size`,
/// `feature_extractor_weights_path`, `antialias`).
METRICS_CLASS(FrechetInceptionDistance);

}  // namespace metrics
