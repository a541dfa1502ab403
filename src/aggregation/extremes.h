#pragma once

#include <cstdint>

namespace metrics::aggregation {

/// Returns the largest of `n` numbers, at least one; NaN if one is NaN. In one thread: of many numbers at::max.
double greatest(const float* values, int64_t n);
double greatest(const double* values, int64_t n);
double greatest(const int64_t* values, int64_t n);

/// Returns the smallest in the same way.
double least(const float* values, int64_t n);
double least(const double* values, int64_t n);
double least(const int64_t* values, int64_t n);

}  // namespace metrics::aggregation
