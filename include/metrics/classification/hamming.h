#pragma once

#include <metrics/classification/stat_scores.h>

namespace metrics {

namespace scores {

struct METRICS_API HammingDistance {
  static constexpr MetricTraits traits{.higher_is_better = false, .commits_last = true};
  static Tensor value(const classification::GatheredCounts& gathered);
};

}  // namespace scores

/// Computes the fraction of wrong answers, (fp + fn) / all; samplewise [N]. 1 without any.
/// Source: torchmetrics' BinaryHammingDistance.
METRICS_METRIC(BinaryHammingDistance, binary_hamming_distance, Member<BinaryCounting, scores::HammingDistance>);

/// Computes the fraction of a class's samples that are not predicted so, fn / (tp + fn), averaged over classes (with
/// average none: [C]); samplewise one per sample. 1 without any samples. Source: torchmetrics'
/// MulticlassHammingDistance.
METRICS_METRIC(MulticlassHammingDistance, multiclass_hamming_distance,
               Member<MulticlassCounting, scores::HammingDistance>);

/// Computes the fraction of wrong answers to a label, (fp + fn) / all, averaged over labels (with average none: [L]);
/// samplewise one per sample. 1 without any. Source: torchmetrics' MultilabelHammingDistance.
METRICS_METRIC(MultilabelHammingDistance, multilabel_hamming_distance,
               Member<MultilabelCounting, scores::HammingDistance>);

}  // namespace metrics
