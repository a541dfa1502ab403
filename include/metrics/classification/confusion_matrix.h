#pragma once

#include <metrics/classification/options.h>
#include <metrics/core/member.h>

#include <array>
#include <string>
#include <string_view>

// Pairs of targets and predictions, and what every metric over them shares: how they are counted, its inputs, its
// states. A metric of the family adds its names, its traits, options of its own and a formula (see cohen_kappa.h).

namespace metrics {

/// What all metrics over a binary confusion matrix share. `preds`: scores or labels [N, ...]; `target`: labels of the
/// same shape.
struct METRICS_API BinaryConfusion : classification::TwoReadings {
  using Options = BinaryConfusionOptions;
  using Gathered = Tensor;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                     const Weights& weights);
  static std::string update_key(const Options& options);
  /// [2, 2], int64, float64 where rows have weights: the target is the row, the prediction the column.
  static Tensor gathered(const States& states, const Options& options);
};

/// What all metrics over a multiclass confusion matrix share. `preds`: labels [N, ...] or scores [N, C, ...]; `target`:
/// [N, ...]. A NaN is the greatest of scores.
struct METRICS_API MulticlassConfusion {
  using Options = MulticlassConfusionOptions;
  using Gathered = Tensor;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                     const Weights& weights);
  static std::string update_key(const Options& options);
  /// [C, C], int64, float64 where rows have weights: the target is the row, the prediction the column.
  static Tensor gathered(const States& states, const Options& options);
};

/// What all metrics over a multilabel confusion matrix share. `preds`: scores or labels [N, L, ...]; `target`: labels,
/// as `preds`.
struct METRICS_API MultilabelConfusion : classification::TwoReadings {
  using Options = MultilabelConfusionOptions;
  using Gathered = Tensor;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                     const Weights& weights);
  static std::string update_key(const Options& options);
  /// [L, 2, 2], int64, float64 where rows have weights: the target is the row, the prediction the column.
  static Tensor gathered(const States& states, const Options& options);
};

namespace scores {

struct METRICS_API ConfusionMatrix {
  static constexpr MetricTraits traits{.commits_last = true};
  template <class Options>
  static Tensor value(const Tensor& confusion, const Options& options) {
    return normalised(confusion, options.normalize);
  }

 private:
  static Tensor normalised(const Tensor& confusion, classification::Normalize normalize);
};

}  // namespace scores

/// Counts each pair of target (row) and prediction (column): [2, 2], int64, or floating when normalised.
/// Source: torchmetrics' BinaryConfusionMatrix.
METRICS_METRIC(BinaryConfusionMatrix, binary_confusion_matrix,
               Member<BinaryConfusion, scores::ConfusionMatrix, BinaryConfusionMatrixOptions>);

/// Counts each pair of target (row) and predicted class (column): [C, C], int64, or floating when normalised.
/// Source: torchmetrics' MulticlassConfusionMatrix.
METRICS_METRIC(MulticlassConfusionMatrix, multiclass_confusion_matrix,
               Member<MulticlassConfusion, scores::ConfusionMatrix, MulticlassConfusionMatrixOptions>);

/// Counts each pair of target (row) and prediction (column) for each label: [L, 2, 2], int64, or floating when
/// normalised (each label's matrix on its own). Source: torchmetrics' MultilabelConfusionMatrix.
METRICS_METRIC(MultilabelConfusionMatrix, multilabel_confusion_matrix,
               Member<MultilabelConfusion, scores::ConfusionMatrix, MultilabelConfusionMatrixOptions>);

}  // namespace metrics
