#pragma once

#include <metrics/export.h>

#include <ATen/core/Tensor.h>
#include <c10/util/FunctionRef.h>

#include <cstdint>
#include <optional>
#include <string>

/// The counting functions of classification: scores and labels in, int64 counts out, each score read once.
///
/// A count depends on its row alone, so the same bits come out at any split of the data, vector width and number of
/// threads. Scores are float64, float32, bfloat16 or float16; labels are integers, bools, or floats with integral
/// values. Contiguous or not, empty or not. A function that throws has counted nothing.
namespace metrics::classification::counts {

using at::Tensor;

/// Rows of a table of counts, in the order in which torchmetrics lists them.
enum Cell : int64_t { TruePositive, FalsePositive, TrueNegative, FalseNegative, kCells };

/// How rows of classes are counted.
///
/// Predictions are labels, or the argmax of scores; the lowest index wins among equals. With `top_k` above 1 a row
/// predicts its target if fewer than `top_k` classes come before it, by score, then by index; its argmax otherwise.
///
/// A row whose target is `ignore_index` (whether a class or not) contributes nothing, and its prediction is not looked
/// at. In all others a label outside [0, num_classes) is an error with `validate`, and so is a score that is NaN.
/// Without it, such a label is of no class: it is never right, and adds to no class's count; and NaN is the greatest
/// score, as it is for torch's argmax.
struct ClassRule {
  /// Unset: any number of classes, for counts of one cell; true negatives are then counted as if there were one class,
  /// as torchmetrics does.
  std::optional<int64_t> num_classes{};
  int64_t top_k = 1;
  std::optional<int64_t> ignore_index{};
  bool validate = true;
};

/// Counts into `counts`, int64 [4, num_classes], or [4, 1] for all classes together. `preds`: labels [N, ...] or scores
/// [N, C, ...]; `target`: [N, ...].
METRICS_API void add_class_counts(Tensor& counts, const Tensor& preds, const Tensor& target, const ClassRule& rule);

/// Returns the counts of each sample, int64 [N, 4, num_classes]. `preds`: [N, S...] or [N, C, S...], with at least one
/// S.
METRICS_API Tensor samplewise_class_counts(const Tensor& preds, const Tensor& target, const ClassRule& rule);

/// Returns the sums of these over the classes, int64 [N, 4, 1], in the memory for those of one sample.
METRICS_API Tensor samplewise_micro_class_counts(const Tensor& preds, const Tensor& target, const ClassRule& rule);

/// Counts into `confusion`, int64 [num_classes, num_classes], its row being the target.
METRICS_API void add_class_confusion(Tensor& confusion, const Tensor& preds, const Tensor& target,
                                     const ClassRule& rule);

/// Counts the samples of which all positions that are not ignored are right: int64 [1].
METRICS_API Tensor exact_class_matches(const Tensor& preds, const Tensor& target, const ClassRule& rule);

/// The same as a number, for inputs on the CPU.
METRICS_API int64_t exact_class_matches_on_cpu(const Tensor& preds, const Tensor& target, const ClassRule& rule);

/// Says of each sample whether all its positions that are not ignored are right: int64 [N], 1 or 0. At least one S,
/// as above.
METRICS_API Tensor samplewise_exact_class_matches(const Tensor& preds, const Tensor& target, const ClassRule& rule);

/// How scores of yes-or-no questions are counted: yes if above `threshold` (NaN is not). Half scores are read as
/// float32, so that a number is treated alike in all three.
///
/// An element whose target is `ignore_index` contributes nothing, nor do targets other than 0 and 1, which are an error
/// with `validate`, as are predicted labels other than 0 and 1, and NaN. Without it such a predicted label is wrong.
struct ThresholdRule {
  double threshold = 0.5;
  std::optional<int64_t> ignore_index{};
  bool validate = true;
};

/// Counts under both readings of the scores; they are equal where predictions are labels. Which of
/// them applies is decided at the end.
struct ThresholdCounts {
  Tensor probabilities;  ///< Of score > threshold: int64 [4, L], or [N, 4, L] for samplewise counts; L is 1 for binary
                         ///< metrics. Of exact matches [1], or [N].
  Tensor logits;         ///< Of sigmoid(score) > threshold; the same shape.
  bool outside = false;  ///< Whether a score that was counted lies outside [0, 1]; NaN does, as in torchmetrics.
};

/// The same as numbers, for as long as a call takes.
struct ThresholdNumbers {
  const int64_t* probabilities;
  const int64_t* logits;
  int64_t size;  ///< How many numbers each of them has.
  bool outside;
};
using TakeThresholdNumbers = c10::function_ref<void(const ThresholdNumbers&)>;

/// Whether kernels read these; else the functions below take tensor operations, and the next two are not for them.
METRICS_API bool on_cpu(const Tensor& preds, const Tensor& target);

/// Hands what `multilabel_counts` returns to `take`, once and without memory from the heap, or without `num_labels`
/// what `binary_counts` does.
METRICS_API void take_threshold_counts(const Tensor& preds, const Tensor& target, std::optional<int64_t> num_labels,
                                       const ThresholdRule& rule, TakeThresholdNumbers take);

/// The same of `exact_multilabel_matches`.
METRICS_API void take_exact_multilabel_matches(const Tensor& preds, const Tensor& target, int64_t num_labels,
                                               const ThresholdRule& rule, TakeThresholdNumbers take);

/// Counts all elements together; `preds` and `target` have the same shape.
METRICS_API ThresholdCounts binary_counts(const Tensor& preds, const Tensor& target, const ThresholdRule& rule);

/// Counts each sample on its own; at least 2 dimensions.
METRICS_API ThresholdCounts samplewise_binary_counts(const Tensor& preds, const Tensor& target,
                                                     const ThresholdRule& rule);

/// Counts each label; `preds` and `target` are [N, num_labels, ...].
METRICS_API ThresholdCounts multilabel_counts(const Tensor& preds, const Tensor& target, int64_t num_labels,
                                              const ThresholdRule& rule);

/// Counts each label of each sample on its own; at least 3 dimensions.
METRICS_API ThresholdCounts samplewise_multilabel_counts(const Tensor& preds, const Tensor& target, int64_t num_labels,
                                                         const ThresholdRule& rule);

/// Counts the positions of samples (the samples, where they have none) at which no label is wrong: int64 [1]. A label
/// that is ignored is not wrong.
METRICS_API ThresholdCounts exact_multilabel_matches(const Tensor& preds, const Tensor& target, int64_t num_labels,
                                                     const ThresholdRule& rule);

/// Counts the positions of each sample at which no label is wrong: int64 [N]; at least 3 dimensions.
METRICS_API ThresholdCounts samplewise_exact_multilabel_matches(const Tensor& preds, const Tensor& target,
                                                                int64_t num_labels, const ThresholdRule& rule);

/// Returns what a score is compared with as a logit: its sigmoid is above the threshold exactly when it is greater than
/// this.
///
/// The sigmoid is 1 / (1 + exp(-x)) in double, rounded once to float unless the score is a double: the probability that
/// curves give back as a threshold. Torch rounds on the way, and its vectorised exponential is off by a last bit in
/// some lanes of a vector: scores within that of the cut-off may be counted differently there.
METRICS_API double logit_cutoff(double threshold, at::ScalarType dtype);

/// Returns what a score is compared with as a probability: the threshold in double for float64, else in float.
METRICS_API double probability_cutoff(double threshold, at::ScalarType dtype);

/// The same functions in plain tensor operations: what runs on devices without a kernel, and what the kernels are
/// tested against.
namespace plain {
METRICS_API void add_class_counts(Tensor& counts, const Tensor& preds, const Tensor& target, const ClassRule& rule);
METRICS_API Tensor samplewise_class_counts(const Tensor& preds, const Tensor& target, const ClassRule& rule);
METRICS_API void add_class_confusion(Tensor& confusion, const Tensor& preds, const Tensor& target,
                                     const ClassRule& rule);
METRICS_API ThresholdCounts binary_counts(const Tensor& preds, const Tensor& target, const ThresholdRule& rule);
METRICS_API ThresholdCounts samplewise_binary_counts(const Tensor& preds, const Tensor& target,
                                                     const ThresholdRule& rule);
METRICS_API ThresholdCounts multilabel_counts(const Tensor& preds, const Tensor& target, int64_t num_labels,
                                              const ThresholdRule& rule);
METRICS_API ThresholdCounts samplewise_multilabel_counts(const Tensor& preds, const Tensor& target, int64_t num_labels,
                                                         const ThresholdRule& rule);
METRICS_API Tensor exact_class_matches(const Tensor& preds, const Tensor& target, const ClassRule& rule);
METRICS_API Tensor samplewise_exact_class_matches(const Tensor& preds, const Tensor& target, const ClassRule& rule);
METRICS_API ThresholdCounts exact_multilabel_matches(const Tensor& preds, const Tensor& target, int64_t num_labels,
                                                     const ThresholdRule& rule);
METRICS_API ThresholdCounts samplewise_exact_multilabel_matches(const Tensor& preds, const Tensor& target,
                                                                int64_t num_labels, const ThresholdRule& rule);
}  // namespace plain

}  // namespace metrics::classification::counts
