#pragma once

#include <metrics/classification/curves.h>

namespace metrics {

namespace scores {

struct METRICS_API AveragePrecision {
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static void check(const MulticlassAreaOptions& options);
  static std::shared_ptr<const RangedValue> ranged(const classification::CurvePlan& plan, const BinaryCurveOptions&);
  static std::shared_ptr<const RangedValue> ranged(const classification::CurvePlan& plan, const MulticlassAreaOptions&);
  static std::shared_ptr<const RangedValue> ranged(const classification::CurvePlan& plan,
                                                   const MultilabelAreaOptions& options);
  static Tensor value(const classification::GatheredCurve& curve, const BinaryCurveOptions&);
  static Tensor value(const classification::GatheredCurve& curve, const MulticlassAreaOptions& options);
  static Tensor value(const classification::GatheredCurve& curve, const MultilabelAreaOptions& options);
};

}  // namespace scores

/// Computes the mean of the precisions at each threshold, weighted by the gain of recall there. What the thresholds
/// given leave of the recall is gained at the precision of all samples. `preds`: scores [N, ...]; `target`: labels of
/// the same shape. 0 without positive samples, with a warning where no thresholds are given.
/// Source: torchmetrics' BinaryAveragePrecision.
METRICS_METRIC(BinaryAveragePrecision, binary_average_precision, Member<BinaryCurve, scores::AveragePrecision>);

/// Computes the average precision of each class against all others, averaged (with average none: [C]). `preds`: scores
/// [N, C, ...]; `target`: classes [N, ...]. A class without samples has NaN and is left out of averages, with a
/// warning; with thresholds given it has 0. Source: torchmetrics' MulticlassAveragePrecision.
METRICS_METRIC(MulticlassAveragePrecision, multiclass_average_precision,
               Member<MulticlassCurve, scores::AveragePrecision, MulticlassAreaOptions>);

/// Computes the average precision of each label, averaged (with average none: [L]). `preds`: scores [N, L, ...];
/// `target`: labels of the same shape. A label without positive samples has 0.
/// Source: torchmetrics' MultilabelAveragePrecision.
METRICS_METRIC(MultilabelAveragePrecision, multilabel_average_precision,
               Member<MultilabelCurve, scores::AveragePrecision, MultilabelAreaOptions>);

}  // namespace metrics
