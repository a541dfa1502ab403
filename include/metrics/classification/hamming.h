#pragma once

#include <metrics/classification/stat_scores.h>

namespace metrics {

namespace scores {

struct METRICS_API HammingDistance {
  static constexpr TaskNames classes{"BinaryHammingDistance", "MulticlassHammingDistance", "MultilabelHammingDistance"};
  static constexpr TaskNames functionals{"binary_hamming_distance", "multiclass_hamming_distance",
                                         "multilabel_hamming_distance"};
  static constexpr MetricTraits traits{.higher_is_better = false, .commits_last = true};
  static Tensor value(const classification::Counts& counts, const classification::Scoring& how);
};

}  // namespace scores

namespace definitions {

using BinaryHammingDistance = Scored<BinaryCounting, scores::HammingDistance>;
using MulticlassHammingDistance = Scored<MulticlassCounting, scores::HammingDistance>;
using MultilabelHammingDistance = Scored<MultilabelCounting, scores::HammingDistance>;

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::BinaryHammingDistance>;
extern template class METRICS_API MetricOf<definitions::MulticlassHammingDistance>;
extern template class METRICS_API MetricOf<definitions::MultilabelHammingDistance>;

/// Computes the share of wrong answers, (fp + fn) / all; samplewise [N]. 1 without any.
/// Source: torchmetrics' BinaryHammingDistance.
using BinaryHammingDistance = MetricOf<definitions::BinaryHammingDistance>;

/// Computes the share of a class's samples that are not predicted so, fn / (tp + fn), averaged over classes (with
/// average none: [C]); samplewise one per sample. 1 without any samples. Source: torchmetrics'
/// MulticlassHammingDistance.
using MulticlassHammingDistance = MetricOf<definitions::MulticlassHammingDistance>;

/// Computes the share of wrong answers to a label, (fp + fn) / all, averaged over labels (with average none: [L]);
/// samplewise one per sample. 1 without any. Source: torchmetrics' MultilabelHammingDistance.
using MultilabelHammingDistance = MetricOf<definitions::MultilabelHammingDistance>;

namespace functional {

/// The value of BinaryHammingDistance over one batch.
inline Tensor binary_hamming_distance(const Tensor& preds, const Tensor& target,
                                      const BinaryStatScoresOptions& options = {}) {
  return compute_once<definitions::BinaryHammingDistance>(options, preds, target);
}
/// The value of MulticlassHammingDistance over one batch.
inline Tensor multiclass_hamming_distance(const Tensor& preds, const Tensor& target,
                                          const MulticlassStatScoresOptions& options) {
  return compute_once<definitions::MulticlassHammingDistance>(options, preds, target);
}
/// The value of MultilabelHammingDistance over one batch.
inline Tensor multilabel_hamming_distance(const Tensor& preds, const Tensor& target,
                                          const MultilabelStatScoresOptions& options) {
  return compute_once<definitions::MultilabelHammingDistance>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
