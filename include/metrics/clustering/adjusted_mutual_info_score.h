#pragma once

#include <metrics/clustering/label_pairs.h>

namespace metrics {

struct AdjustedMutualInfoScoreOptions {
  /// How the entropies of the two clusterings become the most that the information could be.
  clustering::AverageMethod average_method = clustering::AverageMethod::Arithmetic;

  static constexpr auto fields() { return metrics::fields<&AdjustedMutualInfoScoreOptions::average_method>(); }
};

namespace scores {

struct METRICS_API AdjustedMutualInfo {
  static constexpr MetricTraits traits{.is_differentiable = true};
  static Tensor value(const families::Contingency& table, const AdjustedMutualInfoScoreOptions& options);
};

}  // namespace scores

/// Computes the mutual information of two clusterings beyond chance, (MI - E[MI]) / (mean of entropies - E[MI]), where
/// E[MI] is that of clusterings with clusters of the same sizes. 0 where one of them has a single cluster, and before
/// the first sample; 1 where chance alone gives the most that there could be. The expectation takes time in the number
/// of different sizes of clusters, and no memory to speak of. Weights of rows are integers, because it draws samples.
/// Throws as MutualInfoScore. Source: Vinh, Epps, Bailey (2010); torchmetrics' AdjustedMutualInfoScore.
METRICS_METRIC(AdjustedMutualInfoScore, adjusted_mutual_info_score,
               Member<CountedLabelPairs, scores::AdjustedMutualInfo, AdjustedMutualInfoScoreOptions>);

}  // namespace metrics
