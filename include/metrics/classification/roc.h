#pragma once

#include <metrics/classification/curves.h>

namespace metrics {

/// A receiver operating characteristic, from high thresholds to low. Without thresholds given it begins at (0, 0), with
/// threshold 1.
struct RocCurve {
  Tensor fpr;         ///< False positive rates, fp / (fp + tn): [T].
  Tensor tpr;         ///< True positive rates, tp / (tp + fn): [T].
  Tensor thresholds;  ///< Falling, as probabilities: [T].

  static constexpr auto fields() {
    using Self = RocCurve;
    return metrics::fields<&Self::fpr, &Self::tpr, &Self::thresholds>();
  }
};

/// The same for all classes or labels: a tensor each, with thresholds given stacked as [C, T] over one [T]; of an
/// average one curve.
struct RocCurves {
  Curves fpr;         ///< False positive rates, fp / (fp + tn).
  Curves tpr;         ///< True positive rates, tp / (tp + fn).
  Curves thresholds;  ///< Falling, as probabilities.

  static constexpr auto fields() {
    using Self = RocCurves;
    return metrics::fields<&Self::fpr, &Self::tpr, &Self::thresholds>();
  }
};

namespace scores {

struct METRICS_API ROC {
  static constexpr MetricTraits traits{.commits_last = true};
  static void check(const MulticlassCurveOptions& options);
  static RocCurve value(const classification::GatheredCurve& curve, const BinaryCurveOptions& options);
  static RocCurves value(const classification::GatheredCurve& curve, const MulticlassCurveOptions& options);
  static RocCurves value(const classification::GatheredCurve& curve, const MultilabelCurveOptions& options);
};

}  // namespace scores

/// Computes the false positive rate fp / (fp + tn) and the true positive rate tp / (tp + fn) at each threshold.
/// `preds`: scores [N, ...]; `target`: labels of the same shape. Thresholds come back as probabilities. A rate without
/// samples is 0, and warned of. Source: torchmetrics' BinaryROC.
METRICS_METRIC(BinaryROC, binary_roc, Member<BinaryCurve, scores::ROC>);

/// Computes the receiver operating characteristic of each class against all others. `preds`: scores [N, C, ...];
/// `target`: classes [N, ...].
/// Source: torchmetrics' MulticlassROC.
METRICS_METRIC(MulticlassROC, multiclass_roc, Member<MulticlassCurve, scores::ROC>);

/// Computes the receiver operating characteristic of each label. `preds`: scores [N, L, ...]; `target`: labels of the
/// same shape.
/// Source: torchmetrics' MultilabelROC.
METRICS_METRIC(MultilabelROC, multilabel_roc, Member<MultilabelCurve, scores::ROC>);

}  // namespace metrics
