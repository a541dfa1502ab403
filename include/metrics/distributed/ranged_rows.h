#pragma once

#include <metrics/export.h>

#include <cstdint>

namespace metrics {

/// Sets how many bytes of rows, those of all ranks together, a metric has at least before its value is computed of
/// ranges of them (metrics/core/ranges.h) in place of gathering all on every rank: 1 MiB where nothing else is said,
/// below which one gather is faster. The same on every rank. Returns what was set before.
METRICS_API int64_t set_ranged_bytes(int64_t bytes);

}  // namespace metrics
