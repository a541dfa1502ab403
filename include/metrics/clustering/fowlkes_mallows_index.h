#pragma once

#include <metrics/clustering/label_pairs.h>

namespace metrics {

namespace scores {

struct METRICS_API FowlkesMallows {
  static constexpr MetricTraits traits{.higher_is_better = true, .is_differentiable = true};
  static Tensor value(const families::Contingency& table);
};

}  // namespace scores

/// Computes the geometric mean of precision and recall over pairs of samples, tp / √((tp + fp) (tp + fn)), where a pair
/// is positive that is in one cluster. 0 without a true positive. Weights of rows are integers. Throws as
/// MutualInfoScore. Source: Fowlkes, Mallows (1983); torchmetrics' FowlkesMallowsIndex.
METRICS_METRIC(FowlkesMallowsIndex, fowlkes_mallows_index, Member<CountedLabelPairs, scores::FowlkesMallows>);

}  // namespace metrics
