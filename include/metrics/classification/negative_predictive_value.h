#pragma once

#include <metrics/classification/stat_scores.h>

namespace metrics {

namespace scores {

struct METRICS_API NegativePredictiveValue {
  static constexpr MetricTraits traits{.commits_last = true};
  static Tensor value(const classification::GatheredCounts& gathered);
};

}  // namespace scores

/// Computes the fraction of the no answers that are right, tn / (tn + fn); samplewise [N]. `zero_division` where there
/// are none. Source: torchmetrics' BinaryNegativePredictiveValue.
METRICS_METRIC(BinaryNegativePredictiveValue, binary_negative_predictive_value,
               Member<BinaryCounting, scores::NegativePredictiveValue>);

/// Computes the fraction of the samples predicted as another class that belong to another, tn / (tn + fn), averaged
/// over classes (with average none: [C]); samplewise one per sample. `zero_division` where there are none. Source:
/// torchmetrics' MulticlassNegativePredictiveValue.
METRICS_METRIC(MulticlassNegativePredictiveValue, multiclass_negative_predictive_value,
               Member<MulticlassCounting, scores::NegativePredictiveValue>);

/// Computes the fraction of the no answers to a label that are right, tn / (tn + fn), averaged over labels (with
/// average none: [L]); samplewise one per sample. `zero_division` where there are none. Source: torchmetrics'
/// MultilabelNegativePredictiveValue.
METRICS_METRIC(MultilabelNegativePredictiveValue, multilabel_negative_predictive_value,
               Member<MultilabelCounting, scores::NegativePredictiveValue>);

}  // namespace metrics
