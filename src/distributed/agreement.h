#pragma once

#include "control_block.h"
#include "transport.h"
#include <metrics/core/synchroniser.h>

#include <span>
#include <vector>

namespace metrics::distributed {

/// What all ranks hold of one state, once they agree.
struct AgreedState {
  bool has_value = false;
  at::ScalarType dtype = at::kByte;
  Shape shape;             ///< Of a state that does not grow, or the trailing shape of one that does.
  bool same_shape = true;  ///< False for states of `Reduction::Own` whose shape depends on what a rank has seen.
  bool same_dtype = true;
};

/// What all ranks hold of one metric.
struct AgreedItem {
  bool dirty = false;
  bool needs_gradients = false;
};

struct Agreement {
  std::vector<AgreedItem> items;
  std::vector<AgreedState> states;  ///< In the tables' order.
};

/// Unifies dtypes and shapes over the ranks' tables. Every rank has the same tables, so all throw or none does.
/// Throws SyncError that names metric, state and ranks.
Agreement agree(std::span<const SyncItem> items, const std::vector<Table>& tables, const RankNames& names);

/// Exchanges what the ranks call their metrics, once it is known that they differ, and throws SyncError on all.
[[noreturn]] void throw_difference(std::span<const SyncItem> items, Transport& transport);

}  // namespace metrics::distributed
