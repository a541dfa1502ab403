#pragma once

#include <metrics/export.h>

#include <cstdint>
#include <vector>

namespace metrics::kernels {

/// Gives each row of a square matrix of finite numbers [n, n] a column of its own, so that the sum of the numbers there
/// is the greatest that there is: shortest augmenting paths (Jonker, Volgenant, 1987; Crouse, 2016), in O(n³). Sums and
/// differences of whole numbers below 2^52 are exact.
METRICS_API std::vector<int64_t> greatest_assignment(const double* matrix, int64_t n);

}  // namespace metrics::kernels
