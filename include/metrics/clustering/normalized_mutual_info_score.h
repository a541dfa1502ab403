#pragma once

#include <metrics/clustering/label_pairs.h>

namespace metrics {

struct NormalizedMutualInfoScoreOptions {
  /// How the entropies of the two clusterings become what the information is divided by.
  clustering::AverageMethod average_method = clustering::AverageMethod::Arithmetic;

  static constexpr auto fields() { return metrics::fields<&NormalizedMutualInfoScoreOptions::average_method>(); }
};

namespace scores {

struct METRICS_API NormalizedMutualInfo {
  static constexpr MetricTraits traits{.is_differentiable = true};
  static Tensor value(const families::Contingency& table, const NormalizedMutualInfoScoreOptions& options);
};

}  // namespace scores

/// Computes the mutual information of two clusterings as a part of the mean of their entropies, from 0 to 1. 0 where
/// they share none, and before the first sample. Throws as MutualInfoScore. Source: torchmetrics'
/// NormalizedMutualInfoScore.
METRICS_METRIC(NormalizedMutualInfoScore, normalized_mutual_info_score,
               Member<LabelPairs, scores::NormalizedMutualInfo, NormalizedMutualInfoScoreOptions>);

}  // namespace metrics
