#pragma once

#include "agreement.h"
#include "fold.h"
#include "transport.h"
#include <metrics/core/synchroniser.h>

#include <span>
#include <vector>

namespace metrics::distributed {

/// States of at least this many bytes do not travel whole to every rank where their reduction allows better.
constexpr int64_t large_state_bytes = 64 * 1024;

/// How each state travels; the same on every rank, because it follows from what all have agreed on.
std::vector<Route> choose_routes(std::span<const SyncItem> items, const std::vector<Table>& tables,
                                 const Agreement& agreement);

/// Reduces the states on the way of AllReduce: one collective for each key type (int32, int64) and operation (sum, min,
/// max) that occurs, at most five for a backend. Returns the merged values by the states' order in the tables.
std::vector<Tensor> all_reduce_large(const Gathered& gathered, Transport& transport);

/// Folds the states on the way of Slices into `merged`, one element for each item: two collectives for a backend.
void fold_slices(const Gathered& gathered, Transport& transport, std::vector<States>& merged);

}  // namespace metrics::distributed
