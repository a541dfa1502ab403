#pragma once

#include <metrics/classification/confusion_matrix.h>

namespace metrics {

namespace scores {

struct METRICS_API JaccardIndex {
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static Tensor value(const Tensor& confusion, const BinaryJaccardIndexOptions& options);
  static Tensor value(const Tensor& confusion, const MulticlassJaccardIndexOptions& options);
  static Tensor value(const Tensor& confusion, const MultilabelJaccardIndexOptions& options);
};

}  // namespace scores

/// Computes what positive targets and predictions have in common, as a fraction of what is either, tp / (tp + fp + fn).
/// Source: Jaccard, 1901; torchmetrics' BinaryJaccardIndex.
METRICS_METRIC(BinaryJaccardIndex, binary_jaccard_index,
               Member<BinaryConfusion, scores::JaccardIndex, BinaryJaccardIndexOptions>);

/// Computes what the samples of a class and those predicted so have in common, as a fraction of what is either,
/// tp / (tp + fp + fn), averaged over classes (with average none: [C]). The macro average leaves out classes that do
/// not occur; an average over none is NaN. Source: Jaccard, 1901; torchmetrics' MulticlassJaccardIndex.
METRICS_METRIC(MulticlassJaccardIndex, multiclass_jaccard_index,
               Member<MulticlassConfusion, scores::JaccardIndex, MulticlassJaccardIndexOptions>);

/// Computes what positive targets and predictions of a label have in common, as a fraction of what is either,
/// tp / (tp + fp + fn), averaged over labels (with average none: [L]). The weighted average without any positive target
/// is NaN. Source: Jaccard, 1901; torchmetrics' MultilabelJaccardIndex.
METRICS_METRIC(MultilabelJaccardIndex, multilabel_jaccard_index,
               Member<MultilabelConfusion, scores::JaccardIndex, MultilabelJaccardIndexOptions>);

}  // namespace metrics
