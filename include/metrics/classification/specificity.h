#pragma once

#include <metrics/classification/stat_scores.h>

namespace metrics {

namespace scores {

struct METRICS_API Specificity {
  static constexpr MetricTraits traits{.commits_last = true};
  static Tensor value(const classification::GatheredCounts& gathered);
};

}  // namespace scores

/// Computes the fraction of the negative targets that are answered so, tn / (tn + fp); samplewise [N]. 0 without any.
/// Source: torchmetrics' BinarySpecificity.
METRICS_METRIC(BinarySpecificity, binary_specificity, Member<BinaryCounting, scores::Specificity>);

/// Computes the fraction of the samples of other classes that are predicted as another, tn / (tn + fp), averaged over
/// classes (with average none: [C]); samplewise one per sample. 0 without any. Source: torchmetrics'
/// MulticlassSpecificity.
METRICS_METRIC(MulticlassSpecificity, multiclass_specificity, Member<MulticlassCounting, scores::Specificity>);

/// Computes the fraction of a label's negative targets that are answered so, tn / (tn + fp), averaged over labels (with
/// average none: [L]); samplewise one per sample. 0 without any. Source: torchmetrics' MultilabelSpecificity.
METRICS_METRIC(MultilabelSpecificity, multilabel_specificity, Member<MultilabelCounting, scores::Specificity>);

}  // namespace metrics
