#pragma once

#include <metrics/classification/choices.h>
#include <metrics/core/member.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// True and false positives and negatives, and what every metric over them shares: its options, its inputs, its states.
// A metric of the family adds its names, its traits and a formula (see accuracy.h).

namespace metrics {

namespace classification {

// What is counted, with what options say of how it becomes a score: src/classification/counts/averaging.h.
struct GatheredCounts;

}  // namespace classification

/// Options of BinaryStatScores, and of every binary metric over its counts.
struct BinaryStatScoresOptions {
  /// A score above it is a yes.
  double threshold = 0.5;
  MultidimAverage multidim_average = MultidimAverage::Global;
  /// Targets of this value do not count; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it a predicted label that is neither 0 nor 1 is wrong, a target
  /// does not count, and NaN is above no threshold.
  bool validate_args = true;
  /// Score where a formula would divide by 0: 0 or 1. Only precision, recall, the F-scores and the negative predictive
  /// value have a use for it.
  double zero_division = 0;
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = BinaryStatScoresOptions;
    return metrics::fields<&Self::threshold, &Self::multidim_average, &Self::ignore_index, &Self::validate_args,
                           &Self::zero_division, &Self::input>();
  }
};

/// Options of MulticlassStatScores, and of every multiclass metric over its counts.
struct MulticlassStatScoresOptions {
  /// May be left out when `average` is micro and `top_k` 1.
  std::optional<int64_t> num_classes{};
  /// A target among the `top_k` best scored classes is predicted right; the lower class comes first among equals.
  int64_t top_k = 1;
  Average average = Average::Macro;
  MultidimAverage multidim_average = MultidimAverage::Global;
  /// Targets of this value do not count; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it a label outside the classes is never right and of no class, and
  /// NaN is the greatest score, the first of several, as it is for torch's argmax.
  bool validate_args = true;
  /// Score where a formula would divide by 0: 0 or 1. Only precision, recall, the F-scores and the negative predictive
  /// value have a use for it.
  double zero_division = 0;

  static constexpr auto fields() {
    using Self = MulticlassStatScoresOptions;
    return metrics::fields<&Self::num_classes, &Self::top_k, &Self::average, &Self::multidim_average,
                           &Self::ignore_index, &Self::validate_args, &Self::zero_division>();
  }
};

/// Options of MultilabelStatScores, and of every multilabel metric over its counts.
struct MultilabelStatScoresOptions {
  int64_t num_labels = 0;
  /// A score above it is a yes.
  double threshold = 0.5;
  Average average = Average::Macro;
  MultidimAverage multidim_average = MultidimAverage::Global;
  /// Targets of this value do not count; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it a predicted label that is neither 0 nor 1 is wrong, a target
  /// does not count, and NaN is above no threshold.
  bool validate_args = true;
  /// Score where a formula would divide by 0: 0 or 1. Only precision, recall, the F-scores and the negative predictive
  /// value have a use for it.
  double zero_division = 0;
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelStatScoresOptions;
    return metrics::fields<&Self::num_labels, &Self::threshold, &Self::average, &Self::multidim_average,
                           &Self::ignore_index, &Self::validate_args, &Self::zero_division, &Self::input>(1);
  }
};

/// What all metrics over binary counts share. `preds`: scores or labels [N, ...]; `target`: labels of the same shape.
struct METRICS_API BinaryCounting : TwoReadings {
  using Options = BinaryStatScoresOptions;
  using Gathered = classification::GatheredCounts;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static std::string update_key(const Options& options);
  static Gathered gathered(const States& states, const Options& options);
};

/// What all metrics over multiclass counts share. `preds`: labels [N, ...] or scores [N, C, ...]; `target`: [N, ...].
/// A NaN is the greatest of scores.
struct METRICS_API MulticlassCounting {
  using Options = MulticlassStatScoresOptions;
  using Gathered = classification::GatheredCounts;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static std::string update_key(const Options& options);
  static Gathered gathered(const States& states, const Options& options);
};

/// What all metrics over multilabel counts share. `preds`: scores or labels [N, L, ...]; `target`: labels, as `preds`.
struct METRICS_API MultilabelCounting : TwoReadings {
  using Options = MultilabelStatScoresOptions;
  using Gathered = classification::GatheredCounts;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static std::string update_key(const Options& options);
  static Gathered gathered(const States& states, const Options& options);
};

namespace scores {

struct METRICS_API StatScores {
  static constexpr MetricTraits traits{.commits_last = true};
  static Tensor value(const classification::GatheredCounts& gathered);
};

}  // namespace scores

/// Counts tp, fp, tn, fn and the support tp + fn: int64 [5], or samplewise [N, 5].
/// Source: torchmetrics' BinaryStatScores.
METRICS_METRIC(BinaryStatScores, binary_stat_scores, Member<BinaryCounting, scores::StatScores>);

/// Counts tp, fp, tn, fn and the support of classes: [5], or [C, 5] with average none; samplewise one such per sample.
/// Micro and none are int64; macro and weighted are means, floating. Source: torchmetrics' MulticlassStatScores.
METRICS_METRIC(MulticlassStatScores, multiclass_stat_scores, Member<MulticlassCounting, scores::StatScores>);

/// Counts tp, fp, tn, fn and the support of labels: [5], or [L, 5] with average none; samplewise one such per sample.
/// Micro and none are int64; macro and weighted are means, floating. Source: torchmetrics' MultilabelStatScores.
METRICS_METRIC(MultilabelStatScores, multilabel_stat_scores, Member<MultilabelCounting, scores::StatScores>);

}  // namespace metrics
