#pragma once

#include "core/text_hash.h"
#include <metrics/core/synchroniser.h>
#include <metrics/core/unit.h>

#include <ATen/core/Tensor.h>
#include <c10/util/SmallVector.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace metrics::distributed {

/// Bytes that every rank sends first, whatever follows. The size is part of the protocol: ranks that disagree on the
/// size of a collective end each other's processes, so all else is agreed on in here.
constexpr int64_t control_block_bytes = 16 * 1024;

/// Where a tensor begins within a payload: any dtype can be read in place there.
constexpr int64_t payload_alignment = 16;
constexpr int64_t aligned(int64_t bytes) {
  return (bytes + payload_alignment - 1) & ~(payload_alignment - 1);
}

/// How the block begins.
struct BlockHeader {
  static constexpr uint32_t expected_magic = 0x4353'544d;
  static constexpr uint16_t expected_version = 2;
  enum Flag : uint16_t {
    Failed = 1,         ///< This rank could not prepare; the body is the reason, as text.
    TableInline = 2,    ///< The body begins with this rank's table.
    PayloadInline = 4,  ///< The payload follows the table.
    OfBatch = 8,        ///< The states are a batch's, in a forward, not what the metrics have accumulated.
    ForValues = 16,     ///< All that is made of what comes back are values.
  };

  uint32_t magic = expected_magic;
  uint16_t version = expected_version;
  uint16_t flags = 0;
  uint64_t fingerprint = 0;  ///< Of all items, see `hash_of`.
  uint64_t items = 0;
  uint64_t text_bytes = 0;
  uint64_t table_bytes = 0;
  uint64_t payload_bytes = 0;

  bool has(Flag flag) const { return (flags & flag) != 0; }
  bool operator==(const BlockHeader&) const = default;
};
constexpr int64_t block_body_bytes = control_block_bytes - aligned(sizeof(BlockHeader));

using Shape = c10::SmallVector<int64_t, 5>;

/// What one rank says of one of its states.
struct StateEntry {
  bool has_value = false;  ///< False for a state that grows, before its first rows.
  bool has_residual = false;
  at::ScalarType dtype = at::kByte;
  at::DeviceType wire = at::kCPU;  ///< Over which backend its bytes travel.
  Shape shape;                     ///< Without the rows where the state grows.
  int64_t rows = 1;                ///< 1 for a state that does not grow.
  int64_t items = 0;               ///< Of a list.

  int64_t elements() const;
  int64_t value_bytes() const;
  int64_t residual_bytes() const { return has_residual ? elements() * 8 : 0; }
  int64_t item_bytes() const { return items * 8; }
  /// In a payload, with alignment.
  int64_t payload_bytes() const { return aligned(value_bytes()) + aligned(residual_bytes()) + aligned(item_bytes()); }
};

/// What one rank says of one metric.
struct ItemEntry {
  bool dirty = false;
  bool needs_gradients = false;
  int64_t update_count = 0;
  Unit::Round round;
  std::size_t first_state = 0;  ///< In the table's states.
  std::size_t states = 0;
};

/// What one rank says of all metrics.
struct Table {
  std::vector<ItemEntry> items;
  std::vector<StateEntry> states;
};

/// Describes local states; `device_travels` says whether tensors on a device have a backend of their own.
Table describe(std::span<const SyncItem> items, bool device_travels);

std::vector<uint8_t> encode(const Table& table);
/// Throws SyncError when the bytes are not those of a table for `items`.
Table decode(std::span<const uint8_t> bytes, std::span<const SyncItem> items);

/// A hash of what has to be alike on all ranks before states are looked at: the layout, the dtype of the value, which
/// of the metrics alike it is, and what is computed of it.
uint64_t hash_of(const SyncItem& item, uint64_t seed = metrics::detail::text_hash({}));
uint64_t fingerprint_of(std::span<const SyncItem> items);

}  // namespace metrics::distributed
