#pragma once

#include <metrics/classification/confusion_matrix.h>

namespace metrics {

namespace scores {

struct METRICS_API MatthewsCorrCoef {
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

/// Computes the correlation of predictions and targets, (tp tn - fp fn) / √((tp + fp) (tp + fn) (tn + fp) (tn + fn)).
/// Where that is 0/0, it is 1 if all are right, -1 if all are wrong, and else torchmetrics' (right - wrong) √ε over the
/// root with ε, 2⁻²³, added to each factor. Source: Matthews, 1975; torchmetrics' BinaryMatthewsCorrCoef.
METRICS_METRIC(BinaryMatthewsCorrCoef, binary_matthews_corrcoef, Member<BinaryConfusion, scores::MatthewsCorrCoef>);

/// Computes the correlation of predicted and true classes, (c s - Σ pₖ tₖ) / √((s² - Σ pₖ²) (s² - Σ tₖ²)) for s
/// samples, c of them right, pₖ predicted as class k and tₖ of it. 0 where that is 0/0; of two classes, as
/// BinaryMatthewsCorrCoef. Source: Gorodkin, 2004; torchmetrics' MulticlassMatthewsCorrCoef.
METRICS_METRIC(MulticlassMatthewsCorrCoef, multiclass_matthews_corrcoef,
               Member<MulticlassConfusion, scores::MatthewsCorrCoef>);

/// Computes the correlation of predictions and targets of all labels together, as BinaryMatthewsCorrCoef.
/// Source: torchmetrics' MultilabelMatthewsCorrCoef.
METRICS_METRIC(MultilabelMatthewsCorrCoef, multilabel_matthews_corrcoef,
               Member<MultilabelConfusion, scores::MatthewsCorrCoef>);

}  // namespace metrics
