#pragma once

#include "case.h"
#include "ranks.h"
#include "ways.h"

#include <vector>

namespace metrics::testing {

// Each of these is called within a doctest test case, and fails it with the case's name, the way, and what is wrong.

/// Plays the case in every way of one process: updates, forward, merges, saving, cloning, other rows, other dtypes, and
/// so on (`ways()` lists them). For a metric of one's own leave out what is expected: then all have to agree.
void check_metric(const Case& c);

/// Plays the case's functional alone.
void check_functional(const Case& c);

/// Tries what has to be refused.
void check_misuse(const Misuse& misuse);

/// Plays all cases over 1, 2 and 3 ranks, or `sizes`, in processes that start once for each size. They run the program
/// anew with the running test case alone, which has to come to this call with the same cases.
void check_on_ranks(const std::vector<Case>& cases, const std::vector<int64_t>& sizes = world_sizes());

}  // namespace metrics::testing
