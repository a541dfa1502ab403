#pragma once

#include "classification/counts/counting.h"
#include <metrics/classification/choices.h>
#include <metrics/core/state.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// The states of metrics that compare scores with a threshold. Scores have two readings, as probabilities and as logits.
// Where the option `input` says which applies, there is one set of counts. Where it is `auto` there is one for each
// reading, and a flag that says which applies, because that is decided over everything accumulated and by no batch
// alone.

namespace metrics::classification {

/// Declares the counts under their torchmetrics names; `initial` is undefined for `Reduction::Cat`.
void declare_readings(States& states, const std::vector<std::string>& names, Reduction reduction, const Tensor& initial,
                      ScoreInput input);

/// Adds a batch's counts, or appends them to states that grow.
void fold_readings(States& states, ScoreInput input, const counts::ThresholdCounts& counts);

/// How counts [4, L] lie in a state: as they are, or as a matrix for each label, [L, 2, 2], or [2, 2], the target being
/// the row.
enum class CellLayout { Rows, Matrices };

/// Counts a batch into states that do not grow: what `multilabel_counts` counts, or without `num_labels`
/// `binary_counts`.
void count_readings(States& states, ScoreInput input, const Tensor& preds, const Tensor& target,
                    std::optional<int64_t> num_labels, const counts::ThresholdRule& rule,
                    CellLayout layout = CellLayout::Rows);

/// Adds a batch's counts, given as numbers, to states on the CPU that hold as many.
void fold_readings(States& states, ScoreInput input, const counts::ThresholdNumbers& counts,
                   CellLayout layout = CellLayout::Rows);

/// Returns the counts, or sums, of whichever reading applies, logits or probabilities.
const State& reading_that_applies(const States& states, ScoreInput input);

}  // namespace metrics::classification
