#pragma once

#include <metrics/classification/choices.h>
#include <metrics/classification/options.h>
#include <metrics/classification/scored.h>
#include <metrics/core/metric_of.h>

#include <array>
#include <string>
#include <string_view>

// Pairs of targets and predictions, and what every metric over them shares: how they are counted, its inputs, its
// states. A metric of the family adds its names, its traits, options of its own and a formula (see cohen_kappa.h).

namespace metrics {

/// What all metrics over a binary confusion matrix share. `preds`: scores or labels [N, ...]; `target`: labels of the
/// same shape.
struct METRICS_API BinaryConfusion : TwoReadings {
  using Options = BinaryConfusionOptions;
  static constexpr auto task = &TaskNames::binary;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target);
  static std::string update_key(const Options& options);
  /// [2, 2], int64: the target is the row, the prediction the column.
  static Tensor counted(const States& states, const Options& options);
};

/// What all metrics over a multiclass confusion matrix share. `preds`: labels [N, ...] or scores [N, C, ...]; `target`:
/// [N, ...]. A NaN is the greatest of scores.
struct METRICS_API MulticlassConfusion {
  using Options = MulticlassConfusionOptions;
  static constexpr auto task = &TaskNames::multiclass;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target);
  static std::string update_key(const Options& options);
  /// [C, C], int64: the target is the row, the prediction the column.
  static Tensor counted(const States& states, const Options& options);
};

/// What all metrics over a multilabel confusion matrix share. `preds`: scores or labels [N, L, ...]; `target`: labels,
/// as `preds`.
struct METRICS_API MultilabelConfusion : TwoReadings {
  using Options = MultilabelConfusionOptions;
  static constexpr auto task = &TaskNames::multilabel;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target);
  static std::string update_key(const Options& options);
  /// [L, 2, 2], int64: the target is the row, the prediction the column.
  static Tensor counted(const States& states, const Options& options);
};

namespace scores {

struct METRICS_API ConfusionMatrix {
  static constexpr TaskNames classes{"BinaryConfusionMatrix", "MulticlassConfusionMatrix", "MultilabelConfusionMatrix"};
  static constexpr TaskNames functionals{"binary_confusion_matrix", "multiclass_confusion_matrix",
                                         "multilabel_confusion_matrix"};
  static constexpr MetricTraits traits{.commits_last = true};
  template <class Options>
  static Tensor value(const Tensor& confusion, const Options& options) {
    return normalised(confusion, options.normalize);
  }

 private:
  static Tensor normalised(const Tensor& confusion, Normalize normalize);
};

}  // namespace scores

namespace definitions {

using BinaryConfusionMatrix = Scored<BinaryConfusion, scores::ConfusionMatrix, BinaryConfusionMatrixOptions>;
using MulticlassConfusionMatrix =
    Scored<MulticlassConfusion, scores::ConfusionMatrix, MulticlassConfusionMatrixOptions>;
using MultilabelConfusionMatrix =
    Scored<MultilabelConfusion, scores::ConfusionMatrix, MultilabelConfusionMatrixOptions>;

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::BinaryConfusionMatrix>;
extern template class METRICS_API MetricOf<definitions::MulticlassConfusionMatrix>;
extern template class METRICS_API MetricOf<definitions::MultilabelConfusionMatrix>;

/// Counts each pair of target (row) and prediction (column): [2, 2], int64, or floating when normalised.
/// Source: torchmetrics' BinaryConfusionMatrix.
using BinaryConfusionMatrix = MetricOf<definitions::BinaryConfusionMatrix>;

/// Counts each pair of target (row) and predicted class (column): [C, C], int64, or floating when normalised.
/// Source: torchmetrics' MulticlassConfusionMatrix.
using MulticlassConfusionMatrix = MetricOf<definitions::MulticlassConfusionMatrix>;

/// Counts each pair of target (row) and prediction (column) for each label: [L, 2, 2], int64, or floating when
/// normalised (each label's matrix on its own). Source: torchmetrics' MultilabelConfusionMatrix.
using MultilabelConfusionMatrix = MetricOf<definitions::MultilabelConfusionMatrix>;

namespace functional {

/// The value of BinaryConfusionMatrix over one batch.
inline Tensor binary_confusion_matrix(const Tensor& preds, const Tensor& target,
                                      const BinaryConfusionMatrixOptions& options = {}) {
  return compute_once<definitions::BinaryConfusionMatrix>(options, preds, target);
}
/// The value of MulticlassConfusionMatrix over one batch.
inline Tensor multiclass_confusion_matrix(const Tensor& preds, const Tensor& target,
                                          const MulticlassConfusionMatrixOptions& options) {
  return compute_once<definitions::MulticlassConfusionMatrix>(options, preds, target);
}
/// The value of MultilabelConfusionMatrix over one batch.
inline Tensor multilabel_confusion_matrix(const Tensor& preds, const Tensor& target,
                                          const MultilabelConfusionMatrixOptions& options) {
  return compute_once<definitions::MultilabelConfusionMatrix>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
