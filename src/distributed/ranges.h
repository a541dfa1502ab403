#pragma once

#include "agreement.h"
#include "fold.h"
#include "transport.h"
#include <metrics/core/synchroniser.h>

#include <cstdint>
#include <span>
#include <vector>

namespace metrics::distributed {

/// Rows of at least this many bytes, over all ranks, do not travel whole to every rank where the value can be computed
/// of ranges of them.
constexpr int64_t default_ranged_bytes = int64_t{1} << 20;

/// The same as it is now, for tests that want either way.
int64_t ranged_bytes();

/// Sends the rows of items that compute on ranges their ways: those that are asked for values alone, of which the rows
/// of all ranks are many enough. The same on every rank.
void choose_ranges(std::span<const SyncItem> items, const std::vector<Table>& tables, const Agreement& agreement,
                   std::vector<Route>& routes);

/// Exchanges the rows on the way of Ranges, and places what has become of them in `merged`, one element for each item:
/// at most six collectives for any number of items and columns.
void exchange_ranges(const Gathered& gathered, Transport& transport, std::vector<States>& merged);

}  // namespace metrics::distributed
