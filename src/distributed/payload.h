#pragma once

#include "agreement.h"
#include "control_block.h"
#include <metrics/core/synchroniser.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace metrics::distributed {

/// How a state travels, beyond the control block.
enum class Route {
  None,       ///< Nobody needs it: every rank is clean.
  Gather,     ///< All of every rank's, folded locally in rank order.
  AllReduce,  ///< Reduced on the way.
  Ranges,     ///< Rows to the rank that computes on those of their keys (see ranges.h).
  Slices,     ///< A slice of every rank's to each rank, folded there in rank order, the results gathered.
};

/// What a state is on the wire, and where it stands in a payload; -1 where the payload does not hold it.
struct Placement {
  int64_t offset = -1;
};

/// Where the states stand in one rank's payload for one backend.
struct PayloadLayout {
  std::vector<Placement> states;
  int64_t bytes = 0;
};

/// Places the states of `table` that go the way of `routes` over `wire`. Every rank can lay out every rank's payload.
PayloadLayout lay_out(const Table& table, std::span<const Route> routes, at::DeviceType wire);

/// Copies local states to where `layout` has them within `payload`, bytes on the wire's device.
void write_payload(std::span<const SyncItem> items, const Table& table, const PayloadLayout& layout, Tensor& payload);

/// The parts of one state as they came from one rank: `value` may be undefined for a state that grows.
struct StateParts {
  Tensor value;
  Tensor residual;
  std::vector<int64_t> item_ends;
};

/// Reads one state out of a payload, as views where nothing has to be converted. It is valid as long as `payload`.
StateParts read_payload(const Tensor& payload, int64_t offset, const StateEntry& entry, const AgreedState& agreed,
                        const State& like, at::Device device);

}  // namespace metrics::distributed
