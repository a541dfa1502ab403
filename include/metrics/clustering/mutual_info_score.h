#pragma once

#include <metrics/clustering/label_pairs.h>

namespace metrics {

namespace scores {

struct METRICS_API MutualInfo {
  static constexpr MetricTraits traits{.higher_is_better = true, .is_differentiable = true};
  static Tensor value(const families::Contingency& table);
};

}  // namespace scores

/// Computes the mutual information of two clusterings in nats, Σ c / n log(c n / (a b)) over the pairs of labels, where
/// c counts a pair, and a and b its labels. 0 before the first sample. Throws InvalidArgument for labels that are no
/// integers, or not of one shape [N]. Source: torchmetrics' MutualInfoScore.
METRICS_METRIC(MutualInfoScore, mutual_info_score, Member<LabelPairs, scores::MutualInfo>);

}  // namespace metrics
