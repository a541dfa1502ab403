#pragma once

#include <metrics/classification/curves.h>

namespace metrics {

namespace scores {

struct METRICS_API EER {
  static constexpr MetricTraits traits{.commits_last = true};
  static void check(const MulticlassCurveOptions& options);
  static std::shared_ptr<const RangedValue> ranged(const classification::CurvePlan& plan, const BinaryCurveOptions&);
  static std::shared_ptr<const RangedValue> ranged(const classification::CurvePlan& plan,
                                                   const MulticlassCurveOptions& options);
  static std::shared_ptr<const RangedValue> ranged(const classification::CurvePlan& plan,
                                                   const MultilabelCurveOptions&);
  static Tensor value(const classification::GatheredCurve& curve, const BinaryCurveOptions& options);
  static Tensor value(const classification::GatheredCurve& curve, const MulticlassCurveOptions& options);
  static Tensor value(const classification::GatheredCurve& curve, const MultilabelCurveOptions& options);
};

}  // namespace scores

/// Computes the equal error rate: the mean of the false positive rate and the false negative rate at the point of the
/// ROC curve where they are closest, a scalar. Of points equally close, by exact comparison, the one of the greatest
/// threshold is taken.
/// `preds`: scores [N, ...]; `target`: labels of the same shape. A rate without samples is that of none let through.
/// Source: torchmetrics' BinaryEER.
METRICS_METRIC(BinaryEER, binary_eer, Member<BinaryCurve, scores::EER>);

/// Computes the equal error rate of each class: [C]; of the averaged ROC curve a scalar. Curves that are averaged run
/// from (0, 0) to (1, 1), straight beyond the thresholds given.
/// `preds`: scores [N, C, ...]; `target`: classes [N, ...]. Source: torchmetrics' MulticlassEER.
METRICS_METRIC(MulticlassEER, multiclass_eer, Member<MulticlassCurve, scores::EER>);

/// Computes the equal error rate of each label: [L].
/// `preds`: scores [N, L, ...]; `target`: labels, as `preds`. Source: torchmetrics' MultilabelEER.
METRICS_METRIC(MultilabelEER, multilabel_eer, Member<MultilabelCurve, scores::EER>);

}  // namespace metrics
