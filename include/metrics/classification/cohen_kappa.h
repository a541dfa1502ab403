#pragma once

#include <metrics/classification/confusion_matrix.h>

namespace metrics {

namespace scores {

struct METRICS_API CohenKappa {
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  template <class Options>
  static Tensor value(const Tensor& confusion, const Options& options) {
    return kappa(confusion, options.weights);
  }

 private:
  static Tensor kappa(const Tensor& confusion, classification::KappaWeights weights);
};

}  // namespace scores

/// Computes the agreement of predictions and targets beyond chance, 1 - Σ w o / Σ w e over the pairs of labels, where o
/// counts a pair, e is what it would count if the two were independent, and w the weight of such a mistake. NaN where
/// all targets and predictions are one label. Source: Cohen, 1960; torchmetrics' BinaryCohenKappa.
METRICS_METRIC(BinaryCohenKappa, binary_cohen_kappa,
               Member<BinaryConfusion, scores::CohenKappa, BinaryCohenKappaOptions>);

/// Computes the agreement of predictions and targets beyond chance, 1 - Σ w o / Σ w e over the pairs of classes, where
/// o counts a pair, e is what it would count if the two were independent, and w the weight of such a mistake. NaN where
/// all targets and predictions are one class. Source: Cohen, 1960; torchmetrics' MulticlassCohenKappa.
METRICS_METRIC(MulticlassCohenKappa, multiclass_cohen_kappa,
               Member<MulticlassConfusion, scores::CohenKappa, MulticlassCohenKappaOptions>);

}  // namespace metrics
