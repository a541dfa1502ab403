#pragma once

#include <metrics/classification/operating_point.h>
#include <metrics/classification/options.h>

#include <string_view>

namespace metrics {

namespace definitions {

struct METRICS_API BinarySpecificityAtSensitivity : BinaryCurve<BinarySpecificityAtSensitivityOptions> {
  static constexpr std::string_view name = "BinarySpecificityAtSensitivity";
  static constexpr std::string_view functional = "binary_specificity_at_sensitivity";
  static constexpr MetricTraits traits{.commits_last = true};
  static void check(const Options& options);
  static OperatingPoint finalise(const States& states, const Prepared& options);
  static Options example() { return {.min_sensitivity = 0.5}; }
};

struct METRICS_API MulticlassSpecificityAtSensitivity : MulticlassCurve<MulticlassSpecificityAtSensitivityOptions> {
  static constexpr std::string_view name = "MulticlassSpecificityAtSensitivity";
  static constexpr std::string_view functional = "multiclass_specificity_at_sensitivity";
  static constexpr MetricTraits traits{.commits_last = true};
  static void check(const Options& options);
  static OperatingPoint finalise(const States& states, const Prepared& options);
  static Options example() { return {.num_classes = 3, .min_sensitivity = 0.5}; }
};

struct METRICS_API MultilabelSpecificityAtSensitivity : MultilabelCurve<MultilabelSpecificityAtSensitivityOptions> {
  static constexpr std::string_view name = "MultilabelSpecificityAtSensitivity";
  static constexpr std::string_view functional = "multilabel_specificity_at_sensitivity";
  static constexpr MetricTraits traits{.commits_last = true};
  static void check(const Options& options);
  static OperatingPoint finalise(const States& states, const Prepared& options);
  static Options example() { return {.num_labels = 3, .min_sensitivity = 0.5}; }
};

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::BinarySpecificityAtSensitivity>;
extern template class METRICS_API MetricOf<definitions::MulticlassSpecificityAtSensitivity>;
extern template class METRICS_API MetricOf<definitions::MultilabelSpecificityAtSensitivity>;

/// Finds the greatest specificity, tn / (tn + fp), at a threshold where sensitivity, tp / (tp + fn), is at least
/// `min_sensitivity`; and that threshold. `preds`: scores [N, ...]; `target`: labels of the same shape. Both are
/// scalars. Of equal specificity the greatest threshold wins; of thresholds that are given, the last in their order.
/// Where all scores are kept, 1 is the threshold that no score reaches. If no threshold is left: 0, and 1e6 for the
/// threshold. Without positives sensitivity is 0, without negatives specificity is 1. Source: torchmetrics'
/// BinarySpecificityAtSensitivity.
using BinarySpecificityAtSensitivity = MetricOf<definitions::BinarySpecificityAtSensitivity>;

/// Finds for each class what BinarySpecificityAtSensitivity finds for one: [C] and [C].
/// `preds`: scores [N, C, ...]; `target`: classes [N, ...]. Source: torchmetrics' MulticlassSpecificityAtSensitivity.
using MulticlassSpecificityAtSensitivity = MetricOf<definitions::MulticlassSpecificityAtSensitivity>;

/// Finds for each label what BinarySpecificityAtSensitivity finds for one: [L] and [L].
/// `preds`: scores [N, L, ...]; `target`: labels, as `preds`. Source: torchmetrics' MultilabelSpecificityAtSensitivity.
using MultilabelSpecificityAtSensitivity = MetricOf<definitions::MultilabelSpecificityAtSensitivity>;

namespace functional {

/// The value of BinarySpecificityAtSensitivity over one batch.
METRICS_API OperatingPoint binary_specificity_at_sensitivity(const Tensor& preds, const Tensor& target,
                                                             const BinarySpecificityAtSensitivityOptions& options);
/// The value of MulticlassSpecificityAtSensitivity over one batch.
METRICS_API OperatingPoint multiclass_specificity_at_sensitivity(
    const Tensor& preds, const Tensor& target, const MulticlassSpecificityAtSensitivityOptions& options);
/// The value of MultilabelSpecificityAtSensitivity over one batch.
METRICS_API OperatingPoint multilabel_specificity_at_sensitivity(
    const Tensor& preds, const Tensor& target, const MultilabelSpecificityAtSensitivityOptions& options);

}  // namespace functional
}  // namespace metrics
