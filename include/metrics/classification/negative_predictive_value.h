#pragma once

#include <metrics/classification/stat_scores.h>

namespace metrics {

namespace scores {

struct METRICS_API NegativePredictiveValue {
  static constexpr TaskNames classes{"BinaryNegativePredictiveValue", "MulticlassNegativePredictiveValue",
                                     "MultilabelNegativePredictiveValue"};
  static constexpr TaskNames functionals{"binary_negative_predictive_value", "multiclass_negative_predictive_value",
                                         "multilabel_negative_predictive_value"};
  static constexpr MetricTraits traits{.commits_last = true};
  static Tensor value(const classification::Counts& counts, const classification::Scoring& how);
};

}  // namespace scores

namespace definitions {

using BinaryNegativePredictiveValue = Scored<BinaryCounting, scores::NegativePredictiveValue>;
using MulticlassNegativePredictiveValue = Scored<MulticlassCounting, scores::NegativePredictiveValue>;
using MultilabelNegativePredictiveValue = Scored<MultilabelCounting, scores::NegativePredictiveValue>;

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::BinaryNegativePredictiveValue>;
extern template class METRICS_API MetricOf<definitions::MulticlassNegativePredictiveValue>;
extern template class METRICS_API MetricOf<definitions::MultilabelNegativePredictiveValue>;

/// Computes the share of the no answers that are right, tn / (tn + fn); samplewise [N]. `zero_division` where there are
/// none. Source: torchmetrics' BinaryNegativePredictiveValue.
using BinaryNegativePredictiveValue = MetricOf<definitions::BinaryNegativePredictiveValue>;

/// Computes the share of the samples predicted as another class that belong to another, tn / (tn + fn), averaged over
/// classes (with average none: [C]); samplewise one per sample. `zero_division` where there are none. Source:
/// torchmetrics' MulticlassNegativePredictiveValue.
using MulticlassNegativePredictiveValue = MetricOf<definitions::MulticlassNegativePredictiveValue>;

/// Computes the share of the no answers to a label that are right, tn / (tn + fn), averaged over labels (with average
/// none: [L]); samplewise one per sample. `zero_division` where there are none. Source: torchmetrics'
/// MultilabelNegativePredictiveValue.
using MultilabelNegativePredictiveValue = MetricOf<definitions::MultilabelNegativePredictiveValue>;

namespace functional {

/// The value of BinaryNegativePredictiveValue over one batch.
inline Tensor binary_negative_predictive_value(const Tensor& preds, const Tensor& target,
                                               const BinaryStatScoresOptions& options = {}) {
  return compute_once<definitions::BinaryNegativePredictiveValue>(options, preds, target);
}
/// The value of MulticlassNegativePredictiveValue over one batch.
inline Tensor multiclass_negative_predictive_value(const Tensor& preds, const Tensor& target,
                                                   const MulticlassStatScoresOptions& options) {
  return compute_once<definitions::MulticlassNegativePredictiveValue>(options, preds, target);
}
/// The value of MultilabelNegativePredictiveValue over one batch.
inline Tensor multilabel_negative_predictive_value(const Tensor& preds, const Tensor& target,
                                                   const MultilabelStatScoresOptions& options) {
  return compute_once<definitions::MultilabelNegativePredictiveValue>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
