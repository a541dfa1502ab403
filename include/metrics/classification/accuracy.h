#pragma once

#include <metrics/classification/stat_scores.h>

namespace metrics {

namespace definitions {

struct METRICS_API BinaryAccuracy : BinaryCounting {
  static constexpr std::string_view name = "BinaryAccuracy";
  static constexpr std::string_view functional = "binary_accuracy";
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static Tensor finalise(const States& states, const Options& options);
};

struct METRICS_API MulticlassAccuracy : MulticlassCounting {
  static constexpr std::string_view name = "MulticlassAccuracy";
  static constexpr std::string_view functional = "multiclass_accuracy";
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static Tensor finalise(const States& states, const Options& options);
};

struct METRICS_API MultilabelAccuracy : MultilabelCounting {
  static constexpr std::string_view name = "MultilabelAccuracy";
  static constexpr std::string_view functional = "multilabel_accuracy";
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static Tensor finalise(const States& states, const Options& options);
};

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::BinaryAccuracy>;
extern template class METRICS_API MetricOf<definitions::MulticlassAccuracy>;
extern template class METRICS_API MetricOf<definitions::MultilabelAccuracy>;

/// Computes the share of right answers, (tp + tn) / all; samplewise [N]. 0 without any.
/// Source: torchmetrics' BinaryAccuracy.
using BinaryAccuracy = MetricOf<definitions::BinaryAccuracy>;

/// Computes the share of a class's samples that are predicted so, tp / (tp + fn), averaged over classes (with average
/// none: [C]); samplewise one per sample. 0 without any samples.
/// Source: torchmetrics' MulticlassAccuracy.
using MulticlassAccuracy = MetricOf<definitions::MulticlassAccuracy>;

/// Computes the share of right answers to a label, (tp + tn) / all, averaged over labels (with average none: [L]);
/// samplewise one per sample. 0 without any.
/// Source: torchmetrics' MultilabelAccuracy.
using MultilabelAccuracy = MetricOf<definitions::MultilabelAccuracy>;

namespace functional {

/// The value of BinaryAccuracy over one batch.
METRICS_API Tensor binary_accuracy(const Tensor& preds, const Tensor& target,
                                   const BinaryStatScoresOptions& options = {});
/// The value of MulticlassAccuracy over one batch.
METRICS_API Tensor multiclass_accuracy(const Tensor& preds, const Tensor& target,
                                       const MulticlassStatScoresOptions& options);
/// The value of MultilabelAccuracy over one batch.
METRICS_API Tensor multilabel_accuracy(const Tensor& preds, const Tensor& target,
                                       const MultilabelStatScoresOptions& options);

}  // namespace functional
}  // namespace metrics
