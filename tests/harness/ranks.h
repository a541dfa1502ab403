#pragma once

#include "case.h"

#include <cstdint>
#include <string>
#include <vector>

namespace metrics::testing {

/// What one rank says of one case.
struct RankReport {
  std::string name;
  /// What is wrong; empty when nothing is.
  std::string failure;
  /// A digest of the bits of all values seen, to compare between ranks.
  uint64_t digest = 0;
};

/// Plays the case on this rank; every rank of the default group calls it with the same case. Batches go to the ranks in
/// turn, then all to the last one, then rows in uneven parts of which one is empty; then `forward` with
/// `dist_sync_on_step`, ranks that have run out taking part with empty batches. Each value has to be, to the bit, that
/// of one process which saw everything in rank order, and each rank's own states have to stay as they were.
RankReport play_on_rank(const Case& c, int64_t rank, int64_t world_size);

/// Starts `world_size` processes of the running test program, each of which comes to this same call within the doctest
/// test case `test_case` and plays all cases there. Returns what is wrong, each entry beginning with the case's name.
/// Within such a process it plays, writes its report, and ends the process; in one of another number of processes it
/// returns nothing.
std::vector<std::string> failures_on_ranks(const std::vector<Case>& cases, int64_t world_size,
                                           const std::string& test_case);

/// 1, 2, 3, as far as METRICS_TEST_MAX_WORLD_SIZE allows.
std::vector<int64_t> world_sizes();

}  // namespace metrics::testing
