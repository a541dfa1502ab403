#pragma once

#include <metrics/classification/confusion_matrix.h>
#include <metrics/classification/options.h>

#include <string_view>

namespace metrics {

namespace scores {

struct METRICS_API CohenKappa {
  static constexpr TaskNames classes{"BinaryCohenKappa", "MulticlassCohenKappa"};
  static constexpr TaskNames functionals{"binary_cohen_kappa", "multiclass_cohen_kappa"};
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  template <class Options>
  static Tensor value(const Tensor& confusion, const Options& options) {
    return kappa(confusion, options.weights);
  }

 private:
  static Tensor kappa(const Tensor& confusion, KappaWeights weights);
};

}  // namespace scores

namespace definitions {

using BinaryCohenKappa = Scored<BinaryConfusion, scores::CohenKappa, BinaryCohenKappaOptions>;
using MulticlassCohenKappa = Scored<MulticlassConfusion, scores::CohenKappa, MulticlassCohenKappaOptions>;

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::BinaryCohenKappa>;
extern template class METRICS_API MetricOf<definitions::MulticlassCohenKappa>;

/// Computes the agreement of predictions and targets beyond chance, 1 - Σ w o / Σ w e over the pairs of labels, where o
/// counts a pair, e is what it would count if the two were independent, and w what such a mistake counts. NaN where all
/// targets and predictions are one label. Source: Cohen, 1960; torchmetrics' BinaryCohenKappa.
using BinaryCohenKappa = MetricOf<definitions::BinaryCohenKappa>;

/// Computes the agreement of predictions and targets beyond chance, 1 - Σ w o / Σ w e over the pairs of classes, where
/// o counts a pair, e is what it would count if the two were independent, and w what such a mistake counts. NaN where
/// all targets and predictions are one class. Source: Cohen, 1960; torchmetrics' MulticlassCohenKappa.
using MulticlassCohenKappa = MetricOf<definitions::MulticlassCohenKappa>;

namespace functional {

/// The value of BinaryCohenKappa over one batch.
inline Tensor binary_cohen_kappa(const Tensor& preds, const Tensor& target,
                                 const BinaryCohenKappaOptions& options = {}) {
  return compute_once<definitions::BinaryCohenKappa>(options, preds, target);
}
/// The value of MulticlassCohenKappa over one batch.
inline Tensor multiclass_cohen_kappa(const Tensor& preds, const Tensor& target,
                                     const MulticlassCohenKappaOptions& options) {
  return compute_once<definitions::MulticlassCohenKappa>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
