#pragma once

#include <metrics/clustering/label_pairs.h>

namespace metrics {

namespace scores {

struct METRICS_API AdjustedRand {
  static constexpr MetricTraits traits{.is_differentiable = true};
  static Tensor value(const families::Contingency& table);
};

}  // namespace scores

/// Computes the Rand score beyond chance: 1 for clusterings that agree, about 0 for random ones. 1 where there is no
/// pair of samples. Weights of rows are integers. Throws as MutualInfoScore. Source: Hubert, Arabie (1985);
/// torchmetrics' AdjustedRandScore.
METRICS_METRIC(AdjustedRandScore, adjusted_rand_score, Member<CountedLabelPairs, scores::AdjustedRand>);

}  // namespace metrics
