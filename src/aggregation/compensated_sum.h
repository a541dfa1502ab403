#pragma once

#include <metrics/core/double_double.h>

#include <cstdint>

namespace metrics::aggregation {

/// Returns the sum of `n` numbers in double-double: interleaved compensated sums (Ogita, Rump, Oishi, 2005, algorithm
/// 4.4), whose number does not depend on the machine.
DoubleDouble compensated_sum(const float* values, int64_t n);
DoubleDouble compensated_sum(const double* values, int64_t n);

}  // namespace metrics::aggregation
