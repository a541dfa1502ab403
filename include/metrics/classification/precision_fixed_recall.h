#pragma once

#include <metrics/classification/operating_point.h>
#include <metrics/classification/options.h>

#include <string_view>

namespace metrics {

namespace definitions {

struct METRICS_API BinaryPrecisionAtFixedRecall : BinaryCurve<BinaryPrecisionAtFixedRecallOptions> {
  static constexpr std::string_view name = "BinaryPrecisionAtFixedRecall";
  static constexpr std::string_view functional = "binary_precision_at_fixed_recall";
  static constexpr MetricTraits traits{.commits_last = true};
  static void check(const Options& options);
  static OperatingPoint finalise(const States& states, const Prepared& options);
  static Options example() { return {.min_recall = 0.5}; }
};

struct METRICS_API MulticlassPrecisionAtFixedRecall : MulticlassCurve<MulticlassPrecisionAtFixedRecallOptions> {
  static constexpr std::string_view name = "MulticlassPrecisionAtFixedRecall";
  static constexpr std::string_view functional = "multiclass_precision_at_fixed_recall";
  static constexpr MetricTraits traits{.commits_last = true};
  static void check(const Options& options);
  static OperatingPoint finalise(const States& states, const Prepared& options);
  static Options example() { return {.num_classes = 3, .min_recall = 0.5}; }
};

struct METRICS_API MultilabelPrecisionAtFixedRecall : MultilabelCurve<MultilabelPrecisionAtFixedRecallOptions> {
  static constexpr std::string_view name = "MultilabelPrecisionAtFixedRecall";
  static constexpr std::string_view functional = "multilabel_precision_at_fixed_recall";
  static constexpr MetricTraits traits{.commits_last = true};
  static void check(const Options& options);
  static OperatingPoint finalise(const States& states, const Prepared& options);
  static Options example() { return {.num_labels = 3, .min_recall = 0.5}; }
};

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::BinaryPrecisionAtFixedRecall>;
extern template class METRICS_API MetricOf<definitions::MulticlassPrecisionAtFixedRecall>;
extern template class METRICS_API MetricOf<definitions::MultilabelPrecisionAtFixedRecall>;

/// Finds the greatest precision, tp / (tp + fp), at a threshold where recall, tp / (tp + fn), is at least `min_recall`;
/// and that threshold. `preds`: scores [N, ...]; `target`: labels of the same shape. Both are scalars. Of equal
/// precision the greater recall wins, then the greater threshold. Thresholds without a defined precision are passed
/// over. If none is left, or the precision is 0: 0, and NaN for the threshold.
/// Source: torchmetrics' BinaryPrecisionAtFixedRecall.
using BinaryPrecisionAtFixedRecall = MetricOf<definitions::BinaryPrecisionAtFixedRecall>;

/// Finds for each class what BinaryPrecisionAtFixedRecall finds for one: [C] and [C].
/// `preds`: scores [N, C, ...]; `target`: classes [N, ...]. Source: torchmetrics' MulticlassPrecisionAtFixedRecall.
using MulticlassPrecisionAtFixedRecall = MetricOf<definitions::MulticlassPrecisionAtFixedRecall>;

/// Finds for each label what BinaryPrecisionAtFixedRecall finds for one: [L] and [L].
/// `preds`: scores [N, L, ...]; `target`: labels, as `preds`. Source: torchmetrics' MultilabelPrecisionAtFixedRecall.
using MultilabelPrecisionAtFixedRecall = MetricOf<definitions::MultilabelPrecisionAtFixedRecall>;

namespace functional {

/// The value of BinaryPrecisionAtFixedRecall over one batch.
METRICS_API OperatingPoint binary_precision_at_fixed_recall(const Tensor& preds, const Tensor& target,
                                                            const BinaryPrecisionAtFixedRecallOptions& options);
/// The value of MulticlassPrecisionAtFixedRecall over one batch.
METRICS_API OperatingPoint multiclass_precision_at_fixed_recall(const Tensor& preds, const Tensor& target,
                                                                const MulticlassPrecisionAtFixedRecallOptions& options);
/// The value of MultilabelPrecisionAtFixedRecall over one batch.
METRICS_API OperatingPoint multilabel_precision_at_fixed_recall(const Tensor& preds, const Tensor& target,
                                                                const MultilabelPrecisionAtFixedRecallOptions& options);

}  // namespace functional
}  // namespace metrics
