#pragma once

#include <metrics/classification/operating_point.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace metrics {

/// Options of BinarySpecificityAtSensitivity.
struct BinarySpecificityAtSensitivityOptions {
  /// Sensitivity must be at least this, in [0, 1].
  double min_sensitivity = unset_minimum;
  Thresholds thresholds{};
  /// Targets of this value do not count; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 do not count, and NaN is below all
  /// scores.
  bool validate_args = true;
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinarySpecificityAtSensitivityOptions;
    return metrics::fields<&Self::min_sensitivity, &Self::thresholds, &Self::ignore_index, &Self::validate_args,
                           &Self::input>(1);
  }
};

/// Options of MulticlassSpecificityAtSensitivity.
struct MulticlassSpecificityAtSensitivityOptions {
  int64_t num_classes = 0;
  /// Sensitivity must be at least this, in [0, 1].
  double min_sensitivity = unset_minimum;
  Thresholds thresholds{};
  /// Targets of this value do not count; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it rows whose target is no class do not count, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// Logits are ranked by the logarithm of their softmax.
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MulticlassSpecificityAtSensitivityOptions;
    return metrics::fields<&Self::num_classes, &Self::min_sensitivity, &Self::thresholds, &Self::ignore_index,
                           &Self::validate_args, &Self::input>(2);
  }
};

/// Options of MultilabelSpecificityAtSensitivity.
struct MultilabelSpecificityAtSensitivityOptions {
  int64_t num_labels = 0;
  /// Sensitivity must be at least this, in [0, 1].
  double min_sensitivity = unset_minimum;
  Thresholds thresholds{};
  /// Targets of this value do not count; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 do not count, and NaN is below all
  /// scores.
  bool validate_args = true;
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelSpecificityAtSensitivityOptions;
    return metrics::fields<&Self::num_labels, &Self::min_sensitivity, &Self::thresholds, &Self::ignore_index,
                           &Self::validate_args, &Self::input>(2);
  }
};

namespace scores {

using SpecificityAtSensitivity = Greatest<classification::Rate::Specificity, classification::Rate::Sensitivity>;

}  // namespace scores

/// Finds the greatest specificity, tn / (tn + fp), at a threshold where sensitivity, tp / (tp + fn), is at least
/// `min_sensitivity`; and that threshold. `preds`: scores [N, ...]; `target`: labels of the same shape. Both are
/// scalars. Of equal specificity the greatest threshold wins; of thresholds that are given, the last in their order.
/// Where all scores are kept, 1 is the threshold that no score reaches. If no threshold is left: 0, and 1e6 for the
/// threshold. Without positives sensitivity is 0, without negatives specificity is 1. Source: torchmetrics'
/// BinarySpecificityAtSensitivity.
METRICS_METRIC(BinarySpecificityAtSensitivity, binary_specificity_at_sensitivity,
               Member<BinaryCurve, scores::SpecificityAtSensitivity,
                      BinarySpecificityAtSensitivityOptions>);

/// Finds for each class what BinarySpecificityAtSensitivity finds for one: [C] and [C].
/// `preds`: scores [N, C, ...]; `target`: classes [N, ...]. Source: torchmetrics' MulticlassSpecificityAtSensitivity.
METRICS_METRIC(MulticlassSpecificityAtSensitivity, multiclass_specificity_at_sensitivity,
               Member<MulticlassCurve, scores::SpecificityAtSensitivity,
                      MulticlassSpecificityAtSensitivityOptions>);

/// Finds for each label what BinarySpecificityAtSensitivity finds for one: [L] and [L].
/// `preds`: scores [N, L, ...]; `target`: labels, as `preds`. Source: torchmetrics' MultilabelSpecificityAtSensitivity.
METRICS_METRIC(MultilabelSpecificityAtSensitivity, multilabel_specificity_at_sensitivity,
               Member<MultilabelCurve, scores::SpecificityAtSensitivity,
                      MultilabelSpecificityAtSensitivityOptions>);

}  // namespace metrics
