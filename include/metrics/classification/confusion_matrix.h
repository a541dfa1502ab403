#pragma once

#include <metrics/classification/choices.h>
#include <metrics/core/metric_of.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace metrics {

/// Options of BinaryConfusionMatrix.
struct BinaryConfusionMatrixOptions {
  /// A score above it is a yes.
  double threshold = 0.5;
  /// Targets of this value do not count; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  Normalize normalize = Normalize::None;
  /// Whether labels are checked. Without it a predicted label that is neither 0 nor 1 is wrong, a target does not
  /// count.
  bool validate_args = true;
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryConfusionMatrixOptions;
    return metrics::fields<&Self::threshold, &Self::ignore_index, &Self::normalize, &Self::validate_args,
                           &Self::input>();
  }
};

/// Options of MulticlassConfusionMatrix.
struct MulticlassConfusionMatrixOptions {
  int64_t num_classes = 0;
  /// Targets of this value do not count; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  Normalize normalize = Normalize::None;
  /// Whether labels are checked. Without it rows with a label outside the classes do not count.
  bool validate_args = true;

  static constexpr auto fields() {
    using Self = MulticlassConfusionMatrixOptions;
    return metrics::fields<&Self::num_classes, &Self::ignore_index, &Self::normalize, &Self::validate_args>(1);
  }
};

/// Options of MultilabelConfusionMatrix.
struct MultilabelConfusionMatrixOptions {
  int64_t num_labels = 0;
  /// A score above it is a yes.
  double threshold = 0.5;
  /// Targets of this value do not count; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  Normalize normalize = Normalize::None;
  /// Whether labels are checked. Without it a predicted label that is neither 0 nor 1 is wrong, a target does not
  /// count.
  bool validate_args = true;
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelConfusionMatrixOptions;
    return metrics::fields<&Self::num_labels, &Self::threshold, &Self::ignore_index, &Self::normalize,
                           &Self::validate_args, &Self::input>(1);
  }
};

namespace definitions {

struct METRICS_API BinaryConfusionMatrix : TwoReadings {
  static constexpr std::string_view name = "BinaryConfusionMatrix";
  static constexpr std::string_view functional = "binary_confusion_matrix";
  using Options = BinaryConfusionMatrixOptions;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static constexpr MetricTraits traits{.commits_last = true};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target);
  static Tensor finalise(const States& states, const Options& options);
};

struct METRICS_API MulticlassConfusionMatrix {
  static constexpr std::string_view name = "MulticlassConfusionMatrix";
  static constexpr std::string_view functional = "multiclass_confusion_matrix";
  using Options = MulticlassConfusionMatrixOptions;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static constexpr MetricTraits traits{.commits_last = true};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target);
  static Tensor finalise(const States& states, const Options& options);
  static Options example() { return {.num_classes = 3}; }
};

struct METRICS_API MultilabelConfusionMatrix : TwoReadings {
  static constexpr std::string_view name = "MultilabelConfusionMatrix";
  static constexpr std::string_view functional = "multilabel_confusion_matrix";
  using Options = MultilabelConfusionMatrixOptions;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static constexpr MetricTraits traits{.commits_last = true};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target);
  static Tensor finalise(const States& states, const Options& options);
  static Options example() { return {.num_labels = 3}; }
};

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::BinaryConfusionMatrix>;
extern template class METRICS_API MetricOf<definitions::MulticlassConfusionMatrix>;
extern template class METRICS_API MetricOf<definitions::MultilabelConfusionMatrix>;

/// Counts each pair of target (row) and prediction (column): [2, 2], int64, or floating when normalised.
/// `preds`: scores or labels [N, ...]; `target`: labels of the same shape. Source: torchmetrics' BinaryConfusionMatrix.
using BinaryConfusionMatrix = MetricOf<definitions::BinaryConfusionMatrix>;

/// Counts each pair of target (row) and predicted class (column): [C, C], int64, or floating when normalised.
/// `preds`: labels [N, ...] or scores [N, C, ...]; `target`: [N, ...]. Source: torchmetrics' MulticlassConfusionMatrix.
using MulticlassConfusionMatrix = MetricOf<definitions::MulticlassConfusionMatrix>;

/// Counts each pair of target (row) and prediction (column) for each label: [L, 2, 2], int64, or floating when
/// normalised (each label's matrix on its own). `preds`: scores or labels [N, L, ...]; `target`: labels, as `preds`.
/// Source: torchmetrics' MultilabelConfusionMatrix.
using MultilabelConfusionMatrix = MetricOf<definitions::MultilabelConfusionMatrix>;

namespace functional {

/// The value of BinaryConfusionMatrix over one batch.
METRICS_API Tensor binary_confusion_matrix(const Tensor& preds, const Tensor& target,
                                           const BinaryConfusionMatrixOptions& options = {});
/// The value of MulticlassConfusionMatrix over one batch.
METRICS_API Tensor multiclass_confusion_matrix(const Tensor& preds, const Tensor& target,
                                               const MulticlassConfusionMatrixOptions& options);
/// The value of MultilabelConfusionMatrix over one batch.
METRICS_API Tensor multilabel_confusion_matrix(const Tensor& preds, const Tensor& target,
                                               const MultilabelConfusionMatrixOptions& options);

}  // namespace functional
}  // namespace metrics
