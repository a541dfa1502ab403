#pragma once

#include <metrics/classification/choices.h>
#include <metrics/core/member.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Pairs of targets and predictions, and what every metric over them shares: how they are counted, its inputs, its
// states. A metric of the family adds its names, its traits, options of its own and a formula (see cohen_kappa.h).

namespace metrics {

/// Options of every binary metric over a confusion matrix: what decides how pairs are counted.
struct BinaryConfusionOptions {
  /// A score above it is a yes.
  double threshold = 0.5;
  /// Targets of this value do not count; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it a predicted label that is neither 0 nor 1 is wrong, a target
  /// does not count, and NaN is above no threshold.
  bool validate_args = true;
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryConfusionOptions;
    return metrics::fields<&Self::threshold, &Self::ignore_index, &Self::validate_args, &Self::input>();
  }
};

/// Options of every multiclass metric over a confusion matrix: what decides how pairs are counted.
struct MulticlassConfusionOptions {
  int64_t num_classes = 0;
  /// Targets of this value do not count; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it rows with a label outside the classes do not count, and NaN is the
  /// greatest score, the first of several.
  bool validate_args = true;

  static constexpr auto fields() {
    using Self = MulticlassConfusionOptions;
    return metrics::fields<&Self::num_classes, &Self::ignore_index, &Self::validate_args>(1);
  }
};

/// Options of every multilabel metric over a confusion matrix: what decides how pairs are counted.
struct MultilabelConfusionOptions {
  int64_t num_labels = 0;
  /// A score above it is a yes.
  double threshold = 0.5;
  /// Targets of this value do not count; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it a predicted label that is neither 0 nor 1 is wrong, a target
  /// does not count, and NaN is above no threshold.
  bool validate_args = true;
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelConfusionOptions;
    return metrics::fields<&Self::num_labels, &Self::threshold, &Self::ignore_index, &Self::validate_args,
                           &Self::input>(1);
  }
};

/// Options of BinaryConfusionMatrix: BinaryConfusionOptions, and `normalize`.
struct BinaryConfusionMatrixOptions {
  double threshold = 0.5;
  std::optional<int64_t> ignore_index{};
  Normalize normalize = Normalize::None;
  bool validate_args = true;
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryConfusionMatrixOptions;
    return metrics::fields<&Self::threshold, &Self::ignore_index, &Self::normalize, &Self::validate_args,
                           &Self::input>();
  }
};

/// Options of MulticlassConfusionMatrix: MulticlassConfusionOptions, and `normalize`.
struct MulticlassConfusionMatrixOptions {
  int64_t num_classes = 0;
  std::optional<int64_t> ignore_index{};
  Normalize normalize = Normalize::None;
  bool validate_args = true;

  static constexpr auto fields() {
    using Self = MulticlassConfusionMatrixOptions;
    return metrics::fields<&Self::num_classes, &Self::ignore_index, &Self::normalize, &Self::validate_args>(1);
  }
};

/// Options of MultilabelConfusionMatrix: MultilabelConfusionOptions, and `normalize`.
struct MultilabelConfusionMatrixOptions {
  int64_t num_labels = 0;
  double threshold = 0.5;
  std::optional<int64_t> ignore_index{};
  Normalize normalize = Normalize::None;
  bool validate_args = true;
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelConfusionMatrixOptions;
    return metrics::fields<&Self::num_labels, &Self::threshold, &Self::ignore_index, &Self::normalize,
                           &Self::validate_args, &Self::input>(1);
  }
};

/// What all metrics over a binary confusion matrix share. `preds`: scores or labels [N, ...]; `target`: labels of the
/// same shape.
struct METRICS_API BinaryConfusion : TwoReadings {
  using Options = BinaryConfusionOptions;
  using Gathered = Tensor;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target);
  static std::string update_key(const Options& options);
  /// [2, 2], int64: the target is the row, the prediction the column.
  static Tensor gathered(const States& states, const Options& options);
};

/// What all metrics over a multiclass confusion matrix share. `preds`: labels [N, ...] or scores [N, C, ...]; `target`:
/// [N, ...]. A NaN is the greatest of scores.
struct METRICS_API MulticlassConfusion {
  using Options = MulticlassConfusionOptions;
  using Gathered = Tensor;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target);
  static std::string update_key(const Options& options);
  /// [C, C], int64: the target is the row, the prediction the column.
  static Tensor gathered(const States& states, const Options& options);
};

/// What all metrics over a multilabel confusion matrix share. `preds`: scores or labels [N, L, ...]; `target`: labels,
/// as `preds`.
struct METRICS_API MultilabelConfusion : TwoReadings {
  using Options = MultilabelConfusionOptions;
  using Gathered = Tensor;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target);
  static std::string update_key(const Options& options);
  /// [L, 2, 2], int64: the target is the row, the prediction the column.
  static Tensor gathered(const States& states, const Options& options);
};

namespace scores {

struct METRICS_API ConfusionMatrix {
  static constexpr MetricTraits traits{.commits_last = true};
  template <class Options>
  static Tensor value(const Tensor& confusion, const Options& options) {
    return normalised(confusion, options.normalize);
  }

 private:
  static Tensor normalised(const Tensor& confusion, Normalize normalize);
};

}  // namespace scores

/// Counts each pair of target (row) and prediction (column): [2, 2], int64, or floating when normalised.
/// Source: torchmetrics' BinaryConfusionMatrix.
METRICS_METRIC(BinaryConfusionMatrix, binary_confusion_matrix,
               Member<BinaryConfusion, scores::ConfusionMatrix, BinaryConfusionMatrixOptions>);

/// Counts each pair of target (row) and predicted class (column): [C, C], int64, or floating when normalised.
/// Source: torchmetrics' MulticlassConfusionMatrix.
METRICS_METRIC(MulticlassConfusionMatrix, multiclass_confusion_matrix,
               Member<MulticlassConfusion, scores::ConfusionMatrix, MulticlassConfusionMatrixOptions>);

/// Counts each pair of target (row) and prediction (column) for each label: [L, 2, 2], int64, or floating when
/// normalised (each label's matrix on its own). Source: torchmetrics' MultilabelConfusionMatrix.
METRICS_METRIC(MultilabelConfusionMatrix, multilabel_confusion_matrix,
               Member<MultilabelConfusion, scores::ConfusionMatrix, MultilabelConfusionMatrixOptions>);

}  // namespace metrics
