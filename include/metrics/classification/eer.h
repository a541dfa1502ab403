#pragma once

#include <metrics/classification/curves.h>

#include <string_view>

namespace metrics {

namespace definitions {

struct METRICS_API BinaryEER : BinaryCurve<BinaryCurveOptions> {
  static constexpr std::string_view name = "BinaryEER";
  static constexpr std::string_view functional = "binary_eer";
  static constexpr MetricTraits traits{.commits_last = true};
  static Tensor finalise(const States& states, const Prepared& options);
};

struct METRICS_API MulticlassEER : MulticlassCurve<MulticlassCurveOptions> {
  static constexpr std::string_view name = "MulticlassEER";
  static constexpr std::string_view functional = "multiclass_eer";
  static constexpr MetricTraits traits{.commits_last = true};
  static void check(const Options& options);
  static Tensor finalise(const States& states, const Prepared& options);
};

struct METRICS_API MultilabelEER : MultilabelCurve<MultilabelCurveOptions> {
  static constexpr std::string_view name = "MultilabelEER";
  static constexpr std::string_view functional = "multilabel_eer";
  static constexpr MetricTraits traits{.commits_last = true};
  static Tensor finalise(const States& states, const Prepared& options);
};

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::BinaryEER>;
extern template class METRICS_API MetricOf<definitions::MulticlassEER>;
extern template class METRICS_API MetricOf<definitions::MultilabelEER>;

/// Computes the equal error rate: the mean of the false positive rate and the false negative rate at the point of the
/// ROC curve where they are closest, a scalar. Of points equally close, by exact comparison, the one of the greatest
/// threshold counts.
/// `preds`: scores [N, ...]; `target`: labels of the same shape. A rate without samples is that of none let through.
/// Source: torchmetrics' BinaryEER.
using BinaryEER = MetricOf<definitions::BinaryEER>;

/// Computes the equal error rate of each class: [C]; of the averaged ROC curve a scalar. Curves that are averaged run
/// from (0, 0) to (1, 1), straight beyond the thresholds given.
/// `preds`: scores [N, C, ...]; `target`: classes [N, ...]. Source: torchmetrics' MulticlassEER.
using MulticlassEER = MetricOf<definitions::MulticlassEER>;

/// Computes the equal error rate of each label: [L].
/// `preds`: scores [N, L, ...]; `target`: labels, as `preds`. Source: torchmetrics' MultilabelEER.
using MultilabelEER = MetricOf<definitions::MultilabelEER>;

namespace functional {

/// The value of BinaryEER over one batch.
METRICS_API Tensor binary_eer(const Tensor& preds, const Tensor& target, const BinaryCurveOptions& options = {});
/// The value of MulticlassEER over one batch.
METRICS_API Tensor multiclass_eer(const Tensor& preds, const Tensor& target, const MulticlassCurveOptions& options);
/// The value of MultilabelEER over one batch.
METRICS_API Tensor multilabel_eer(const Tensor& preds, const Tensor& target, const MultilabelCurveOptions& options);

}  // namespace functional
}  // namespace metrics
