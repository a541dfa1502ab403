#pragma once

#include <metrics/classification/confusion_matrix.h>

namespace metrics {

namespace scores {

struct METRICS_API MatthewsCorrCoef {
  static constexpr TaskNames classes{"BinaryMatthewsCorrCoef", "MulticlassMatthewsCorrCoef",
                                     "MultilabelMatthewsCorrCoef"};
  static constexpr TaskNames functionals{"binary_matthews_corrcoef", "multiclass_matthews_corrcoef",
                                         "multilabel_matthews_corrcoef"};
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  /// One for all tasks: it has no options of its own.
  template <class Options>
  static Tensor value(const Tensor& confusion, const Options&) {
    return correlation(confusion);
  }

 private:
  static Tensor correlation(const Tensor& confusion);
};

}  // namespace scores

namespace definitions {

using BinaryMatthewsCorrCoef = Scored<BinaryConfusion, scores::MatthewsCorrCoef>;
using MulticlassMatthewsCorrCoef = Scored<MulticlassConfusion, scores::MatthewsCorrCoef>;
using MultilabelMatthewsCorrCoef = Scored<MultilabelConfusion, scores::MatthewsCorrCoef>;

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::BinaryMatthewsCorrCoef>;
extern template class METRICS_API MetricOf<definitions::MulticlassMatthewsCorrCoef>;
extern template class METRICS_API MetricOf<definitions::MultilabelMatthewsCorrCoef>;

/// Computes the correlation of predictions and targets, (tp tn - fp fn) / √((tp + fp) (tp + fn) (tn + fp) (tn + fn)).
/// Where that is 0/0, it is 1 if all are right, -1 if all are wrong, and else torchmetrics' (right - wrong) √ε over the
/// root with ε, 2⁻²³, added to each factor. Source: Matthews, 1975; torchmetrics' BinaryMatthewsCorrCoef.
using BinaryMatthewsCorrCoef = MetricOf<definitions::BinaryMatthewsCorrCoef>;

/// Computes the correlation of predicted and true classes, (c s - Σ pₖ tₖ) / √((s² - Σ pₖ²) (s² - Σ tₖ²)) for s
/// samples, c of them right, pₖ predicted as class k and tₖ of it. 0 where that is 0/0; of two classes, as
/// BinaryMatthewsCorrCoef. Source: Gorodkin, 2004; torchmetrics' MulticlassMatthewsCorrCoef.
using MulticlassMatthewsCorrCoef = MetricOf<definitions::MulticlassMatthewsCorrCoef>;

/// Computes the correlation of predictions and targets of all labels together, as BinaryMatthewsCorrCoef.
/// Source: torchmetrics' MultilabelMatthewsCorrCoef.
using MultilabelMatthewsCorrCoef = MetricOf<definitions::MultilabelMatthewsCorrCoef>;

namespace functional {

/// The value of BinaryMatthewsCorrCoef over one batch.
inline Tensor binary_matthews_corrcoef(const Tensor& preds, const Tensor& target,
                                       const BinaryConfusionOptions& options = {}) {
  return compute_once<definitions::BinaryMatthewsCorrCoef>(options, preds, target);
}
/// The value of MulticlassMatthewsCorrCoef over one batch.
inline Tensor multiclass_matthews_corrcoef(const Tensor& preds, const Tensor& target,
                                           const MulticlassConfusionOptions& options) {
  return compute_once<definitions::MulticlassMatthewsCorrCoef>(options, preds, target);
}
/// The value of MultilabelMatthewsCorrCoef over one batch.
inline Tensor multilabel_matthews_corrcoef(const Tensor& preds, const Tensor& target,
                                           const MultilabelConfusionOptions& options) {
  return compute_once<definitions::MultilabelMatthewsCorrCoef>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
