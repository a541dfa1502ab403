#pragma once

#include <metrics/classification/choices.h>
#include <metrics/classification/options.h>
#include <metrics/classification/scored.h>
#include <metrics/core/metric_of.h>

#include <array>
#include <string>
#include <string_view>

// True and false positives and negatives, and what every metric over them shares: its options, its inputs, its states.
// A metric of the family adds its names, its traits and a formula (see accuracy.h).

namespace metrics {

namespace classification {

// What is counted, and what options say of how it becomes a score: src/classification/counts/averaging.h.
struct Counts;
struct Scoring;

}  // namespace classification

/// What all metrics over binary counts share. `preds`: scores or labels [N, ...]; `target`: labels of the same shape.
struct METRICS_API BinaryCounting : TwoReadings {
  using Options = BinaryStatScoresOptions;
  static constexpr auto task = &TaskNames::binary;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static std::string update_key(const Options& options);
  static classification::Counts counted(const States& states, const Options& options);
};

/// What all metrics over multiclass counts share. `preds`: labels [N, ...] or scores [N, C, ...]; `target`: [N, ...].
/// A NaN is the greatest of scores.
struct METRICS_API MulticlassCounting {
  using Options = MulticlassStatScoresOptions;
  static constexpr auto task = &TaskNames::multiclass;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static std::string update_key(const Options& options);
  static classification::Counts counted(const States& states, const Options& options);
};

/// What all metrics over multilabel counts share. `preds`: scores or labels [N, L, ...]; `target`: labels, as `preds`.
struct METRICS_API MultilabelCounting : TwoReadings {
  using Options = MultilabelStatScoresOptions;
  static constexpr auto task = &TaskNames::multilabel;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static std::string update_key(const Options& options);
  static classification::Counts counted(const States& states, const Options& options);
};

namespace scores {

struct METRICS_API StatScores {
  static constexpr TaskNames classes{"BinaryStatScores", "MulticlassStatScores", "MultilabelStatScores"};
  static constexpr TaskNames functionals{"binary_stat_scores", "multiclass_stat_scores", "multilabel_stat_scores"};
  static constexpr MetricTraits traits{.commits_last = true};
  static Tensor value(const classification::Counts& counts, const classification::Scoring& how);
};

}  // namespace scores

namespace definitions {

using BinaryStatScores = Scored<BinaryCounting, scores::StatScores>;
using MulticlassStatScores = Scored<MulticlassCounting, scores::StatScores>;
using MultilabelStatScores = Scored<MultilabelCounting, scores::StatScores>;

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::BinaryStatScores>;
extern template class METRICS_API MetricOf<definitions::MulticlassStatScores>;
extern template class METRICS_API MetricOf<definitions::MultilabelStatScores>;

/// Counts tp, fp, tn, fn and the support tp + fn: int64 [5], or samplewise [N, 5].
/// Source: torchmetrics' BinaryStatScores.
using BinaryStatScores = MetricOf<definitions::BinaryStatScores>;

/// Counts tp, fp, tn, fn and the support of classes: [5], or [C, 5] with average none; samplewise one such per sample.
/// Micro and none are int64; macro and weighted are means, floating. Source: torchmetrics' MulticlassStatScores.
using MulticlassStatScores = MetricOf<definitions::MulticlassStatScores>;

/// Counts tp, fp, tn, fn and the support of labels: [5], or [L, 5] with average none; samplewise one such per sample.
/// Micro and none are int64; macro and weighted are means, floating. Source: torchmetrics' MultilabelStatScores.
using MultilabelStatScores = MetricOf<definitions::MultilabelStatScores>;

namespace functional {

/// The value of BinaryStatScores over one batch.
inline Tensor binary_stat_scores(const Tensor& preds, const Tensor& target,
                                 const BinaryStatScoresOptions& options = {}) {
  return compute_once<definitions::BinaryStatScores>(options, preds, target);
}
/// The value of MulticlassStatScores over one batch.
inline Tensor multiclass_stat_scores(const Tensor& preds, const Tensor& target,
                                     const MulticlassStatScoresOptions& options) {
  return compute_once<definitions::MulticlassStatScores>(options, preds, target);
}
/// The value of MultilabelStatScores over one batch.
inline Tensor multilabel_stat_scores(const Tensor& preds, const Tensor& target,
                                     const MultilabelStatScoresOptions& options) {
  return compute_once<definitions::MultilabelStatScores>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
