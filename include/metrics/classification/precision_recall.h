#pragma once

#include <metrics/classification/stat_scores.h>

namespace metrics {

namespace scores {

struct METRICS_API Precision {
  static constexpr TaskNames classes{"BinaryPrecision", "MulticlassPrecision", "MultilabelPrecision"};
  static constexpr TaskNames functionals{"binary_precision", "multiclass_precision", "multilabel_precision"};
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static Tensor value(const classification::Counts& counts, const classification::Scoring& how);
};

struct METRICS_API Recall {
  static constexpr TaskNames classes{"BinaryRecall", "MulticlassRecall", "MultilabelRecall"};
  static constexpr TaskNames functionals{"binary_recall", "multiclass_recall", "multilabel_recall"};
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static Tensor value(const classification::Counts& counts, const classification::Scoring& how);
};

}  // namespace scores

namespace definitions {

using BinaryPrecision = Scored<BinaryCounting, scores::Precision>;
using MulticlassPrecision = Scored<MulticlassCounting, scores::Precision>;
using MultilabelPrecision = Scored<MultilabelCounting, scores::Precision>;
using BinaryRecall = Scored<BinaryCounting, scores::Recall>;
using MulticlassRecall = Scored<MulticlassCounting, scores::Recall>;
using MultilabelRecall = Scored<MultilabelCounting, scores::Recall>;

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::BinaryPrecision>;
extern template class METRICS_API MetricOf<definitions::MulticlassPrecision>;
extern template class METRICS_API MetricOf<definitions::MultilabelPrecision>;
extern template class METRICS_API MetricOf<definitions::BinaryRecall>;
extern template class METRICS_API MetricOf<definitions::MulticlassRecall>;
extern template class METRICS_API MetricOf<definitions::MultilabelRecall>;

/// Computes the share of the yes answers that are right, tp / (tp + fp); samplewise [N]. `zero_division` where there
/// are none. Source: torchmetrics' BinaryPrecision.
using BinaryPrecision = MetricOf<definitions::BinaryPrecision>;

/// Computes the share of the samples predicted as a class that belong to it, tp / (tp + fp), averaged over classes
/// (with average none: [C]); samplewise one per sample. `zero_division` where there are none. Source: torchmetrics'
/// MulticlassPrecision.
using MulticlassPrecision = MetricOf<definitions::MulticlassPrecision>;

/// Computes the share of the yes answers to a label that are right, tp / (tp + fp), averaged over labels (with average
/// none: [L]); samplewise one per sample. `zero_division` where there are none. Source: torchmetrics'
/// MultilabelPrecision.
using MultilabelPrecision = MetricOf<definitions::MultilabelPrecision>;

/// Computes the share of the positive targets that are found, tp / (tp + fn); samplewise [N]. `zero_division` where
/// there are none. Source: torchmetrics' BinaryRecall.
using BinaryRecall = MetricOf<definitions::BinaryRecall>;

/// Computes the share of a class's samples that are predicted so, tp / (tp + fn), averaged over classes (with average
/// none: [C]); samplewise one per sample. `zero_division` where there are none. Source: torchmetrics' MulticlassRecall.
using MulticlassRecall = MetricOf<definitions::MulticlassRecall>;

/// Computes the share of a label's positive targets that are found, tp / (tp + fn), averaged over labels (with average
/// none: [L]); samplewise one per sample. `zero_division` where there are none. Source: torchmetrics' MultilabelRecall.
using MultilabelRecall = MetricOf<definitions::MultilabelRecall>;

namespace functional {

/// The value of BinaryPrecision over one batch.
inline Tensor binary_precision(const Tensor& preds, const Tensor& target, const BinaryStatScoresOptions& options = {}) {
  return compute_once<definitions::BinaryPrecision>(options, preds, target);
}
/// The value of MulticlassPrecision over one batch.
inline Tensor multiclass_precision(const Tensor& preds, const Tensor& target,
                                   const MulticlassStatScoresOptions& options) {
  return compute_once<definitions::MulticlassPrecision>(options, preds, target);
}
/// The value of MultilabelPrecision over one batch.
inline Tensor multilabel_precision(const Tensor& preds, const Tensor& target,
                                   const MultilabelStatScoresOptions& options) {
  return compute_once<definitions::MultilabelPrecision>(options, preds, target);
}
/// The value of BinaryRecall over one batch.
inline Tensor binary_recall(const Tensor& preds, const Tensor& target, const BinaryStatScoresOptions& options = {}) {
  return compute_once<definitions::BinaryRecall>(options, preds, target);
}
/// The value of MulticlassRecall over one batch.
inline Tensor multiclass_recall(const Tensor& preds, const Tensor& target, const MulticlassStatScoresOptions& options) {
  return compute_once<definitions::MulticlassRecall>(options, preds, target);
}
/// The value of MultilabelRecall over one batch.
inline Tensor multilabel_recall(const Tensor& preds, const Tensor& target, const MultilabelStatScoresOptions& options) {
  return compute_once<definitions::MultilabelRecall>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
