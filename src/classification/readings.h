#pragma once

#include "classification/counts/counting.h"
#include <metrics/classification/choices.h>
#include <metrics/core/state.h>

#include <string>
#include <vector>

// The states of metrics that compare scores with a threshold: one count, or where the input is to be found out one for
// each reading of the scores and a flag that says which of them holds. So `auto` is decided over everything
// accumulated, and by no batch alone.

namespace metrics::classification {

/// Declares the counts under their torchmetrics names; `initial` is undefined for `Reduction::Cat`.
void declare_readings(States& states, const std::vector<std::string>& names, Reduction reduction, const Tensor& initial,
                      ScoreInput input);

/// Adds a batch's counts, or appends them to states that grow.
void fold_readings(States& states, ScoreInput input, const counts::ThresholdCounts& counts);

/// Returns the counts of whichever reading applies, logits or probabilities.
const State& reading_that_holds(const States& states, ScoreInput input);

}  // namespace metrics::classification
