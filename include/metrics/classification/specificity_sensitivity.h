#pragma once

#include <metrics/classification/operating_point.h>

namespace metrics {

namespace scores {

using SpecificityAtSensitivity =
    Greatest<classification::curves::Rate::Specificity, classification::curves::Rate::Sensitivity>;

}  // namespace scores

/// Finds the greatest specificity, tn / (tn + fp), at a threshold where sensitivity, tp / (tp + fn), is at least
/// `min_sensitivity`; and that threshold. `preds`: scores [N, ...]; `target`: labels of the same shape. Both are
/// scalars. Of equal specificity the greatest threshold wins; of thresholds that are given, the last in their order.
/// Where all scores are kept, 1 is the threshold that no score reaches. If no threshold is left: 0, and 1e6 for the
/// threshold. Without positives sensitivity is 0, without negatives specificity is 1. Source: torchmetrics'
/// BinarySpecificityAtSensitivity.
METRICS_METRIC(BinarySpecificityAtSensitivity, binary_specificity_at_sensitivity,
               Member<BinaryCurve, scores::SpecificityAtSensitivity, BinarySpecificityAtSensitivityOptions>);

/// Finds for each class what BinarySpecificityAtSensitivity finds for one: [C] and [C].
/// `preds`: scores [N, C, ...]; `target`: classes [N, ...]. Source: torchmetrics' MulticlassSpecificityAtSensitivity.
METRICS_METRIC(MulticlassSpecificityAtSensitivity, multiclass_specificity_at_sensitivity,
               Member<MulticlassCurve, scores::SpecificityAtSensitivity, MulticlassSpecificityAtSensitivityOptions>);

/// Finds for each label what BinarySpecificityAtSensitivity finds for one: [L] and [L].
/// `preds`: scores [N, L, ...]; `target`: labels, as `preds`. Source: torchmetrics' MultilabelSpecificityAtSensitivity.
METRICS_METRIC(MultilabelSpecificityAtSensitivity, multilabel_specificity_at_sensitivity,
               Member<MultilabelCurve, scores::SpecificityAtSensitivity, MultilabelSpecificityAtSensitivityOptions>);

}  // namespace metrics
