#pragma once

#include "counting.h"

/// What preds and target have to be. Shapes and dtypes are always checked, values where the rule says so.
namespace metrics::classification::counts {

/// Rows of a multiclass metric: a label for each sample and position, and where predictions are scores, as many scores
/// as there are classes.
struct ClassShape {
  int64_t samples, classes, positions;
  bool scores;
};

ClassShape checked_classes(const Tensor& preds, const Tensor& target, const ClassRule& rule);
ClassShape checked_samplewise_classes(const Tensor& preds, const Tensor& target, const ClassRule& rule);

void check_binary(const Tensor& preds, const Tensor& target, const ThresholdRule& rule);
void check_samplewise_binary(const Tensor& preds, const Tensor& target, const ThresholdRule& rule);
void check_multilabel(const Tensor& preds, const Tensor& target, int64_t num_labels, const ThresholdRule& rule);
void check_samplewise_multilabel(const Tensor& preds, const Tensor& target, int64_t num_labels,
                                 const ThresholdRule& rule);

/// Throws the error for the first label that cannot be, in target, then in preds, or the first score that is NaN.
[[noreturn]] void throw_bad_label(const Tensor& preds, const Tensor& target, const ClassRule& rule);
[[noreturn]] void throw_bad_label(const Tensor& preds, const Tensor& target, const ThresholdRule& rule);

/// Throws InvalidArgument where a row that is not ignored has a score [N, C, ...] that is NaN.
void refuse_nan(const Tensor& preds, const Tensor& target, const ClassRule& rule);

}  // namespace metrics::classification::counts
