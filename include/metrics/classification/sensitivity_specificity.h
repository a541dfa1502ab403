#pragma once

#include <metrics/classification/operating_point.h>

namespace metrics {

namespace scores {

using SensitivityAtSpecificity =
    Greatest<classification::curves::Rate::Sensitivity, classification::curves::Rate::Specificity>;

}  // namespace scores

/// Finds the greatest sensitivity, tp / (tp + fn), at a threshold where specificity, tn / (tn + fp), is at least
/// `min_specificity`; and that threshold. `preds`: scores [N, ...]; `target`: labels of the same shape. Both are
/// scalars. Of equal sensitivity the greatest threshold wins; of thresholds that are given, the last in their order.
/// Where all scores are kept, 1 is the threshold that no score reaches. If no threshold is left: 0, and 1e6 for the
/// threshold. Without positives sensitivity is 0, without negatives specificity is 1. Source: torchmetrics'
/// BinarySensitivityAtSpecificity.
METRICS_METRIC(BinarySensitivityAtSpecificity, binary_sensitivity_at_specificity,
               Member<BinaryCurve, scores::SensitivityAtSpecificity, BinarySensitivityAtSpecificityOptions>);

/// Finds for each class what BinarySensitivityAtSpecificity finds for one: [C] and [C].
/// `preds`: scores [N, C, ...]; `target`: classes [N, ...]. Source: torchmetrics' MulticlassSensitivityAtSpecificity.
METRICS_METRIC(MulticlassSensitivityAtSpecificity, multiclass_sensitivity_at_specificity,
               Member<MulticlassCurve, scores::SensitivityAtSpecificity, MulticlassSensitivityAtSpecificityOptions>);

/// Finds for each label what BinarySensitivityAtSpecificity finds for one: [L] and [L].
/// `preds`: scores [N, L, ...]; `target`: labels, as `preds`. Source: torchmetrics' MultilabelSensitivityAtSpecificity.
METRICS_METRIC(MultilabelSensitivityAtSpecificity, multilabel_sensitivity_at_specificity,
               Member<MultilabelCurve, scores::SensitivityAtSpecificity, MultilabelSensitivityAtSpecificityOptions>);

}  // namespace metrics
