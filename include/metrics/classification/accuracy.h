#pragma once

#include <metrics/classification/stat_scores.h>

namespace metrics {

namespace scores {

struct METRICS_API Accuracy {
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static Tensor value(const classification::GatheredCounts& gathered);
};

}  // namespace scores

/// Computes the fraction of right answers, (tp + tn) / all; samplewise [N]. 0 without any.
/// Source: torchmetrics' BinaryAccuracy.
METRICS_METRIC(BinaryAccuracy, binary_accuracy, Member<BinaryCounting, scores::Accuracy>);

/// Computes the fraction of a class's samples that are predicted so, tp / (tp + fn), averaged over classes (with
/// average none: [C]); samplewise one per sample. 0 without any samples. Source: torchmetrics' MulticlassAccuracy.
METRICS_METRIC(MulticlassAccuracy, multiclass_accuracy, Member<MulticlassCounting, scores::Accuracy>);

/// Computes the fraction of right answers to a label, (tp + tn) / all, averaged over labels (with average none: [L]);
/// samplewise one per sample. 0 without any. Source: torchmetrics' MultilabelAccuracy.
METRICS_METRIC(MultilabelAccuracy, multilabel_accuracy, Member<MultilabelCounting, scores::Accuracy>);

}  // namespace metrics
