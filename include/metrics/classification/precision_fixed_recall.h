#pragma once

#include <metrics/classification/operating_point.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace metrics {

/// Options of BinaryPrecisionAtFixedRecall.
struct BinaryPrecisionAtFixedRecallOptions {
  /// Recall must be at least this, in [0, 1].
  double min_recall = unset_minimum;
  Thresholds thresholds{};
  /// Targets of this value do not count; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 do not count, and NaN is below all
  /// scores.
  bool validate_args = true;
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryPrecisionAtFixedRecallOptions;
    return metrics::fields<&Self::min_recall, &Self::thresholds, &Self::ignore_index, &Self::validate_args,
                           &Self::input>(1);
  }
};

/// Options of MulticlassPrecisionAtFixedRecall.
struct MulticlassPrecisionAtFixedRecallOptions {
  int64_t num_classes = 0;
  /// Recall must be at least this, in [0, 1].
  double min_recall = unset_minimum;
  Thresholds thresholds{};
  /// Targets of this value do not count; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it rows whose target is no class do not count, and NaN is below all
  /// scores.
  bool validate_args = true;
  /// Logits are ranked by the logarithm of their softmax.
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MulticlassPrecisionAtFixedRecallOptions;
    return metrics::fields<&Self::num_classes, &Self::min_recall, &Self::thresholds, &Self::ignore_index,
                           &Self::validate_args, &Self::input>(2);
  }
};

/// Options of MultilabelPrecisionAtFixedRecall.
struct MultilabelPrecisionAtFixedRecallOptions {
  int64_t num_labels = 0;
  /// Recall must be at least this, in [0, 1].
  double min_recall = unset_minimum;
  Thresholds thresholds{};
  /// Targets of this value do not count; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it targets other than 0 and 1 do not count, and NaN is below all
  /// scores.
  bool validate_args = true;
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelPrecisionAtFixedRecallOptions;
    return metrics::fields<&Self::num_labels, &Self::min_recall, &Self::thresholds, &Self::ignore_index,
                           &Self::validate_args, &Self::input>(2);
  }
};

namespace scores {

using PrecisionAtFixedRecall = Greatest<classification::Rate::Precision, classification::Rate::Recall>;

}  // namespace scores

/// Finds the greatest precision, tp / (tp + fp), at a threshold where recall, tp / (tp + fn), is at least `min_recall`;
/// and that threshold. `preds`: scores [N, ...]; `target`: labels of the same shape. Both are scalars. Of equal
/// precision the greater recall wins, then the greater threshold. Thresholds without a defined precision are passed
/// over. If none is left, or the precision is 0: 0, and NaN for the threshold.
/// Source: torchmetrics' BinaryPrecisionAtFixedRecall.
METRICS_METRIC(BinaryPrecisionAtFixedRecall, binary_precision_at_fixed_recall,
               Member<BinaryCurve, scores::PrecisionAtFixedRecall,
                      BinaryPrecisionAtFixedRecallOptions>);

/// Finds for each class what BinaryPrecisionAtFixedRecall finds for one: [C] and [C].
/// `preds`: scores [N, C, ...]; `target`: classes [N, ...]. Source: torchmetrics' MulticlassPrecisionAtFixedRecall.
METRICS_METRIC(MulticlassPrecisionAtFixedRecall, multiclass_precision_at_fixed_recall,
               Member<MulticlassCurve, scores::PrecisionAtFixedRecall,
                      MulticlassPrecisionAtFixedRecallOptions>);

/// Finds for each label what BinaryPrecisionAtFixedRecall finds for one: [L] and [L].
/// `preds`: scores [N, L, ...]; `target`: labels, as `preds`. Source: torchmetrics' MultilabelPrecisionAtFixedRecall.
METRICS_METRIC(MultilabelPrecisionAtFixedRecall, multilabel_precision_at_fixed_recall,
               Member<MultilabelCurve, scores::PrecisionAtFixedRecall,
                      MultilabelPrecisionAtFixedRecallOptions>);

}  // namespace metrics
