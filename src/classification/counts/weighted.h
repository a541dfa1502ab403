#pragma once

#include "classification/readings.h"
#include "counting.h"
#include <metrics/core/state.h>
#include <metrics/core/weights.h>

#include <cstdint>
#include <optional>

// Counting rows that weigh: a count is the sum of the weights of what would be counted. `weights` has one for each
// index along the first dimension, which all its positions share. The states are those of this batch alone where the
// weights are not integers; then they are in double-double. A function that throws has counted nothing.

namespace metrics::classification::counts {

/// Counts into a table as `add_class_counts` does, [4, num_classes] or [4, 1].
void add_weighted_class_counts(State& counts, const Tensor& preds, const Tensor& target, const ClassRule& rule,
                               const Weights& weights);

/// Counts into a table [num_classes, num_classes] as `add_class_confusion` does.
void add_weighted_confusion(State& confusion, const Tensor& preds, const Tensor& target, const ClassRule& rule,
                            const Weights& weights);

/// Counts into states that `declare_readings` has declared, [4, labels], what `multilabel_counts` counts, or without
/// `num_labels` `binary_counts`.
void add_weighted_counts(States& states, ScoreInput input, const Tensor& preds, const Tensor& target,
                         std::optional<int64_t> num_labels, const ThresholdRule& rule, const Weights& weights);

/// The same into a matrix for each label, [labels, 2, 2], or [2, 2], the target being the row.
void add_weighted_matrices(States& states, ScoreInput input, const Tensor& preds, const Tensor& target,
                           std::optional<int64_t> num_labels, const ThresholdRule& rule, const Weights& weights);

}  // namespace metrics::classification::counts
