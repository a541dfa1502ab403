#pragma once

#include "agreement.h"
#include "transport.h"
#include <metrics/core/synchroniser.h>

#include <span>
#include <vector>

namespace metrics::distributed {

/// Has ranks do their shares of the work of items that say so, and places the parts in `merged`, one element for each
/// item: two collectives for each item, and those of its shares.
void share_work(std::span<const SyncItem> items, const Agreement& agreement, Transport& transport,
                std::vector<States>& merged);

}  // namespace metrics::distributed
