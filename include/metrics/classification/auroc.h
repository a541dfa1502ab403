#pragma once

#include <metrics/classification/curves.h>
#include <metrics/classification/options.h>

#include <string_view>

namespace metrics {

namespace definitions {

struct METRICS_API BinaryAUROC : BinaryCurve<BinaryAUROCOptions> {
  static constexpr std::string_view name = "BinaryAUROC";
  static constexpr std::string_view functional = "binary_auroc";
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static void check(const Options& options);
  static Tensor finalise(const States& states, const Prepared& prepared);
};

struct METRICS_API MulticlassAUROC : MulticlassCurve<MulticlassAreaOptions> {
  static constexpr std::string_view name = "MulticlassAUROC";
  static constexpr std::string_view functional = "multiclass_auroc";
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static void check(const Options& options);
  static Tensor finalise(const States& states, const Prepared& prepared);
};

struct METRICS_API MultilabelAUROC : MultilabelCurve<MultilabelAreaOptions> {
  static constexpr std::string_view name = "MultilabelAUROC";
  static constexpr std::string_view functional = "multilabel_auroc";
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static Tensor finalise(const States& states, const Prepared& prepared);
};

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::BinaryAUROC>;
extern template class METRICS_API MetricOf<definitions::MulticlassAUROC>;
extern template class METRICS_API MetricOf<definitions::MultilabelAUROC>;

/// Computes the area under the receiver operating characteristic by the trapezoidal rule: without thresholds, how
/// probably a positive sample scores higher than a negative one, ties counting half. With thresholds the curve still
/// runs from (0, 0) to (1, 1), straight beyond the last of them. `preds`: scores [N, ...]; `target`: labels of the same
/// shape. 0, with a warning, where either class is missing. Source: torchmetrics' BinaryAUROC.
using BinaryAUROC = MetricOf<definitions::BinaryAUROC>;

/// Computes the area under the receiver operating characteristic of each class against all others, averaged (with
/// average none: [C]). `preds`: scores [N, C, ...]; `target`: classes [N, ...]. A class without samples has 0, and
/// counts. Source: torchmetrics' MulticlassAUROC.
using MulticlassAUROC = MetricOf<definitions::MulticlassAUROC>;

/// Computes the area under the receiver operating characteristic of each label, averaged (with average none: [L]).
/// `preds`: scores [N, L, ...]; `target`: labels of the same shape.
/// Source: torchmetrics' MultilabelAUROC.
using MultilabelAUROC = MetricOf<definitions::MultilabelAUROC>;

namespace functional {

/// The value of BinaryAUROC over one batch.
METRICS_API Tensor binary_auroc(const Tensor& preds, const Tensor& target, const BinaryAUROCOptions& options = {});
/// The value of MulticlassAUROC over one batch.
METRICS_API Tensor multiclass_auroc(const Tensor& preds, const Tensor& target, const MulticlassAreaOptions& options);
/// The value of MultilabelAUROC over one batch.
METRICS_API Tensor multilabel_auroc(const Tensor& preds, const Tensor& target, const MultilabelAreaOptions& options);

}  // namespace functional
}  // namespace metrics
