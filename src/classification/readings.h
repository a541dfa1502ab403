#pragma once

#include "classification/counts/counting.h"
#include <metrics/classification/choices.h>
#include <metrics/core/state.h>

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

/// Returns the counts of whichever reading applies, logits or probabilities.
const State& reading_that_applies(const States& states, ScoreInput input);

}  // namespace metrics::classification
