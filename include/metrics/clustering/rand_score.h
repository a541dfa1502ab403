#pragma once

#include <metrics/clustering/label_pairs.h>

namespace metrics {

namespace scores {

struct METRICS_API Rand {
  static constexpr MetricTraits traits{.is_differentiable = true};
  static Tensor value(const families::Contingency& table);
};

}  // namespace scores

/// Computes the fraction of the pairs of samples on which two clusterings agree: both put them into one cluster, or
/// both into two. 1 where there is no pair. Weights of rows are integers. Throws as MutualInfoScore. Source: Rand
/// (1971); torchmetrics' RandScore.
METRICS_METRIC(RandScore, rand_score, Member<CountedLabelPairs, scores::Rand>);

}  // namespace metrics
