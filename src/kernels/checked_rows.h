#pragma once

#include <metrics/export.h>

#include <cstdint>

// Checks of the numbers of a batch, and copies that check what they copy; by all threads where there are many. Where a
// copy returns false, what it has written is of no use.

namespace metrics::kernels {

/// Whether any number is NaN.
METRICS_API bool has_nan(const float* numbers, int64_t count);
METRICS_API bool has_nan(const double* numbers, int64_t count);

/// Returns whether all numbers fit.
METRICS_API bool copy_narrowed(const int64_t* from, int64_t count, int32_t* to);
/// Returns whether all numbers are 0 or 1.
METRICS_API bool copy_binary(const int64_t* from, int64_t count, uint8_t* to);
/// Returns whether all numbers are from 0 to 255.
METRICS_API bool copy_bytes(const int64_t* from, int64_t count, uint8_t* to);

}  // namespace metrics::kernels
