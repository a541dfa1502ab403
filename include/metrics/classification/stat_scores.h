#pragma once

#include <metrics/classification/options.h>
#include <metrics/core/member.h>

#include <array>
#include <string>
#include <string_view>

// True and false positives and negatives, and what every metric over them shares: its options, its inputs, its states.
// A metric of the family adds its names, its traits and a formula (see accuracy.h).

namespace metrics {

namespace classification {

// What is counted, with what options say of how it becomes a score: src/classification/counts/averaging.h.
struct GatheredCounts;

}  // namespace classification

/// What all metrics over binary counts share. `preds`: scores or labels [N, ...]; `target`: labels of the same shape.
struct METRICS_API BinaryCounting : classification::TwoReadings {
  using Options = BinaryStatScoresOptions;
  using Gathered = classification::GatheredCounts;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static RowWeights taken_weights(const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                     const Weights& weights);
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
  static RowWeights taken_weights(const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                     const Weights& weights);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static std::string update_key(const Options& options);
  static Gathered gathered(const States& states, const Options& options);
};

/// What all metrics over multilabel counts share. `preds`: scores or labels [N, L, ...]; `target`: labels, as `preds`.
struct METRICS_API MultilabelCounting : classification::TwoReadings {
  using Options = MultilabelStatScoresOptions;
  using Gathered = classification::GatheredCounts;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static RowWeights taken_weights(const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                     const Weights& weights);
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
