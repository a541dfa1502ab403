#pragma once

#include <metrics/classification/curves.h>
#include <metrics/classification/options.h>

#include <string_view>

namespace metrics {

namespace definitions {

struct METRICS_API BinaryLogAUC : BinaryCurve<BinaryLogAUCOptions> {
  static constexpr std::string_view name = "BinaryLogAUC";
  static constexpr std::string_view functional = "binary_logauc";
  using FunctionalOptions = BinaryLogAUCFunctionalOptions;
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static void check(const Options& options);
  static Tensor finalise(const States& states, const Prepared& options);
};

struct METRICS_API MulticlassLogAUC : MulticlassCurve<MulticlassLogAUCOptions> {
  static constexpr std::string_view name = "MulticlassLogAUC";
  static constexpr std::string_view functional = "multiclass_logauc";
  using FunctionalOptions = MulticlassLogAUCFunctionalOptions;
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static void check(const Options& options);
  static Tensor finalise(const States& states, const Prepared& options);
};

struct METRICS_API MultilabelLogAUC : MultilabelCurve<MultilabelLogAUCOptions> {
  static constexpr std::string_view name = "MultilabelLogAUC";
  static constexpr std::string_view functional = "multilabel_logauc";
  using FunctionalOptions = MultilabelLogAUCFunctionalOptions;
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static void check(const Options& options);
  static Tensor finalise(const States& states, const Prepared& options);
};

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::BinaryLogAUC>;
extern template class METRICS_API MetricOf<definitions::MulticlassLogAUC>;
extern template class METRICS_API MetricOf<definitions::MultilabelLogAUC>;

/// Computes the area under the ROC curve over the logarithm of the false positive rate, between two of these, divided
/// by the area that a perfect curve has there: a scalar (Mysinger and Shoichet 2010).
/// `preds`: scores [N, ...]; `target`: labels of the same shape. Between points the curve runs straight, and straight
/// on to (0, 0) and (1, 1) where thresholds that are given end before. NaN without negatives; 0 for a curve of fewer
/// than two points. Source: torchmetrics' BinaryLogAUC.
using BinaryLogAUC = MetricOf<definitions::BinaryLogAUC>;

/// Computes the same area for each class: [C], or their mean, a scalar.
/// `preds`: scores [N, C, ...]; `target`: classes [N, ...]. Source: torchmetrics' MulticlassLogAUC.
using MulticlassLogAUC = MetricOf<definitions::MulticlassLogAUC>;

/// Computes the same area for each label: [L], or their mean, a scalar.
/// `preds`: scores [N, L, ...]; `target`: labels, as `preds`. Source: torchmetrics' MultilabelLogAUC.
using MultilabelLogAUC = MetricOf<definitions::MultilabelLogAUC>;

namespace functional {

/// The value of BinaryLogAUC over one batch.
METRICS_API Tensor binary_logauc(const Tensor& preds, const Tensor& target,
                                 const BinaryLogAUCFunctionalOptions& options = {});
/// The value of MulticlassLogAUC over one batch.
METRICS_API Tensor multiclass_logauc(const Tensor& preds, const Tensor& target,
                                     const MulticlassLogAUCFunctionalOptions& options);
/// The value of MultilabelLogAUC over one batch.
METRICS_API Tensor multilabel_logauc(const Tensor& preds, const Tensor& target,
                                     const MultilabelLogAUCFunctionalOptions& options);

}  // namespace functional
}  // namespace metrics
