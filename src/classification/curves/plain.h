#pragma once

#include "kernels.h"
#include <metrics/classification/curves.h>

#include <ATen/core/Tensor.h>

/// The loops of kernels.h in plain tensor operations: what runs on devices without a kernel, and what the kernels
/// are tested against.
namespace metrics::classification::curves::plain {

using at::Tensor;

/// Tables of counts, one for each reading; undefined where that reading is not counted.
struct Tables {
  Tensor as_probability, as_logit;
};

/// `scores`: [samples, labels, positions]; `codes`: 0, 1, or others, which are left out, of the same shape.
METRICS_API void count_questions(const Tables& tables, const Tensor& scores, const Tensor& codes,
                                 const CurvePlan::Bins& bins);

/// `scores`: [rows, classes]; `target`: [rows], of which those that are no class are left out.
METRICS_API void count_classes(const Tables& tables, const Tensor& scores, const Tensor& target,
                               const CurvePlan::Bins& bins);

/// The softmax of rows [rows, classes], computed in float64. An infinite score takes all of its row's probability.
METRICS_API Tensor softmax(const Tensor& scores);

/// Looks at the scores that `taken` (bool, of a shape that broadcasts) marks.
METRICS_API kernels::Seen look(const Tensor& scores, const Tensor& taken);

}  // namespace metrics::classification::curves::plain
