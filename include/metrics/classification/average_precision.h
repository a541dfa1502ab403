#pragma once

#include <metrics/classification/curves.h>

#include <string_view>

namespace metrics {

namespace definitions {

struct METRICS_API BinaryAveragePrecision : BinaryCurve<BinaryCurveOptions> {
  static constexpr std::string_view name = "BinaryAveragePrecision";
  static constexpr std::string_view functional = "binary_average_precision";
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static Tensor finalise(const States& states, const Prepared& prepared);
};

struct METRICS_API MulticlassAveragePrecision : MulticlassCurve<MulticlassAreaOptions> {
  static constexpr std::string_view name = "MulticlassAveragePrecision";
  static constexpr std::string_view functional = "multiclass_average_precision";
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static void check(const Options& options);
  static Tensor finalise(const States& states, const Prepared& prepared);
};

struct METRICS_API MultilabelAveragePrecision : MultilabelCurve<MultilabelAreaOptions> {
  static constexpr std::string_view name = "MultilabelAveragePrecision";
  static constexpr std::string_view functional = "multilabel_average_precision";
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static Tensor finalise(const States& states, const Prepared& prepared);
};

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::BinaryAveragePrecision>;
extern template class METRICS_API MetricOf<definitions::MulticlassAveragePrecision>;
extern template class METRICS_API MetricOf<definitions::MultilabelAveragePrecision>;

/// Computes the mean of the precisions at each threshold, weighted by the gain of recall there. What the thresholds
/// given leave of the recall is gained at the precision of all samples. `preds`: scores [N, ...]; `target`: labels of
/// the same shape. 0 without positive samples, with a warning where no thresholds are given.
/// Source: torchmetrics' BinaryAveragePrecision.
using BinaryAveragePrecision = MetricOf<definitions::BinaryAveragePrecision>;

/// Computes the average precision of each class against all others, averaged (with average none: [C]). `preds`: scores
/// [N, C, ...]; `target`: classes [N, ...]. A class without samples has NaN and is left out of averages, with a
/// warning; with thresholds given it has 0. Source: torchmetrics' MulticlassAveragePrecision.
using MulticlassAveragePrecision = MetricOf<definitions::MulticlassAveragePrecision>;

/// Computes the average precision of each label, averaged (with average none: [L]). `preds`: scores [N, L, ...];
/// `target`: labels of the same shape. A label without positive samples has 0.
/// Source: torchmetrics' MultilabelAveragePrecision.
using MultilabelAveragePrecision = MetricOf<definitions::MultilabelAveragePrecision>;

namespace functional {

/// The value of BinaryAveragePrecision over one batch.
METRICS_API Tensor binary_average_precision(const Tensor& preds, const Tensor& target,
                                            const BinaryCurveOptions& options = {});
/// The value of MulticlassAveragePrecision over one batch.
METRICS_API Tensor multiclass_average_precision(const Tensor& preds, const Tensor& target,
                                                const MulticlassAreaOptions& options);
/// The value of MultilabelAveragePrecision over one batch.
METRICS_API Tensor multilabel_average_precision(const Tensor& preds, const Tensor& target,
                                                const MultilabelAreaOptions& options);

}  // namespace functional
}  // namespace metrics
