#include "control_block.h"

#include <metrics/core/errors.h>
#include <metrics/core/unit.h>

#include <c10/core/GradMode.h>

#include <limits>
#include <numeric>
#include <string_view>

namespace metrics::distributed {

using metrics::detail::text_hash;

namespace {

/// Numbers as little-endian base 128: most are small.
void put_number(std::vector<uint8_t>& bytes, int64_t number) {
  auto rest = static_cast<uint64_t>(number);
  for (; rest >= 0x80; rest >>= 7) bytes.push_back(static_cast<uint8_t>(rest | 0x80));
  bytes.push_back(static_cast<uint8_t>(rest));
}

class TableReader {
 public:
  explicit TableReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  uint8_t byte() {
    if (at_ == bytes_.size()) fail();
    return bytes_[at_++];
  }
  int64_t number() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint8_t next = byte();
      value |= static_cast<uint64_t>(next & 0x7f) << shift;
      if ((next & 0x80) == 0) {
        if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) fail();
        return static_cast<int64_t>(value);
      }
    }
    fail();
  }
  bool at_end() const { return at_ == bytes_.size(); }

  [[noreturn]] static void fail() {
    throw SyncError("a rank sent a description of its states that cannot be read: do all ranks run the same build?");
  }

 private:
  std::span<const uint8_t> bytes_;
  std::size_t at_ = 0;
};

enum ItemFlag : uint8_t { Dirty = 1, NeedsGradients = 2 };
enum StateFlag : uint8_t { HasValue = 1, HasResidual = 2, OnDevice = 4 };

StateEntry describe_state(const State& state, bool device_travels) {
  StateEntry entry;
  const Tensor value = state.tensor();
  entry.items = static_cast<int64_t>(state.item_ends().size());
  entry.rows = state.grows() ? state.rows() : 1;
  if (!value.defined()) return entry;
  entry.has_value = true;
  entry.has_residual = state.compensated();
  entry.dtype = value.scalar_type();
  if (!value.is_cpu() && device_travels) entry.wire = value.device().type();
  const auto sizes = value.sizes();
  entry.shape.assign(sizes.begin() + (state.grows() ? 1 : 0), sizes.end());
  return entry;
}

}  // namespace

int64_t StateEntry::elements() const {
  return std::accumulate(shape.begin(), shape.end(), rows, std::multiplies<>());
}

int64_t StateEntry::value_bytes() const {
  return has_value ? elements() * static_cast<int64_t>(c10::elementSize(dtype)) : 0;
}

Table describe(std::span<const SyncItem> items, bool device_travels) {
  Table table;
  table.items.reserve(items.size());
  for (const SyncItem& item : items) {
    ItemEntry entry{
        .dirty = item.dirty, .update_count = item.states->update_count(), .round = item.metric->round()};
    entry.first_state = table.states.size();
    entry.states = item.states->size();
    for (const State& state : *item.states) {
      table.states.push_back(describe_state(state, device_travels));
      entry.needs_gradients |= at::GradMode::is_enabled() && state.tensor().defined() && state.tensor().requires_grad();
    }
    table.items.push_back(entry);
  }
  return table;
}

std::vector<uint8_t> encode(const Table& table) {
  std::vector<uint8_t> bytes;
  bytes.reserve(16 * table.states.size() + 16);
  for (const ItemEntry& item : table.items) {
    bytes.push_back(static_cast<uint8_t>((item.dirty ? Dirty : 0) | (item.needs_gradients ? NeedsGradients : 0)));
    put_number(bytes, item.update_count);
    put_number(bytes, item.round.resets);
    put_number(bytes, item.round.synchronisations);
    for (std::size_t i = item.first_state; i < item.first_state + item.states; ++i) {
      const StateEntry& state = table.states[i];
      bytes.push_back(static_cast<uint8_t>((state.has_value ? HasValue : 0) | (state.has_residual ? HasResidual : 0) |
                                           (state.wire != at::kCPU ? OnDevice : 0)));
      put_number(bytes, state.rows);
      put_number(bytes, state.items);
      if (!state.has_value) continue;
      bytes.push_back(static_cast<uint8_t>(state.dtype));
      if (state.wire != at::kCPU) bytes.push_back(static_cast<uint8_t>(state.wire));
      put_number(bytes, static_cast<int64_t>(state.shape.size()));
      for (const int64_t size : state.shape) put_number(bytes, size);
    }
  }
  return bytes;
}

Table decode(std::span<const uint8_t> bytes, std::span<const SyncItem> items) {
  TableReader reader(bytes);
  Table table;
  table.items.reserve(items.size());
  for (const SyncItem& item : items) {
    ItemEntry entry;
    const uint8_t item_flags = reader.byte();
    entry.dirty = (item_flags & Dirty) != 0;
    entry.needs_gradients = (item_flags & NeedsGradients) != 0;
    entry.update_count = reader.number();
    entry.round.resets = reader.number();
    entry.round.synchronisations = reader.number();
    entry.first_state = table.states.size();
    entry.states = item.states->size();
    for (std::size_t i = 0; i < entry.states; ++i) {
      StateEntry& state = table.states.emplace_back();
      const uint8_t flags = reader.byte();
      state.has_value = (flags & HasValue) != 0;
      state.has_residual = (flags & HasResidual) != 0;
      state.rows = reader.number();
      state.items = reader.number();
      if (!state.has_value) continue;
      state.dtype = static_cast<at::ScalarType>(reader.byte());
      if (static_cast<int>(state.dtype) >= static_cast<int>(at::ScalarType::NumOptions)) TableReader::fail();
      if ((flags & OnDevice) != 0) state.wire = static_cast<at::DeviceType>(reader.byte());
      const int64_t dimensions = reader.number();
      for (int64_t d = 0; d < dimensions; ++d) state.shape.push_back(reader.number());
    }
    table.items.push_back(entry);
  }
  if (!reader.at_end()) TableReader::fail();
  return table;
}

uint64_t hash_of(const SyncItem& item, uint64_t seed) {
  // The layout is a text of the class and its options alone.
  const char end[] = {'\0', static_cast<char>(item.metric->dtype())};
  uint64_t hash = text_hash(std::string_view(end, sizeof(end)), text_hash(item.metric->layout(), seed));
  hash = text_hash(item.metric->identity(), hash);
  const bool is_part = item.part_of != nullptr && item.part_of != item.metric;
  return is_part ? text_hash(item.part_of->to_string(), hash) : hash;
}

uint64_t fingerprint_of(std::span<const SyncItem> items) {
  uint64_t hash = text_hash("");
  for (const SyncItem& item : items) hash = hash_of(item, hash);
  return hash;
}

}  // namespace metrics::distributed
