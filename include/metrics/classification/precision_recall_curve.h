#pragma once

#include <metrics/classification/curves.h>

#include <string_view>

namespace metrics {

/// A curve of precision over recall, from low thresholds to high. After the last threshold comes the point where
/// nothing is predicted: precision 1, recall 0.
struct PrecisionRecallPairs {
  Tensor precision, recall;  ///< [T + 1]
  Tensor thresholds;         ///< [T]

  static constexpr auto fields() {
    using Self = PrecisionRecallPairs;
    return metrics::fields<&Self::precision, &Self::recall, &Self::thresholds>();
  }
};

/// The same for all classes or labels: a tensor each, with thresholds given stacked as [C, T + 1] over one [T]; of an
/// average one curve.
struct PrecisionRecallCurves {
  Curves precision, recall, thresholds;

  static constexpr auto fields() {
    using Self = PrecisionRecallCurves;
    return metrics::fields<&Self::precision, &Self::recall, &Self::thresholds>();
  }
};

namespace definitions {

struct METRICS_API BinaryPrecisionRecallCurve : BinaryCurve<BinaryCurveOptions> {
  static constexpr std::string_view name = "BinaryPrecisionRecallCurve";
  static constexpr std::string_view functional = "binary_precision_recall_curve";
  static constexpr MetricTraits traits{.commits_last = true};
  static PrecisionRecallPairs finalise(const States& states, const Prepared& prepared);
};

struct METRICS_API MulticlassPrecisionRecallCurve : MulticlassCurve<MulticlassCurveOptions> {
  static constexpr std::string_view name = "MulticlassPrecisionRecallCurve";
  static constexpr std::string_view functional = "multiclass_precision_recall_curve";
  static constexpr MetricTraits traits{.commits_last = true};
  static void check(const Options& options);
  static PrecisionRecallCurves finalise(const States& states, const Prepared& prepared);
};

struct METRICS_API MultilabelPrecisionRecallCurve : MultilabelCurve<MultilabelCurveOptions> {
  static constexpr std::string_view name = "MultilabelPrecisionRecallCurve";
  static constexpr std::string_view functional = "multilabel_precision_recall_curve";
  static constexpr MetricTraits traits{.commits_last = true};
  static PrecisionRecallCurves finalise(const States& states, const Prepared& prepared);
};

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::BinaryPrecisionRecallCurve>;
extern template class METRICS_API MetricOf<definitions::MulticlassPrecisionRecallCurve>;
extern template class METRICS_API MetricOf<definitions::MultilabelPrecisionRecallCurve>;

/// Computes precision tp / (tp + fp) and recall tp / (tp + fn) at each threshold. `preds`: scores [N, ...]; `target`:
/// labels of the same shape. Thresholds come back as probabilities. Without positive samples the recall is 1, with
/// thresholds given NaN; a precision without predictions is NaN.
/// Source: torchmetrics' BinaryPrecisionRecallCurve.
using BinaryPrecisionRecallCurve = MetricOf<definitions::BinaryPrecisionRecallCurve>;

/// Computes the precision-recall curve of each class against all others. `preds`: scores [N, C, ...]; `target`: classes
/// [N, ...]. The recall of a class without samples is NaN.
/// Source: torchmetrics' MulticlassPrecisionRecallCurve.
using MulticlassPrecisionRecallCurve = MetricOf<definitions::MulticlassPrecisionRecallCurve>;

/// Computes the precision-recall curve of each label. `preds`: scores [N, L, ...]; `target`: labels of the same shape.
/// Without positive samples a label's recall is 1, with thresholds given NaN.
/// Source: torchmetrics' MultilabelPrecisionRecallCurve.
using MultilabelPrecisionRecallCurve = MetricOf<definitions::MultilabelPrecisionRecallCurve>;

namespace functional {

/// The value of BinaryPrecisionRecallCurve over one batch.
METRICS_API PrecisionRecallPairs binary_precision_recall_curve(const Tensor& preds, const Tensor& target,
                                                               const BinaryCurveOptions& options = {});
/// The value of MulticlassPrecisionRecallCurve over one batch.
METRICS_API PrecisionRecallCurves multiclass_precision_recall_curve(const Tensor& preds, const Tensor& target,
                                                                    const MulticlassCurveOptions& options);
/// The value of MultilabelPrecisionRecallCurve over one batch.
METRICS_API PrecisionRecallCurves multilabel_precision_recall_curve(const Tensor& preds, const Tensor& target,
                                                                    const MultilabelCurveOptions& options);

}  // namespace functional
}  // namespace metrics
