#pragma once

#include <metrics/classification/operating_point.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace metrics {

/// Options of BinarySensitivityAtSpecificity.
struct BinarySensitivityAtSpecificityOptions {
  /// Specificity must be at least this, in [0, 1].
  double min_specificity = unset_minimum;
  Thresholds thresholds{};
  /// Targets of this value do not count; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 do not count, and NaN is below all
  /// scores.
  bool validate_args = true;
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinarySensitivityAtSpecificityOptions;
    return metrics::fields<&Self::min_specificity, &Self::thresholds, &Self::ignore_index, &Self::validate_args,
                           &Self::input>(1);
  }
};

/// Options of MulticlassSensitivityAtSpecificity.
struct MulticlassSensitivityAtSpecificityOptions {
  int64_t num_classes = 0;
  /// Specificity must be at least this, in [0, 1].
  double min_specificity = unset_minimum;
  Thresholds thresholds{};
  /// Targets of this value do not count; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it rows whose target is no class do not count, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// Logits are ranked by the logarithm of their softmax.
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MulticlassSensitivityAtSpecificityOptions;
    return metrics::fields<&Self::num_classes, &Self::min_specificity, &Self::thresholds, &Self::ignore_index,
                           &Self::validate_args, &Self::input>(2);
  }
};

/// Options of MultilabelSensitivityAtSpecificity.
struct MultilabelSensitivityAtSpecificityOptions {
  int64_t num_labels = 0;
  /// Specificity must be at least this, in [0, 1].
  double min_specificity = unset_minimum;
  Thresholds thresholds{};
  /// Targets of this value do not count; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 do not count, and NaN is below all
  /// scores.
  bool validate_args = true;
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelSensitivityAtSpecificityOptions;
    return metrics::fields<&Self::num_labels, &Self::min_specificity, &Self::thresholds, &Self::ignore_index,
                           &Self::validate_args, &Self::input>(2);
  }
};

namespace scores {

using SensitivityAtSpecificity = Greatest<classification::Rate::Sensitivity, classification::Rate::Specificity>;

}  // namespace scores

/// Finds the greatest sensitivity, tp / (tp + fn), at a threshold where specificity, tn / (tn + fp), is at least
/// `min_specificity`; and that threshold. `preds`: scores [N, ...]; `target`: labels of the same shape. Both are
/// scalars. Of equal sensitivity the greatest threshold wins; of thresholds that are given, the last in their order.
/// Where all scores are kept, 1 is the threshold that no score reaches. If no threshold is left: 0, and 1e6 for the
/// threshold. Without positives sensitivity is 0, without negatives specificity is 1. Source: torchmetrics'
/// BinarySensitivityAtSpecificity.
METRICS_METRIC(BinarySensitivityAtSpecificity, binary_sensitivity_at_specificity,
               Member<BinaryCurve, scores::SensitivityAtSpecificity,
                      BinarySensitivityAtSpecificityOptions>);

/// Finds for each class what BinarySensitivityAtSpecificity finds for one: [C] and [C].
/// `preds`: scores [N, C, ...]; `target`: classes [N, ...]. Source: torchmetrics' MulticlassSensitivityAtSpecificity.
METRICS_METRIC(MulticlassSensitivityAtSpecificity, multiclass_sensitivity_at_specificity,
               Member<MulticlassCurve, scores::SensitivityAtSpecificity,
                      MulticlassSensitivityAtSpecificityOptions>);

/// Finds for each label what BinarySensitivityAtSpecificity finds for one: [L] and [L].
/// `preds`: scores [N, L, ...]; `target`: labels, as `preds`. Source: torchmetrics' MultilabelSensitivityAtSpecificity.
METRICS_METRIC(MultilabelSensitivityAtSpecificity, multilabel_sensitivity_at_specificity,
               Member<MultilabelCurve, scores::SensitivityAtSpecificity,
                      MultilabelSensitivityAtSpecificityOptions>);

}  // namespace metrics
