#pragma once

#include <metrics/classification/curves.h>

#include <string_view>

namespace metrics {

/// A receiver operating characteristic, from high thresholds to low. Without thresholds given it begins at (0, 0), with
/// threshold 1.
struct RocCurve {
  Tensor fpr, tpr, thresholds;

  static constexpr auto fields() {
    using Self = RocCurve;
    return metrics::fields<&Self::fpr, &Self::tpr, &Self::thresholds>();
  }
};

/// The same for all classes or labels: a tensor each, with thresholds given stacked as [C, T] over one [T]; of an
/// average one curve.
struct RocCurves {
  Curves fpr, tpr, thresholds;

  static constexpr auto fields() {
    using Self = RocCurves;
    return metrics::fields<&Self::fpr, &Self::tpr, &Self::thresholds>();
  }
};

namespace definitions {

struct METRICS_API BinaryROC : BinaryCurve<BinaryCurveOptions> {
  static constexpr std::string_view name = "BinaryROC";
  static constexpr std::string_view functional = "binary_roc";
  static constexpr MetricTraits traits{.commits_last = true};
  static RocCurve finalise(const States& states, const Prepared& prepared);
};

struct METRICS_API MulticlassROC : MulticlassCurve<MulticlassCurveOptions> {
  static constexpr std::string_view name = "MulticlassROC";
  static constexpr std::string_view functional = "multiclass_roc";
  static constexpr MetricTraits traits{.commits_last = true};
  static void check(const Options& options);
  static RocCurves finalise(const States& states, const Prepared& prepared);
};

struct METRICS_API MultilabelROC : MultilabelCurve<MultilabelCurveOptions> {
  static constexpr std::string_view name = "MultilabelROC";
  static constexpr std::string_view functional = "multilabel_roc";
  static constexpr MetricTraits traits{.commits_last = true};
  static RocCurves finalise(const States& states, const Prepared& prepared);
};

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::BinaryROC>;
extern template class METRICS_API MetricOf<definitions::MulticlassROC>;
extern template class METRICS_API MetricOf<definitions::MultilabelROC>;

/// Computes the false positive rate fp / (fp + tn) and the true positive rate tp / (tp + fn) at each threshold.
/// `preds`: scores [N, ...]; `target`: labels of the same shape. Thresholds come back as probabilities. A rate without
/// samples is 0, and warned of. Source: torchmetrics' BinaryROC.
using BinaryROC = MetricOf<definitions::BinaryROC>;

/// Computes the receiver operating characteristic of each class against all others. `preds`: scores [N, C, ...];
/// `target`: classes [N, ...].
/// Source: torchmetrics' MulticlassROC.
using MulticlassROC = MetricOf<definitions::MulticlassROC>;

/// Computes the receiver operating characteristic of each label. `preds`: scores [N, L, ...]; `target`: labels of the
/// same shape.
/// Source: torchmetrics' MultilabelROC.
using MultilabelROC = MetricOf<definitions::MultilabelROC>;

namespace functional {

/// The value of BinaryROC over one batch.
METRICS_API RocCurve binary_roc(const Tensor& preds, const Tensor& target, const BinaryCurveOptions& options = {});
/// The value of MulticlassROC over one batch.
METRICS_API RocCurves multiclass_roc(const Tensor& preds, const Tensor& target, const MulticlassCurveOptions& options);
/// The value of MultilabelROC over one batch.
METRICS_API RocCurves multilabel_roc(const Tensor& preds, const Tensor& target, const MultilabelCurveOptions& options);

}  // namespace functional
}  // namespace metrics
