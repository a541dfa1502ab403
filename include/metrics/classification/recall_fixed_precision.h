#pragma once

#include <metrics/classification/operating_point.h>
#include <metrics/classification/options.h>

#include <string_view>

namespace metrics {

namespace definitions {

struct METRICS_API BinaryRecallAtFixedPrecision : BinaryCurve<BinaryRecallAtFixedPrecisionOptions> {
  static constexpr std::string_view name = "BinaryRecallAtFixedPrecision";
  static constexpr std::string_view functional = "binary_recall_at_fixed_precision";
  static constexpr MetricTraits traits{.commits_last = true};
  static void check(const Options& options);
  static OperatingPoint finalise(const States& states, const Prepared& options);
  static Options example() { return {.min_precision = 0.5}; }
};

struct METRICS_API MulticlassRecallAtFixedPrecision : MulticlassCurve<MulticlassRecallAtFixedPrecisionOptions> {
  static constexpr std::string_view name = "MulticlassRecallAtFixedPrecision";
  static constexpr std::string_view functional = "multiclass_recall_at_fixed_precision";
  static constexpr MetricTraits traits{.commits_last = true};
  static void check(const Options& options);
  static OperatingPoint finalise(const States& states, const Prepared& options);
  static Options example() { return {.num_classes = 3, .min_precision = 0.5}; }
};

struct METRICS_API MultilabelRecallAtFixedPrecision : MultilabelCurve<MultilabelRecallAtFixedPrecisionOptions> {
  static constexpr std::string_view name = "MultilabelRecallAtFixedPrecision";
  static constexpr std::string_view functional = "multilabel_recall_at_fixed_precision";
  static constexpr MetricTraits traits{.commits_last = true};
  static void check(const Options& options);
  static OperatingPoint finalise(const States& states, const Prepared& options);
  static Options example() { return {.num_labels = 3, .min_precision = 0.5}; }
};

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::BinaryRecallAtFixedPrecision>;
extern template class METRICS_API MetricOf<definitions::MulticlassRecallAtFixedPrecision>;
extern template class METRICS_API MetricOf<definitions::MultilabelRecallAtFixedPrecision>;

/// Finds the greatest recall, tp / (tp + fn), at a threshold where precision, tp / (tp + fp), is at least
/// `min_precision`; and that threshold. `preds`: scores [N, ...]; `target`: labels of the same shape. Both are scalars.
/// Of equal recall the greater precision wins, then the greater threshold. Thresholds without a defined recall are
/// passed over. If none is left, or the recall is 0: 0, and NaN for the threshold. Source: torchmetrics'
/// BinaryRecallAtFixedPrecision.
using BinaryRecallAtFixedPrecision = MetricOf<definitions::BinaryRecallAtFixedPrecision>;

/// Finds for each class what BinaryRecallAtFixedPrecision finds for one: [C] and [C].
/// `preds`: scores [N, C, ...]; `target`: classes [N, ...]. Source: torchmetrics' MulticlassRecallAtFixedPrecision.
using MulticlassRecallAtFixedPrecision = MetricOf<definitions::MulticlassRecallAtFixedPrecision>;

/// Finds for each label what BinaryRecallAtFixedPrecision finds for one: [L] and [L].
/// `preds`: scores [N, L, ...]; `target`: labels, as `preds`. Source: torchmetrics' MultilabelRecallAtFixedPrecision.
using MultilabelRecallAtFixedPrecision = MetricOf<definitions::MultilabelRecallAtFixedPrecision>;

namespace functional {

/// The value of BinaryRecallAtFixedPrecision over one batch.
METRICS_API OperatingPoint binary_recall_at_fixed_precision(const Tensor& preds, const Tensor& target,
                                                            const BinaryRecallAtFixedPrecisionOptions& options);
/// The value of MulticlassRecallAtFixedPrecision over one batch.
METRICS_API OperatingPoint multiclass_recall_at_fixed_precision(const Tensor& preds, const Tensor& target,
                                                                const MulticlassRecallAtFixedPrecisionOptions& options);
/// The value of MultilabelRecallAtFixedPrecision over one batch.
METRICS_API OperatingPoint multilabel_recall_at_fixed_precision(const Tensor& preds, const Tensor& target,
                                                                const MultilabelRecallAtFixedPrecisionOptions& options);

}  // namespace functional
}  // namespace metrics
