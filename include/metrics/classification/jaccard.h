#pragma once

#include <metrics/classification/confusion_matrix.h>
#include <metrics/classification/options.h>

namespace metrics {

namespace scores {

struct METRICS_API JaccardIndex {
  static constexpr TaskNames classes{"BinaryJaccardIndex", "MulticlassJaccardIndex", "MultilabelJaccardIndex"};
  static constexpr TaskNames functionals{"binary_jaccard_index", "multiclass_jaccard_index",
                                         "multilabel_jaccard_index"};
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static Tensor value(const Tensor& confusion, const BinaryJaccardIndexOptions& options);
  static Tensor value(const Tensor& confusion, const MulticlassJaccardIndexOptions& options);
  static Tensor value(const Tensor& confusion, const MultilabelJaccardIndexOptions& options);
};

}  // namespace scores

namespace definitions {

using BinaryJaccardIndex = Scored<BinaryConfusion, scores::JaccardIndex, BinaryJaccardIndexOptions>;
using MulticlassJaccardIndex = Scored<MulticlassConfusion, scores::JaccardIndex, MulticlassJaccardIndexOptions>;
using MultilabelJaccardIndex = Scored<MultilabelConfusion, scores::JaccardIndex, MultilabelJaccardIndexOptions>;

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::BinaryJaccardIndex>;
extern template class METRICS_API MetricOf<definitions::MulticlassJaccardIndex>;
extern template class METRICS_API MetricOf<definitions::MultilabelJaccardIndex>;

/// Computes what positive targets and predictions have in common, as a share of what is either, tp / (tp + fp + fn).
/// Source: Jaccard, 1901; torchmetrics' BinaryJaccardIndex.
using BinaryJaccardIndex = MetricOf<definitions::BinaryJaccardIndex>;

/// Computes what the samples of a class and those predicted so have in common, as a share of what is either,
/// tp / (tp + fp + fn), averaged over classes (with average none: [C]). The macro average leaves out classes that do
/// not occur; an average over none is NaN. Source: Jaccard, 1901; torchmetrics' MulticlassJaccardIndex.
using MulticlassJaccardIndex = MetricOf<definitions::MulticlassJaccardIndex>;

/// Computes what positive targets and predictions of a label have in common, as a share of what is either,
/// tp / (tp + fp + fn), averaged over labels (with average none: [L]). The weighted average without any positive target
/// is NaN. Source: Jaccard, 1901; torchmetrics' MultilabelJaccardIndex.
using MultilabelJaccardIndex = MetricOf<definitions::MultilabelJaccardIndex>;

namespace functional {

/// The value of BinaryJaccardIndex over one batch.
inline Tensor binary_jaccard_index(const Tensor& preds, const Tensor& target,
                                   const BinaryJaccardIndexOptions& options = {}) {
  return compute_once<definitions::BinaryJaccardIndex>(options, preds, target);
}
/// The value of MulticlassJaccardIndex over one batch.
inline Tensor multiclass_jaccard_index(const Tensor& preds, const Tensor& target,
                                       const MulticlassJaccardIndexOptions& options) {
  return compute_once<definitions::MulticlassJaccardIndex>(options, preds, target);
}
/// The value of MultilabelJaccardIndex over one batch.
inline Tensor multilabel_jaccard_index(const Tensor& preds, const Tensor& target,
                                       const MultilabelJaccardIndexOptions& options) {
  return compute_once<definitions::MultilabelJaccardIndex>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
