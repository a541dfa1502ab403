#pragma once

#include <metrics/classification/curves.h>

#include <array>
#include <optional>

namespace metrics {

namespace scores {

/// The area of a metric's options.
struct METRICS_API LogArea {
  template <class O>
  explicit LogArea(const O& options) : fpr_range(options.fpr_range) {
    if constexpr (requires { options.average; }) average = options.average;
  }
  void check() const;
  std::shared_ptr<const RangedValue> ranged(const classification::CurvePlan& plan) const;
  Tensor value(const classification::GatheredCurve& curve) const;

  std::array<double, 2> fpr_range;
  std::optional<classification::Average> average{};  ///< None for a binary curve, which has one area.
};

/// `Defaults` are the options of its functional.
template <class Defaults>
struct LogAUC {
  using FunctionalOptions = Defaults;
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  template <class O>
  static void check(const O& options) {
    LogArea(options).check();
  }
  template <class O>
  static std::shared_ptr<const RangedValue> ranged(const classification::CurvePlan& plan, const O& options) {
    return LogArea(options).ranged(plan);
  }
  template <class O>
  static Tensor value(const classification::GatheredCurve& curve, const O& options) {
    return LogArea(options).value(curve);
  }
};

}  // namespace scores

/// Computes the area under the ROC curve over the logarithm of the false positive rate, between two of these, divided
/// by the area that a perfect curve has there: a scalar (Mysinger and Shoichet 2010).
/// `preds`: scores [N, ...]; `target`: labels of the same shape. Between points the curve runs straight, and straight
/// on to (0, 0) and (1, 1) where thresholds that are given end before. NaN without negatives; 0 for a curve of fewer
/// than two points. Source: torchmetrics' BinaryLogAUC.
METRICS_METRIC(BinaryLogAUC, binary_logauc,
               Member<BinaryCurve, scores::LogAUC<BinaryLogAUCFunctionalOptions>, BinaryLogAUCOptions>);

/// Computes the same area for each class: [C], or their mean, a scalar.
/// `preds`: scores [N, C, ...]; `target`: classes [N, ...]. Source: torchmetrics' MulticlassLogAUC.
METRICS_METRIC(MulticlassLogAUC, multiclass_logauc,
               Member<MulticlassCurve, scores::LogAUC<MulticlassLogAUCFunctionalOptions>, MulticlassLogAUCOptions>);

/// Computes the same area for each label: [L], or their mean, a scalar.
/// `preds`: scores [N, L, ...]; `target`: labels, as `preds`. Source: torchmetrics' MultilabelLogAUC.
METRICS_METRIC(MultilabelLogAUC, multilabel_logauc,
               Member<MultilabelCurve, scores::LogAUC<MultilabelLogAUCFunctionalOptions>, MultilabelLogAUCOptions>);

}  // namespace metrics
