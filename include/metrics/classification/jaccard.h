#pragma once

#include <metrics/classification/confusion_matrix.h>

#include <cstdint>
#include <optional>

namespace metrics {

/// Options of BinaryJaccardIndex: BinaryConfusionOptions, and `zero_division`.
struct BinaryJaccardIndexOptions {
  double threshold = 0.5;
  std::optional<int64_t> ignore_index{};
  bool validate_args = true;
  /// Score where neither a target nor a prediction is positive.
  double zero_division = 0;
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryJaccardIndexOptions;
    return metrics::fields<&Self::threshold, &Self::ignore_index, &Self::validate_args, &Self::zero_division,
                           &Self::input>();
  }
};

/// Options of MulticlassJaccardIndex: MulticlassConfusionOptions, `average` and `zero_division`.
struct MulticlassJaccardIndexOptions {
  int64_t num_classes = 0;
  Average average = Average::Macro;
  /// Targets of this value do not count. A class of this value has no part in the micro and macro averages.
  std::optional<int64_t> ignore_index{};
  bool validate_args = true;
  /// Score of a class or label that is neither a target nor predicted.
  double zero_division = 0;

  static constexpr auto fields() {
    using Self = MulticlassJaccardIndexOptions;
    return metrics::fields<&Self::num_classes, &Self::average, &Self::ignore_index, &Self::validate_args,
                           &Self::zero_division>(1);
  }
};

/// Options of MultilabelJaccardIndex: MultilabelConfusionOptions, `average` and `zero_division`.
struct MultilabelJaccardIndexOptions {
  int64_t num_labels = 0;
  double threshold = 0.5;
  Average average = Average::Macro;
  std::optional<int64_t> ignore_index{};
  bool validate_args = true;
  /// Score of a class or label that is neither a target nor predicted.
  double zero_division = 0;
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelJaccardIndexOptions;
    return metrics::fields<&Self::num_labels, &Self::threshold, &Self::average, &Self::ignore_index,
                           &Self::validate_args, &Self::zero_division, &Self::input>(1);
  }
};

namespace scores {

struct METRICS_API JaccardIndex {
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static Tensor value(const Tensor& confusion, const BinaryJaccardIndexOptions& options);
  static Tensor value(const Tensor& confusion, const MulticlassJaccardIndexOptions& options);
  static Tensor value(const Tensor& confusion, const MultilabelJaccardIndexOptions& options);
};

}  // namespace scores

/// Computes what positive targets and predictions have in common, as a share of what is either, tp / (tp + fp + fn).
/// Source: Jaccard, 1901; torchmetrics' BinaryJaccardIndex.
METRICS_METRIC(BinaryJaccardIndex, binary_jaccard_index,
               Member<BinaryConfusion, scores::JaccardIndex, BinaryJaccardIndexOptions>);

/// Computes what the samples of a class and those predicted so have in common, as a share of what is either,
/// tp / (tp + fp + fn), averaged over classes (with average none: [C]). The macro average leaves out classes that do
/// not occur; an average over none is NaN. Source: Jaccard, 1901; torchmetrics' MulticlassJaccardIndex.
METRICS_METRIC(MulticlassJaccardIndex, multiclass_jaccard_index,
               Member<MulticlassConfusion, scores::JaccardIndex, MulticlassJaccardIndexOptions>);

/// Computes what positive targets and predictions of a label have in common, as a share of what is either,
/// tp / (tp + fp + fn), averaged over labels (with average none: [L]). The weighted average without any positive target
/// is NaN. Source: Jaccard, 1901; torchmetrics' MultilabelJaccardIndex.
METRICS_METRIC(MultilabelJaccardIndex, multilabel_jaccard_index,
               Member<MultilabelConfusion, scores::JaccardIndex, MultilabelJaccardIndexOptions>);

}  // namespace metrics
