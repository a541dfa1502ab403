#pragma once

#include <metrics/classification/curves.h>

namespace metrics {

/// A curve of precision over recall, from low thresholds to high. After the last threshold comes the point where
/// nothing is predicted: precision 1, recall 0.
struct PrecisionRecallPairs {
  Tensor precision;   ///< tp / (tp + fp): [T + 1].
  Tensor recall;      ///< tp / (tp + fn): [T + 1].
  Tensor thresholds;  ///< Rising, as probabilities: [T].

  static constexpr auto fields() {
    using Self = PrecisionRecallPairs;
    return metrics::fields<&Self::precision, &Self::recall, &Self::thresholds>();
  }
};

/// The same for all classes or labels: a tensor each, with thresholds given stacked as [C, T + 1] over one [T]; of an
/// average one curve.
struct PrecisionRecallCurves {
  Curves precision;   ///< tp / (tp + fp).
  Curves recall;      ///< tp / (tp + fn).
  Curves thresholds;  ///< Rising, as probabilities.

  static constexpr auto fields() {
    using Self = PrecisionRecallCurves;
    return metrics::fields<&Self::precision, &Self::recall, &Self::thresholds>();
  }
};

namespace scores {

struct METRICS_API PrecisionRecallCurve {
  static constexpr MetricTraits traits{.commits_last = true};
  static void check(const MulticlassCurveOptions& options);
  static PrecisionRecallPairs value(const classification::GatheredCurve& curve, const BinaryCurveOptions& options);
  static PrecisionRecallCurves value(const classification::GatheredCurve& curve, const MulticlassCurveOptions& options);
  static PrecisionRecallCurves value(const classification::GatheredCurve& curve, const MultilabelCurveOptions& options);
};

}  // namespace scores

/// Computes precision tp / (tp + fp) and recall tp / (tp + fn) at each threshold. `preds`: scores [N, ...]; `target`:
/// labels of the same shape. Thresholds come back as probabilities. Without positive samples the recall is 1, with
/// thresholds given NaN; a precision without predictions is NaN.
/// Source: torchmetrics' BinaryPrecisionRecallCurve.
METRICS_METRIC(BinaryPrecisionRecallCurve, binary_precision_recall_curve,
               Member<BinaryCurve, scores::PrecisionRecallCurve>);

/// Computes the precision-recall curve of each class against all others. `preds`: scores [N, C, ...]; `target`: classes
/// [N, ...]. The recall of a class without samples is NaN.
/// Source: torchmetrics' MulticlassPrecisionRecallCurve.
METRICS_METRIC(MulticlassPrecisionRecallCurve, multiclass_precision_recall_curve,
               Member<MulticlassCurve, scores::PrecisionRecallCurve>);

/// Computes the precision-recall curve of each label. `preds`: scores [N, L, ...]; `target`: labels of the same shape.
/// Without positive samples a label's recall is 1, with thresholds given NaN.
/// Source: torchmetrics' MultilabelPrecisionRecallCurve.
METRICS_METRIC(MultilabelPrecisionRecallCurve, multilabel_precision_recall_curve,
               Member<MultilabelCurve, scores::PrecisionRecallCurve>);

}  // namespace metrics
