#pragma once

#include <metrics/classification/stat_scores.h>

namespace metrics {

namespace scores {

struct METRICS_API Specificity {
  static constexpr TaskNames classes{"BinarySpecificity", "MulticlassSpecificity", "MultilabelSpecificity"};
  static constexpr TaskNames functionals{"binary_specificity", "multiclass_specificity", "multilabel_specificity"};
  static constexpr MetricTraits traits{.commits_last = true};
  static Tensor value(const classification::Counts& counts, const classification::Scoring& how);
};

}  // namespace scores

namespace definitions {

using BinarySpecificity = Scored<BinaryCounting, scores::Specificity>;
using MulticlassSpecificity = Scored<MulticlassCounting, scores::Specificity>;
using MultilabelSpecificity = Scored<MultilabelCounting, scores::Specificity>;

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::BinarySpecificity>;
extern template class METRICS_API MetricOf<definitions::MulticlassSpecificity>;
extern template class METRICS_API MetricOf<definitions::MultilabelSpecificity>;

/// Computes the share of the negative targets that are answered so, tn / (tn + fp); samplewise [N]. 0 without any.
/// Source: torchmetrics' BinarySpecificity.
using BinarySpecificity = MetricOf<definitions::BinarySpecificity>;

/// Computes the share of the samples of other classes that are predicted as another, tn / (tn + fp), averaged over
/// classes (with average none: [C]); samplewise one per sample. 0 without any. Source: torchmetrics'
/// MulticlassSpecificity.
using MulticlassSpecificity = MetricOf<definitions::MulticlassSpecificity>;

/// Computes the share of a label's negative targets that are answered so, tn / (tn + fp), averaged over labels (with
/// average none: [L]); samplewise one per sample. 0 without any. Source: torchmetrics' MultilabelSpecificity.
using MultilabelSpecificity = MetricOf<definitions::MultilabelSpecificity>;

namespace functional {

/// The value of BinarySpecificity over one batch.
inline Tensor binary_specificity(const Tensor& preds, const Tensor& target,
                                 const BinaryStatScoresOptions& options = {}) {
  return compute_once<definitions::BinarySpecificity>(options, preds, target);
}
/// The value of MulticlassSpecificity over one batch.
inline Tensor multiclass_specificity(const Tensor& preds, const Tensor& target,
                                     const MulticlassStatScoresOptions& options) {
  return compute_once<definitions::MulticlassSpecificity>(options, preds, target);
}
/// The value of MultilabelSpecificity over one batch.
inline Tensor multilabel_specificity(const Tensor& preds, const Tensor& target,
                                     const MultilabelStatScoresOptions& options) {
  return compute_once<definitions::MultilabelSpecificity>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
