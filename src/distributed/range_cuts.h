#pragma once

#include <metrics/core/ranges.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

// Where a column is cut in ranges of keys, so that each rank gets as many rows.

namespace metrics::distributed {

/// A key for so many rows, in the middle of them, as one rank tells the others.
struct Sample {
  uint64_t key = 0;
  uint64_t rows = 0;
};

/// Of each column a rank sends so many samples for each range: with three kinds of rows no range gets more than 1.2
/// times its share, beside the rows of one key.
constexpr int64_t samples_a_range = 32;
/// But no more than for so many ranges, because all ranks get those of all: where there are more ranks, what their
/// samples leave open hardly adds up, as each rank's errs in a way of its own.
constexpr int64_t most_sampled_ranges = 64;

/// Keys at equal distances, the same share of each kind.
std::vector<Sample> samples_of(const RangedRows::Column& column, int64_t most);

/// Where a range begins: at a key, or where ranges share rows of one key, at a fraction of those.
struct Cut {
  uint64_t key = std::numeric_limits<uint64_t>::max();
  double share = 0;
};

/// Where the ranges of a column begin, but for the first: so that each has as many rows.
std::vector<Cut> cuts_of(std::vector<Sample> samples, int64_t ranges, bool ties_part);

/// The rows of ascending keys that go to `rank`.
std::pair<int64_t, int64_t> rows_between(const Tensor& keys, const std::vector<Cut>& cuts, int64_t rank);

}  // namespace metrics::distributed
