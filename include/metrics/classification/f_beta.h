#pragma once

#include <metrics/classification/stat_scores.h>

namespace metrics {

namespace scores {

struct METRICS_API F1Score {
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static Tensor value(const classification::GatheredCounts& gathered);
};

class METRICS_API FBetaScore {
 public:
  static constexpr MetricTraits traits = F1Score::traits;
  template <class O>
  static void check(const O& options) {
    if (options.validate_args) check_beta(options.beta);
  }
  template <class O>
  static Tensor value(const classification::GatheredCounts& gathered, const O& options) {
    return f_beta(gathered, options.beta);
  }

  /// The score of any beta.
  static Tensor f_beta(const classification::GatheredCounts& gathered, double beta);

 private:
  static void check_beta(double beta);
};

}  // namespace scores

/// Computes the harmonic mean of precision and recall, 2 tp / (2 tp + fp + fn); samplewise [N]. `zero_division` where
/// there are none of these. Source: torchmetrics' BinaryF1Score.
METRICS_METRIC(BinaryF1Score, binary_f1_score, Member<BinaryCounting, scores::F1Score>);

/// Computes the harmonic mean of a class's precision and recall, 2 tp / (2 tp + fp + fn), averaged over classes (with
/// average none: [C]); samplewise one per sample. `zero_division` where there are none of these.
/// Source: torchmetrics' MulticlassF1Score.
METRICS_METRIC(MulticlassF1Score, multiclass_f1_score, Member<MulticlassCounting, scores::F1Score>);

/// Computes the harmonic mean of a label's precision and recall, 2 tp / (2 tp + fp + fn), averaged over labels (with
/// average none: [L]); samplewise one per sample. `zero_division` where there are none of these.
/// Source: torchmetrics' MultilabelF1Score.
METRICS_METRIC(MultilabelF1Score, multilabel_f1_score, Member<MultilabelCounting, scores::F1Score>);

/// Computes the mean of precision and recall in which recall weighs β times as much,
/// (1 + β²) tp / ((1 + β²) tp + β² fn + fp); samplewise [N]. `zero_division` where there are none of these.
/// Source: torchmetrics' BinaryFBetaScore.
METRICS_METRIC(BinaryFBetaScore, binary_fbeta_score,
               Member<BinaryCounting, scores::FBetaScore, BinaryFBetaScoreOptions>);

/// Computes the mean of a class's precision and recall in which recall weighs β times as much,
/// (1 + β²) tp / ((1 + β²) tp + β² fn + fp), averaged over classes (with average none: [C]); samplewise one per sample.
/// `zero_division` where there are none of these. Source: torchmetrics' MulticlassFBetaScore.
METRICS_METRIC(MulticlassFBetaScore, multiclass_fbeta_score,
               Member<MulticlassCounting, scores::FBetaScore, MulticlassFBetaScoreOptions>);

/// Computes the mean of a label's precision and recall in which recall weighs β times as much,
/// (1 + β²) tp / ((1 + β²) tp + β² fn + fp), averaged over labels (with average none: [L]); samplewise one per sample.
/// `zero_division` where there are none of these. Source: torchmetrics' MultilabelFBetaScore.
METRICS_METRIC(MultilabelFBetaScore, multilabel_fbeta_score,
               Member<MultilabelCounting, scores::FBetaScore, MultilabelFBetaScoreOptions>);

}  // namespace metrics
