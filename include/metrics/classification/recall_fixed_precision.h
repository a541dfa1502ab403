#pragma once

#include <metrics/classification/operating_point.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace metrics {

/// Options of BinaryRecallAtFixedPrecision.
struct BinaryRecallAtFixedPrecisionOptions {
  /// Precision must be at least this, in [0, 1].
  double min_precision = unset_minimum;
  Thresholds thresholds{};
  /// Targets of this value do not count; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 do not count, and NaN is below all
  /// scores.
  bool validate_args = true;
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryRecallAtFixedPrecisionOptions;
    return metrics::fields<&Self::min_precision, &Self::thresholds, &Self::ignore_index, &Self::validate_args,
                           &Self::input>(1);
  }
};

/// Options of MulticlassRecallAtFixedPrecision.
struct MulticlassRecallAtFixedPrecisionOptions {
  int64_t num_classes = 0;
  /// Precision must be at least this, in [0, 1].
  double min_precision = unset_minimum;
  Thresholds thresholds{};
  /// Targets of this value do not count; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it rows whose target is no class do not count, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// Logits are ranked by the logarithm of their softmax.
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MulticlassRecallAtFixedPrecisionOptions;
    return metrics::fields<&Self::num_classes, &Self::min_precision, &Self::thresholds, &Self::ignore_index,
                           &Self::validate_args, &Self::input>(2);
  }
};

/// Options of MultilabelRecallAtFixedPrecision.
struct MultilabelRecallAtFixedPrecisionOptions {
  int64_t num_labels = 0;
  /// Precision must be at least this, in [0, 1].
  double min_precision = unset_minimum;
  Thresholds thresholds{};
  /// Targets of this value do not count; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 do not count, and NaN is below all
  /// scores.
  bool validate_args = true;
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelRecallAtFixedPrecisionOptions;
    return metrics::fields<&Self::num_labels, &Self::min_precision, &Self::thresholds, &Self::ignore_index,
                           &Self::validate_args, &Self::input>(2);
  }
};

namespace scores {

using RecallAtFixedPrecision = Greatest<classification::Rate::Recall, classification::Rate::Precision>;

}  // namespace scores

/// Finds the greatest recall, tp / (tp + fn), at a threshold where precision, tp / (tp + fp), is at least
/// `min_precision`; and that threshold. `preds`: scores [N, ...]; `target`: labels of the same shape. Both are scalars.
/// Of equal recall the greater precision wins, then the greater threshold. Thresholds without a defined recall are
/// passed over. If none is left, or the recall is 0: 0, and NaN for the threshold. Source: torchmetrics'
/// BinaryRecallAtFixedPrecision.
METRICS_METRIC(BinaryRecallAtFixedPrecision, binary_recall_at_fixed_precision,
               Member<BinaryCurve, scores::RecallAtFixedPrecision,
                      BinaryRecallAtFixedPrecisionOptions>);

/// Finds for each class what BinaryRecallAtFixedPrecision finds for one: [C] and [C].
/// `preds`: scores [N, C, ...]; `target`: classes [N, ...]. Source: torchmetrics' MulticlassRecallAtFixedPrecision.
METRICS_METRIC(MulticlassRecallAtFixedPrecision, multiclass_recall_at_fixed_precision,
               Member<MulticlassCurve, scores::RecallAtFixedPrecision,
                      MulticlassRecallAtFixedPrecisionOptions>);

/// Finds for each label what BinaryRecallAtFixedPrecision finds for one: [L] and [L].
/// `preds`: scores [N, L, ...]; `target`: labels, as `preds`. Source: torchmetrics' MultilabelRecallAtFixedPrecision.
METRICS_METRIC(MultilabelRecallAtFixedPrecision, multilabel_recall_at_fixed_precision,
               Member<MultilabelCurve, scores::RecallAtFixedPrecision,
                      MultilabelRecallAtFixedPrecisionOptions>);

}  // namespace metrics
