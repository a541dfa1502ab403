#pragma once

#include <metrics/classification/stat_scores.h>

namespace metrics {

namespace scores {

struct METRICS_API Accuracy {
  static constexpr TaskNames classes{"BinaryAccuracy", "MulticlassAccuracy", "MultilabelAccuracy"};
  static constexpr TaskNames functionals{"binary_accuracy", "multiclass_accuracy", "multilabel_accuracy"};
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static Tensor value(const classification::Counts& counts, const classification::Scoring& how);
};

}  // namespace scores

namespace definitions {

using BinaryAccuracy = Scored<BinaryCounting, scores::Accuracy>;
using MulticlassAccuracy = Scored<MulticlassCounting, scores::Accuracy>;
using MultilabelAccuracy = Scored<MultilabelCounting, scores::Accuracy>;

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::BinaryAccuracy>;
extern template class METRICS_API MetricOf<definitions::MulticlassAccuracy>;
extern template class METRICS_API MetricOf<definitions::MultilabelAccuracy>;

/// Computes the share of right answers, (tp + tn) / all; samplewise [N]. 0 without any.
/// Source: torchmetrics' BinaryAccuracy.
using BinaryAccuracy = MetricOf<definitions::BinaryAccuracy>;

/// Computes the share of a class's samples that are predicted so, tp / (tp + fn), averaged over classes (with average
/// none: [C]); samplewise one per sample. 0 without any samples. Source: torchmetrics' MulticlassAccuracy.
using MulticlassAccuracy = MetricOf<definitions::MulticlassAccuracy>;

/// Computes the share of right answers to a label, (tp + tn) / all, averaged over labels (with average none: [L]);
/// samplewise one per sample. 0 without any. Source: torchmetrics' MultilabelAccuracy.
using MultilabelAccuracy = MetricOf<definitions::MultilabelAccuracy>;

namespace functional {

/// The value of BinaryAccuracy over one batch.
inline Tensor binary_accuracy(const Tensor& preds, const Tensor& target, const BinaryStatScoresOptions& options = {}) {
  return compute_once<definitions::BinaryAccuracy>(options, preds, target);
}
/// The value of MulticlassAccuracy over one batch.
inline Tensor multiclass_accuracy(const Tensor& preds, const Tensor& target,
                                  const MulticlassStatScoresOptions& options) {
  return compute_once<definitions::MulticlassAccuracy>(options, preds, target);
}
/// The value of MultilabelAccuracy over one batch.
inline Tensor multilabel_accuracy(const Tensor& preds, const Tensor& target,
                                  const MultilabelStatScoresOptions& options) {
  return compute_once<definitions::MultilabelAccuracy>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
