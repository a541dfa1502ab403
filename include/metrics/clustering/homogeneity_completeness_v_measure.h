#pragma once

#include <metrics/clustering/label_pairs.h>

namespace metrics {

struct VMeasureScoreOptions {
  /// How much homogeneity weighs beside completeness, above 0.
  double beta = 1.0;

  static constexpr auto fields() { return metrics::fields<&VMeasureScoreOptions::beta>(); }
};

namespace scores {

struct METRICS_API Homogeneity {
  static constexpr MetricTraits traits{.higher_is_better = true, .is_differentiable = true};
  static Tensor value(const families::Contingency& table);
};

struct METRICS_API Completeness {
  static constexpr MetricTraits traits{.higher_is_better = true, .is_differentiable = true};
  static Tensor value(const families::Contingency& table);
};

struct METRICS_API VMeasure {
  static constexpr MetricTraits traits{.higher_is_better = true, .is_differentiable = true};
  static void check(const VMeasureScoreOptions& options);
  static Tensor value(const families::Contingency& table, const VMeasureScoreOptions& options);
};

}  // namespace scores

/// Computes how far each cluster holds samples of one target alone, MI / H(target): 1 where all of them do, and where
/// all targets are one. 0 before the first sample. Throws as MutualInfoScore. Source: Rosenberg, Hirschberg (2007);
/// torchmetrics' HomogeneityScore.
METRICS_METRIC(HomogeneityScore, homogeneity_score, Member<LabelPairs, scores::Homogeneity>);

/// Computes how far all samples of a target are in one cluster, MI / H(preds): 1 where they are, and before the first
/// sample. Throws as MutualInfoScore. Source: Rosenberg, Hirschberg (2007); torchmetrics' CompletenessScore.
METRICS_METRIC(CompletenessScore, completeness_score, Member<LabelPairs, scores::Completeness>);

/// Computes the harmonic mean of homogeneity h and completeness c, (1 + beta) h c / (beta h + c); 0 where both are 0.
/// Throws as MutualInfoScore, and InvalidArgument for a `beta` that is not above 0. Source: Rosenberg, Hirschberg
/// (2007); torchmetrics' VMeasureScore.
METRICS_METRIC(VMeasureScore, v_measure_score, Member<LabelPairs, scores::VMeasure, VMeasureScoreOptions>);

}  // namespace metrics
