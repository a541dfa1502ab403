#pragma once

#include <metrics/classification/operating_point.h>

namespace metrics {

namespace scores {

using RecallAtFixedPrecision = Greatest<classification::curves::Rate::Recall, classification::curves::Rate::Precision>;

}  // namespace scores

/// Finds the greatest recall, tp / (tp + fn), at a threshold where precision, tp / (tp + fp), is at least
/// `min_precision`; and that threshold. `preds`: scores [N, ...]; `target`: labels of the same shape. Both are scalars.
/// Of equal recall the greater precision wins, then the greater threshold. Thresholds without a defined recall are
/// passed over. If none is left, or the recall is 0: 0, and NaN for the threshold. Source: torchmetrics'
/// BinaryRecallAtFixedPrecision.
METRICS_METRIC(BinaryRecallAtFixedPrecision, binary_recall_at_fixed_precision,
               Member<BinaryCurve, scores::RecallAtFixedPrecision, BinaryRecallAtFixedPrecisionOptions>);

/// Finds for each class what BinaryRecallAtFixedPrecision finds for one: [C] and [C].
/// `preds`: scores [N, C, ...]; `target`: classes [N, ...]. Source: torchmetrics' MulticlassRecallAtFixedPrecision.
METRICS_METRIC(MulticlassRecallAtFixedPrecision, multiclass_recall_at_fixed_precision,
               Member<MulticlassCurve, scores::RecallAtFixedPrecision, MulticlassRecallAtFixedPrecisionOptions>);

/// Finds for each label what BinaryRecallAtFixedPrecision finds for one: [L] and [L].
/// `preds`: scores [N, L, ...]; `target`: labels, as `preds`. Source: torchmetrics' MultilabelRecallAtFixedPrecision.
METRICS_METRIC(MultilabelRecallAtFixedPrecision, multilabel_recall_at_fixed_precision,
               Member<MultilabelCurve, scores::RecallAtFixedPrecision, MultilabelRecallAtFixedPrecisionOptions>);

}  // namespace metrics
