#pragma once

#include <metrics/classification/operating_point.h>
#include <metrics/classification/options.h>

#include <string_view>

namespace metrics {

namespace definitions {

struct METRICS_API BinarySensitivityAtSpecificity : BinaryCurve<BinarySensitivityAtSpecificityOptions> {
  static constexpr std::string_view name = "BinarySensitivityAtSpecificity";
  static constexpr std::string_view functional = "binary_sensitivity_at_specificity";
  static constexpr MetricTraits traits{.commits_last = true};
  static void check(const Options& options);
  static OperatingPoint finalise(const States& states, const Prepared& options);
  static Options example() { return {.min_specificity = 0.5}; }
};

struct METRICS_API MulticlassSensitivityAtSpecificity : MulticlassCurve<MulticlassSensitivityAtSpecificityOptions> {
  static constexpr std::string_view name = "MulticlassSensitivityAtSpecificity";
  static constexpr std::string_view functional = "multiclass_sensitivity_at_specificity";
  static constexpr MetricTraits traits{.commits_last = true};
  static void check(const Options& options);
  static OperatingPoint finalise(const States& states, const Prepared& options);
  static Options example() { return {.num_classes = 3, .min_specificity = 0.5}; }
};

struct METRICS_API MultilabelSensitivityAtSpecificity : MultilabelCurve<MultilabelSensitivityAtSpecificityOptions> {
  static constexpr std::string_view name = "MultilabelSensitivityAtSpecificity";
  static constexpr std::string_view functional = "multilabel_sensitivity_at_specificity";
  static constexpr MetricTraits traits{.commits_last = true};
  static void check(const Options& options);
  static OperatingPoint finalise(const States& states, const Prepared& options);
  static Options example() { return {.num_labels = 3, .min_specificity = 0.5}; }
};

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::BinarySensitivityAtSpecificity>;
extern template class METRICS_API MetricOf<definitions::MulticlassSensitivityAtSpecificity>;
extern template class METRICS_API MetricOf<definitions::MultilabelSensitivityAtSpecificity>;

/// Finds the greatest sensitivity, tp / (tp + fn), at a threshold where specificity, tn / (tn + fp), is at least
/// `min_specificity`; and that threshold. `preds`: scores [N, ...]; `target`: labels of the same shape. Both are
/// scalars. Of equal sensitivity the greatest threshold wins; of thresholds that are given, the last in their order.
/// Where all scores are kept, 1 is the threshold that no score reaches. If no threshold is left: 0, and 1e6 for the
/// threshold. Without positives sensitivity is 0, without negatives specificity is 1. Source: torchmetrics'
/// BinarySensitivityAtSpecificity.
using BinarySensitivityAtSpecificity = MetricOf<definitions::BinarySensitivityAtSpecificity>;

/// Finds for each class what BinarySensitivityAtSpecificity finds for one: [C] and [C].
/// `preds`: scores [N, C, ...]; `target`: classes [N, ...]. Source: torchmetrics' MulticlassSensitivityAtSpecificity.
using MulticlassSensitivityAtSpecificity = MetricOf<definitions::MulticlassSensitivityAtSpecificity>;

/// Finds for each label what BinarySensitivityAtSpecificity finds for one: [L] and [L].
/// `preds`: scores [N, L, ...]; `target`: labels, as `preds`. Source: torchmetrics' MultilabelSensitivityAtSpecificity.
using MultilabelSensitivityAtSpecificity = MetricOf<definitions::MultilabelSensitivityAtSpecificity>;

namespace functional {

/// The value of BinarySensitivityAtSpecificity over one batch.
METRICS_API OperatingPoint binary_sensitivity_at_specificity(const Tensor& preds, const Tensor& target,
                                                             const BinarySensitivityAtSpecificityOptions& options);
/// The value of MulticlassSensitivityAtSpecificity over one batch.
METRICS_API OperatingPoint multiclass_sensitivity_at_specificity(
    const Tensor& preds, const Tensor& target, const MulticlassSensitivityAtSpecificityOptions& options);
/// The value of MultilabelSensitivityAtSpecificity over one batch.
METRICS_API OperatingPoint multilabel_sensitivity_at_specificity(
    const Tensor& preds, const Tensor& target, const MultilabelSensitivityAtSpecificityOptions& options);

}  // namespace functional
}  // namespace metrics
