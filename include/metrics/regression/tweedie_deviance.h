#pragma once

#include <metrics/regression/mean_over_pairs.h>

#include <array>
#include <string_view>

namespace metrics {

struct TweedieDevianceScoreOptions {
  /// The power of the mean that the variance goes with: 0 for normal targets, 1 for Poisson's, 2 for gamma's, 3 for
  /// inverse Gaussian ones; any finite number that is not between 0 and 1.
  double power = 0;

  static constexpr auto fields() { return metrics::fields<&TweedieDevianceScoreOptions::power>(); }
};

namespace terms {

struct Deviance {
  using Options = TweedieDevianceScoreOptions;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "targets"};
  static constexpr PairSums states{.sum = "sum_deviance_score", .total = "num_observations"};
  static constexpr MetricTraits traits{.is_differentiable = true, .commits_last = true};
  struct Formula;
  static Formula formula(const Options& options);
  static void check(const Options& options);
};

}  // namespace terms

/// Computes the mean deviance of a Tweedie distribution. With p = `power` that is the mean of (y - x)² for p = 0, of
/// 2 (y log(y / x) + x - y) for 1, of 2 (log(x / y) + y / x - 1) for 2, else of 2 (max(y, 0)²⁻ᵖ / ((1 - p)(2 - p)) -
/// y x¹⁻ᵖ / (1 - p) + x²⁻ᵖ / (2 - p)), where x are predictions and y are targets. `preds` and `targets`: one shape,
/// any; real dtypes, also two different ones. NaN before the first element. Differentiable. Throws InvalidArgument for a `power` between 0 and 1
/// or not finite, for shapes that differ, for complex inputs, and for numbers that the distribution has not:
/// predictions must be above 0 unless p is 0, targets must not be negative from p = 1 on, and from p = 2 on be above 0.
/// Source: torchmetrics' TweedieDevianceScore.
METRICS_METRIC(TweedieDevianceScore, tweedie_deviance_score, MeanOverPairs<terms::Deviance>);

}  // namespace metrics
