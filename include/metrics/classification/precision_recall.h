#pragma once

#include <metrics/classification/stat_scores.h>

namespace metrics {

namespace scores {

struct METRICS_API Precision {
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static Tensor value(const classification::GatheredCounts& gathered);
};

struct METRICS_API Recall {
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static Tensor value(const classification::GatheredCounts& gathered);
};

}  // namespace scores

/// Computes the fraction of the yes answers that are right, tp / (tp + fp); samplewise [N]. `zero_division` where there
/// are none. Source: torchmetrics' BinaryPrecision.
METRICS_METRIC(BinaryPrecision, binary_precision, Member<BinaryCounting, scores::Precision>);

/// Computes the fraction of the samples predicted as a class that belong to it, tp / (tp + fp), averaged over classes
/// (with average none: [C]); samplewise one per sample. `zero_division` where there are none. Source: torchmetrics'
/// MulticlassPrecision.
METRICS_METRIC(MulticlassPrecision, multiclass_precision, Member<MulticlassCounting, scores::Precision>);

/// Computes the fraction of the yes answers to a label that are right, tp / (tp + fp), averaged over labels (with
/// average none: [L]); samplewise one per sample. `zero_division` where there are none. Source: torchmetrics'
/// MultilabelPrecision.
METRICS_METRIC(MultilabelPrecision, multilabel_precision, Member<MultilabelCounting, scores::Precision>);

/// Computes the fraction of the positive targets that are found, tp / (tp + fn); samplewise [N]. `zero_division` where
/// there are none. Source: torchmetrics' BinaryRecall.
METRICS_METRIC(BinaryRecall, binary_recall, Member<BinaryCounting, scores::Recall>);

/// Computes the fraction of a class's samples that are predicted so, tp / (tp + fn), averaged over classes (with
/// average none: [C]); samplewise one per sample. `zero_division` where there are none. Source: torchmetrics'
/// MulticlassRecall.
METRICS_METRIC(MulticlassRecall, multiclass_recall, Member<MulticlassCounting, scores::Recall>);

/// Computes the fraction of a label's positive targets that are found, tp / (tp + fn), averaged over labels (with
/// average none: [L]); samplewise one per sample. `zero_division` where there are none. Source: torchmetrics'
/// MultilabelRecall.
METRICS_METRIC(MultilabelRecall, multilabel_recall, Member<MultilabelCounting, scores::Recall>);

}  // namespace metrics
