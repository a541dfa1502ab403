#pragma once

#include <metrics/regression/mean_over_pairs.h>

#include <array>
#include <string_view>

namespace metrics {

struct MinkowskiDistanceOptions {
  /// The exponent of the differences, a finite number of at least 1.
  double p{};

  static constexpr auto fields() { return metrics::fields<&MinkowskiDistanceOptions::p>(1); }
};

namespace terms {

struct PowerOfError {
  using Options = MinkowskiDistanceOptions;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "targets"};
  static constexpr PairSums states{.sum = "minkowski_dist_sum", .total = nullptr};
  struct Formula;
  static Formula formula(const Options& options);
  static void check(const Options& options);
  static Tensor value(const Tensor& sum, const Tensor& total, const Options& options);
};

}  // namespace terms

namespace definitions {

struct MinkowskiDistance : MeanOverPairs<terms::PowerOfError> {
  static constexpr std::string_view name = "MinkowskiDistance";
  static constexpr std::string_view functional = "minkowski_distance";
  static Options example() { return {.p = 3}; }
};

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::MinkowskiDistance>;

/// Computes the distance of all predictions from all targets, (Σ |predsᵢ - targetsᵢ|ᵖ)^(1/p); the Euclidean one for p
/// = 2. `preds` and `targets`: one shape, any; real dtypes, also two different ones. 0 before the first element.
/// Differentiable where it is not 0. Throws InvalidArgument for a `p` below 1 or not finite, for shapes that differ,
/// and for complex inputs. Source: torchmetrics' MinkowskiDistance.
using MinkowskiDistance = MetricOf<definitions::MinkowskiDistance>;

namespace functional {

/// The same of one batch: float64 if an input is, else float32. Source: torchmetrics' minkowski_distance.
METRICS_API Tensor minkowski_distance(const Tensor& preds, const Tensor& targets,
                                      const MinkowskiDistanceOptions& options);

}  // namespace functional
}  // namespace metrics
