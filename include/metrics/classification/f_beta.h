#pragma once

#include <metrics/classification/stat_scores.h>
#include <metrics/classification/options.h>

namespace metrics {

namespace scores {

struct METRICS_API F1Score {
  static constexpr TaskNames classes{"BinaryF1Score", "MulticlassF1Score", "MultilabelF1Score"};
  static constexpr TaskNames functionals{"binary_f1_score", "multiclass_f1_score", "multilabel_f1_score"};
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static Tensor value(const classification::Counts& counts, const classification::Scoring& how);
};

struct METRICS_API FBetaScore {
  static constexpr TaskNames classes{"BinaryFBetaScore", "MulticlassFBetaScore", "MultilabelFBetaScore"};
  static constexpr TaskNames functionals{"binary_fbeta_score", "multiclass_fbeta_score", "multilabel_fbeta_score"};
  static constexpr MetricTraits traits = F1Score::traits;
  static Tensor value(const classification::Counts& counts, const BinaryFBetaScoreOptions& options);
  static Tensor value(const classification::Counts& counts, const MulticlassFBetaScoreOptions& options);
  static Tensor value(const classification::Counts& counts, const MultilabelFBetaScoreOptions& options);
};

}  // namespace scores

namespace definitions {

using BinaryF1Score = Scored<BinaryCounting, scores::F1Score>;
using MulticlassF1Score = Scored<MulticlassCounting, scores::F1Score>;
using MultilabelF1Score = Scored<MultilabelCounting, scores::F1Score>;

struct METRICS_API BinaryFBetaScore : Scored<BinaryCounting, scores::FBetaScore, BinaryFBetaScoreOptions> {
  static void check(const Options& options);
};
struct METRICS_API MulticlassFBetaScore : Scored<MulticlassCounting, scores::FBetaScore, MulticlassFBetaScoreOptions> {
  static void check(const Options& options);
};
struct METRICS_API MultilabelFBetaScore : Scored<MultilabelCounting, scores::FBetaScore, MultilabelFBetaScoreOptions> {
  static void check(const Options& options);
};

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::BinaryF1Score>;
extern template class METRICS_API MetricOf<definitions::MulticlassF1Score>;
extern template class METRICS_API MetricOf<definitions::MultilabelF1Score>;
extern template class METRICS_API MetricOf<definitions::BinaryFBetaScore>;
extern template class METRICS_API MetricOf<definitions::MulticlassFBetaScore>;
extern template class METRICS_API MetricOf<definitions::MultilabelFBetaScore>;

/// Computes the harmonic mean of precision and recall, 2 tp / (2 tp + fp + fn); samplewise [N]. `zero_division` where
/// there are none of these. Source: torchmetrics' BinaryF1Score.
using BinaryF1Score = MetricOf<definitions::BinaryF1Score>;

/// Computes the harmonic mean of a class's precision and recall, 2 tp / (2 tp + fp + fn), averaged over classes (with
/// average none: [C]); samplewise one per sample. `zero_division` where there are none of these.
/// Source: torchmetrics' MulticlassF1Score.
using MulticlassF1Score = MetricOf<definitions::MulticlassF1Score>;

/// Computes the harmonic mean of a label's precision and recall, 2 tp / (2 tp + fp + fn), averaged over labels (with
/// average none: [L]); samplewise one per sample. `zero_division` where there are none of these.
/// Source: torchmetrics' MultilabelF1Score.
using MultilabelF1Score = MetricOf<definitions::MultilabelF1Score>;

/// Computes the mean of precision and recall in which recall counts β times as much,
/// (1 + β²) tp / ((1 + β²) tp + β² fn + fp); samplewise [N]. `zero_division` where there are none of these.
/// Source: torchmetrics' BinaryFBetaScore.
using BinaryFBetaScore = MetricOf<definitions::BinaryFBetaScore>;

/// Computes the mean of a class's precision and recall in which recall counts β times as much,
/// (1 + β²) tp / ((1 + β²) tp + β² fn + fp), averaged over classes (with average none: [C]); samplewise one per sample.
/// `zero_division` where there are none of these. Source: torchmetrics' MulticlassFBetaScore.
using MulticlassFBetaScore = MetricOf<definitions::MulticlassFBetaScore>;

/// Computes the mean of a label's precision and recall in which recall counts β times as much,
/// (1 + β²) tp / ((1 + β²) tp + β² fn + fp), averaged over labels (with average none: [L]); samplewise one per sample.
/// `zero_division` where there are none of these. Source: torchmetrics' MultilabelFBetaScore.
using MultilabelFBetaScore = MetricOf<definitions::MultilabelFBetaScore>;

namespace functional {

/// The value of BinaryF1Score over one batch.
inline Tensor binary_f1_score(const Tensor& preds, const Tensor& target, const BinaryStatScoresOptions& options = {}) {
  return compute_once<definitions::BinaryF1Score>(options, preds, target);
}
/// The value of MulticlassF1Score over one batch.
inline Tensor multiclass_f1_score(const Tensor& preds, const Tensor& target,
                                  const MulticlassStatScoresOptions& options) {
  return compute_once<definitions::MulticlassF1Score>(options, preds, target);
}
/// The value of MultilabelF1Score over one batch.
inline Tensor multilabel_f1_score(const Tensor& preds, const Tensor& target,
                                  const MultilabelStatScoresOptions& options) {
  return compute_once<definitions::MultilabelF1Score>(options, preds, target);
}
/// The value of BinaryFBetaScore over one batch.
inline Tensor binary_fbeta_score(const Tensor& preds, const Tensor& target, const BinaryFBetaScoreOptions& options) {
  return compute_once<definitions::BinaryFBetaScore>(options, preds, target);
}
/// The value of MulticlassFBetaScore over one batch.
inline Tensor multiclass_fbeta_score(const Tensor& preds, const Tensor& target,
                                     const MulticlassFBetaScoreOptions& options) {
  return compute_once<definitions::MulticlassFBetaScore>(options, preds, target);
}
/// The value of MultilabelFBetaScore over one batch.
inline Tensor multilabel_fbeta_score(const Tensor& preds, const Tensor& target,
                                     const MultilabelFBetaScoreOptions& options) {
  return compute_once<definitions::MultilabelFBetaScore>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
