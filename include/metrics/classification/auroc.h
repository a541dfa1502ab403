#pragma once

#include <metrics/classification/curves.h>

namespace metrics {

namespace scores {

struct METRICS_API AUROC {
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static void check(const BinaryAUROCOptions& options);
  static void check(const MulticlassAreaOptions& options);
  static std::shared_ptr<const RangedValue> ranged(const classification::CurvePlan& plan,
                                                   const BinaryAUROCOptions& options);
  static std::shared_ptr<const RangedValue> ranged(const classification::CurvePlan& plan, const MulticlassAreaOptions&);
  static std::shared_ptr<const RangedValue> ranged(const classification::CurvePlan& plan,
                                                   const MultilabelAreaOptions& options);
  static Tensor value(const classification::GatheredCurve& curve, const BinaryAUROCOptions& options);
  static Tensor value(const classification::GatheredCurve& curve, const MulticlassAreaOptions& options);
  static Tensor value(const classification::GatheredCurve& curve, const MultilabelAreaOptions& options);
};

}  // namespace scores

/// Computes the area under the receiver operating characteristic by the trapezoidal rule: without thresholds, how
/// probably a positive sample scores higher than a negative one, ties counting half. With thresholds the curve still
/// runs from (0, 0) to (1, 1), straight beyond the last of them. `preds`: scores [N, ...]; `target`: labels of the same
/// shape. 0, with a warning, where either class is missing. Source: torchmetrics' BinaryAUROC.
METRICS_METRIC(BinaryAUROC, binary_auroc, Member<BinaryCurve, scores::AUROC, BinaryAUROCOptions>);

/// Computes the area under the receiver operating characteristic of each class against all others, averaged (with
/// average none: [C]). `preds`: scores [N, C, ...]; `target`: classes [N, ...]. A class without samples has 0 in
/// the average. Source: torchmetrics' MulticlassAUROC.
METRICS_METRIC(MulticlassAUROC, multiclass_auroc, Member<MulticlassCurve, scores::AUROC, MulticlassAreaOptions>);

/// Computes the area under the receiver operating characteristic of each label, averaged (with average none: [L]).
/// `preds`: scores [N, L, ...]; `target`: labels of the same shape.
/// Source: torchmetrics' MultilabelAUROC.
METRICS_METRIC(MultilabelAUROC, multilabel_auroc, Member<MultilabelCurve, scores::AUROC, MultilabelAreaOptions>);

}  // namespace metrics
