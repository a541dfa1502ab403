#pragma once

#include "agreement.h"
#include "control_block.h"
#include "payload.h"
#include <metrics/core/synchroniser.h>

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace metrics::distributed {

/// Gathered payloads of all ranks for one backend.
struct GatheredPayload {
  std::vector<Tensor> ranks;  ///< Each rank's bytes.
  std::vector<PayloadLayout> layouts;
};

/// Everything that has come from the ranks, for folding into merged states.
struct Gathered {
  std::span<const SyncItem> items;
  int64_t own_rank = 0;
  const std::vector<Table>& tables;
  const Agreement& agreement;
  std::span<const Route> routes;
  GatheredPayload host;
  GatheredPayload device;
};

/// The gathered states of one metric merged in rank order. States that go another way are left at their defaults.
States fold(const Gathered& gathered, std::size_t item);

/// Gives `take` each rank's states of one metric in rank order: gathered ones whole, others at their defaults. The
/// same object serves all ranks.
void each_rank(const Gathered& gathered, std::size_t item, const std::function<void(int64_t rank, States&)>& take);

}  // namespace metrics::distributed
