#pragma once

#include <metrics/classification/operating_point.h>

namespace metrics {

namespace scores {

using PrecisionAtFixedRecall = Greatest<classification::curves::Rate::Precision, classification::curves::Rate::Recall>;

}  // namespace scores

/// Finds the greatest precision, tp / (tp + fp), at a threshold where recall, tp / (tp + fn), is at least `min_recall`;
/// and that threshold. `preds`: scores [N, ...]; `target`: labels of the same shape. Both are scalars. Of equal
/// precision the greater recall wins, then the greater threshold. Thresholds without a defined precision are passed
/// over. If none is left, or the precision is 0: 0, and NaN for the threshold.
/// Source: torchmetrics' BinaryPrecisionAtFixedRecall.
METRICS_METRIC(BinaryPrecisionAtFixedRecall, binary_precision_at_fixed_recall,
               Member<BinaryCurve, scores::PrecisionAtFixedRecall, BinaryPrecisionAtFixedRecallOptions>);

/// Finds for each class what BinaryPrecisionAtFixedRecall finds for one: [C] and [C].
/// `preds`: scores [N, C, ...]; `target`: classes [N, ...]. Source: torchmetrics' MulticlassPrecisionAtFixedRecall.
METRICS_METRIC(MulticlassPrecisionAtFixedRecall, multiclass_precision_at_fixed_recall,
               Member<MulticlassCurve, scores::PrecisionAtFixedRecall, MulticlassPrecisionAtFixedRecallOptions>);

/// Finds for each label what BinaryPrecisionAtFixedRecall finds for one: [L] and [L].
/// `preds`: scores [N, L, ...]; `target`: labels, as `preds`. Source: torchmetrics' MultilabelPrecisionAtFixedRecall.
METRICS_METRIC(MultilabelPrecisionAtFixedRecall, multilabel_precision_at_fixed_recall,
               Member<MultilabelCurve, scores::PrecisionAtFixedRecall, MultilabelPrecisionAtFixedRecallOptions>);

}  // namespace metrics
