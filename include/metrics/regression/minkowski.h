#pragma once

#include <metrics/regression/mean_over_pairs.h>

#include <array>
#include <string_view>

namespace metrics {

struct MinkowskiDistanceOptions {
  /// The exponent of the differences, a finite number of at least 1.
  Required<double> p;

  static constexpr auto fields() { return metrics::fields<&MinkowskiDistanceOptions::p>(); }
};

namespace terms {

struct PowerOfError {
  using Options = MinkowskiDistanceOptions;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "targets"};
  static constexpr PairSums states{.sum = "minkowski_dist_sum", .total = nullptr};
  struct Formula;
  static Formula formula(const Options& options);
  static void check(const Options& options);
  static Options example() { return {.p = 3}; }
};

}  // namespace terms

/// Computes the distance of all predictions from all targets, (Σ |predsᵢ - targetsᵢ|ᵖ)^(1/p); the Euclidean one for p
/// = 2. `preds` and `targets`: one shape, any; real dtypes, also two different ones. 0 before the first element.
/// Differentiable where it is not 0. Throws InvalidArgument for a `p` below 1 or not finite, for shapes that differ,
/// and for complex inputs. The functional's value is float64 if an input is, else float32. Source: torchmetrics'
/// MinkowskiDistance.
METRICS_METRIC(MinkowskiDistance, minkowski_distance, MeanOverPairs<terms::PowerOfError>);

}  // namespace metrics
