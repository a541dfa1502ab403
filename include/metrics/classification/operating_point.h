#pragma once

#include <metrics/classification/curves.h>

namespace metrics {

/// The point of a curve that a metric has chosen; a value a class or label, or scalars. Where thresholds are given it is
/// one of them.
struct OperatingPoint {
  Tensor value;      ///< The rate that was to be as great as possible.
  Tensor threshold;  ///< The probability from which scores are a yes there.

  static constexpr auto fields() { return metrics::fields<&OperatingPoint::value, &OperatingPoint::threshold>(); }
};

namespace classification::curves {

enum class Rate { Precision, Recall, Sensitivity, Specificity };

/// Throws InvalidArgument for a minimum outside [0, 1].
METRICS_API void check_minimum(Rate rate, double minimum);
/// Finds on each curve the point where `wanted` is greatest of those where `held` is at least `minimum`.
METRICS_API OperatingPoint greatest(const GatheredCurve& curve, Rate wanted, Rate held, double minimum);
METRICS_API std::shared_ptr<const RangedValue> ranged_greatest(const CurvePlan& plan, Rate wanted, Rate held,
                                                               double minimum);

}  // namespace classification::curves

namespace scores {

/// The greatest of one rate where another is at least a minimum, which the options call `min_` and its name.
template <classification::curves::Rate wanted, classification::curves::Rate held>
struct Greatest {
  static constexpr MetricTraits traits{.commits_last = true};
  template <class O>
  static void check(const O& options) {
    classification::curves::check_minimum(held, minimum(options));
  }
  template <class O>
  static std::shared_ptr<const RangedValue> ranged(const classification::CurvePlan& plan, const O& options) {
    return classification::curves::ranged_greatest(plan, wanted, held, minimum(options));
  }
  template <class O>
  static OperatingPoint value(const classification::GatheredCurve& curve, const O& options) {
    return classification::curves::greatest(curve, wanted, held, minimum(options));
  }

 private:
  template <class O>
  static double minimum(const O& options) {
    using classification::curves::Rate;
    if constexpr (held == Rate::Precision) return options.min_precision;
    if constexpr (held == Rate::Recall) return options.min_recall;
    if constexpr (held == Rate::Sensitivity) return options.min_sensitivity;
    if constexpr (held == Rate::Specificity) return options.min_specificity;
  }
};

}  // namespace scores

}  // namespace metrics
