#include "agreement.h"

#include <metrics/core/errors.h>
#include <metrics/core/metric.h>

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

namespace metrics::distributed {
namespace {

std::string rank_list(const std::vector<int64_t>& ranks) {
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  for (std::size_t i = 0; i < ranks.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(ranks[i]);
  return text;
}

std::string described(const StateEntry& entry, bool grows) {
  std::ostringstream text;
  text << c10::toString(entry.dtype) << (grows ? " rows" : "") << " of shape [";
  for (std::size_t d = 0; d < entry.shape.size(); ++d) text << (d > 0 ? ", " : "") << entry.shape[d];
  text << "]";
  if (entry.wire != at::kCPU) text << " on " << c10::DeviceTypeName(entry.wire, /*lower_case=*/true);
  return text.str();
}

std::optional<at::ScalarType> unified(at::ScalarType a, at::ScalarType b) {
  if (a == b) return a;
  try {
    return unified_dtype(a, b, "");
  } catch (const Error&) {
    return std::nullopt;
  }
}

[[noreturn]] void throw_state_difference(const SyncItem& item, const State& state, const std::vector<Table>& tables,
                                         std::size_t index, std::size_t reference, const std::vector<int64_t>& ranks,
                                         const std::string& expected) {
  const auto& other = tables[static_cast<std::size_t>(ranks.front())].states[index];
  throw SyncError(item.metric->to_string() + ", state `" + state.name() + "`: rank " + std::to_string(reference) +
                      " holds " + described(tables[reference].states[index], state.grows()) + ", " + rank_list(ranks) +
                      (ranks.size() == 1 ? " holds " : " hold, the first of them, ") + described(other, state.grows()) +
                      "; expected " + expected,
                  std::string(item.metric->name()), state.name(), ranks);
}

/// Whether a rank has a say in the shape: it has rows, or anything of a shape that is the data's.
bool has_data(const State& state, const StateEntry& entry) {
  return state.grows() ? entry.rows > 0 : state.shape() == ShapeFrom::Data && !entry.shape.empty();
}

/// Unifies one state. A rank without rows has no say, unless no rank has any.
AgreedState agree_on_state(const SyncItem& item, const State& state, const std::vector<Table>& tables,
                           std::size_t index) {
  AgreedState agreed;
  std::size_t reference = tables.size();
  for (const bool with_rows : {true, false}) {
    for (std::size_t rank = 0; rank < tables.size() && reference == tables.size(); ++rank) {
      const StateEntry& entry = tables[rank].states[index];
      if (entry.has_value && (!with_rows || has_data(state, entry))) reference = rank;
    }
  }
  if (reference == tables.size()) return agreed;
  const StateEntry& first = tables[reference].states[index];
  agreed.has_value = true;
  agreed.dtype = first.dtype;
  agreed.shape = first.shape;

  std::vector<int64_t> wrong_dtype;
  std::vector<int64_t> wrong_shape;
  std::vector<int64_t> wrong_device;
  for (std::size_t rank = 0; rank < tables.size(); ++rank) {
    const StateEntry& entry = tables[rank].states[index];
    if (!entry.has_value || (has_data(state, first) && !has_data(state, entry))) continue;
    const auto dtype = unified(agreed.dtype, entry.dtype);
    if (!dtype) wrong_dtype.push_back(static_cast<int64_t>(rank));
    agreed.same_dtype &= entry.dtype == first.dtype;
    agreed.dtype = dtype.value_or(agreed.dtype);
    agreed.same_shape &= entry.shape == first.shape;
    if (entry.shape != first.shape && state.reduction() != Reduction::Own)
      wrong_shape.push_back(static_cast<int64_t>(rank));
    if (entry.wire != first.wire) wrong_device.push_back(static_cast<int64_t>(rank));
  }
  const auto expect_none = [&](const std::vector<int64_t>& ranks, const std::string& expected) {
    if (!ranks.empty()) throw_state_difference(item, state, tables, index, reference, ranks, expected);
  };
  expect_none(wrong_dtype, "dtypes that unify: integers with integers, real with real, complex with complex");
  expect_none(wrong_shape, state.grows() ? "rows of one shape on all ranks" : "one shape on all ranks");
  expect_none(wrong_device, "one kind of device on all ranks");
  return agreed;
}

/// Every rank's text of at most a control block, in rank order.
std::vector<std::string> exchange_texts(Transport& transport, const std::string& text) {
  auto own = at::empty({control_block_bytes}, at::kByte);
  auto all = at::empty({control_block_bytes * transport.world_size()}, at::kByte);
  const auto length = std::min<uint64_t>(text.size(), control_block_bytes - sizeof(uint64_t));
  std::memset(own.mutable_data_ptr(), 0, control_block_bytes);
  std::memcpy(own.mutable_data_ptr(), &length, sizeof(length));
  std::memcpy(own.mutable_data_ptr<uint8_t>() + sizeof(length), text.data(), length);
  transport.all_gather(own, all);
  std::vector<std::string> texts;
  for (int64_t rank = 0; rank < transport.world_size(); ++rank) {
    const uint8_t* begin = all.const_data_ptr<uint8_t>() + rank * control_block_bytes;
    uint64_t size = 0;
    std::memcpy(&size, begin, sizeof(size));
    size = std::min<uint64_t>(size, control_block_bytes - sizeof(uint64_t));
    texts.emplace_back(reinterpret_cast<const char*>(begin) + sizeof(size), size);
  }
  return texts;
}

/// Ranks that differ from rank 0.
template <class T>
std::vector<int64_t> differing(const std::vector<T>& values) {
  std::vector<int64_t> ranks;
  for (std::size_t rank = 1; rank < values.size(); ++rank)
    if (values[rank] != values[0]) ranks.push_back(static_cast<int64_t>(rank));
  return ranks;
}

/// Hashes of the items; those beyond a block's capacity are left out.
std::string layout_hashes(std::span<const SyncItem> items) {
  std::string text;
  for (const SyncItem& item : items) {
    const uint64_t hash = hash_of(item);
    text.append(reinterpret_cast<const char*>(&hash), sizeof(hash));
  }
  return text;
}

/// What one rank has at one position.
struct ItemText {
  std::string name;
  std::string options;
  std::string dtype;
  std::vector<std::string> states;  ///< "name: reduction" and what else the layout says.

  bool operator==(const ItemText&) const = default;
};

std::string written(const SyncItem& item) {
  std::string text = std::string(item.metric->name()) + '\n' + item.metric->to_string() + '\n' +
                     c10::toString(item.metric->dtype());
  for (const State& state : *item.states) {
    std::ostringstream line;
    line << '\n' << state.name() << ": " << metrics::to_string(state.reduction());
    if (state.initial().defined()) line << ' ' << state.initial().scalar_type() << ' ' << state.initial().sizes();
    text += line.str();
  }
  return text;
}

ItemText parsed(const std::string& text) {
  ItemText item;
  std::istringstream lines(text);
  std::getline(lines, item.name);
  std::getline(lines, item.options);
  std::getline(lines, item.dtype);
  for (std::string line; std::getline(lines, line);) item.states.push_back(line);
  return item;
}

std::string at_position(std::size_t position, std::size_t count) {
  return count == 1 ? "" : " (metric " + std::to_string(position + 1) + " of " + std::to_string(count) + ")";
}

}  // namespace

Agreement agree(std::span<const SyncItem> items, const std::vector<Table>& tables) {
  Agreement agreement;
  agreement.states.reserve(tables.front().states.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    AgreedItem& agreed = agreement.items.emplace_back();
    for (const Table& table : tables) {
      agreed.dirty |= table.items[i].dirty;
      agreed.needs_gradients |= table.items[i].needs_gradients;
    }
    for (const State& state : *items[i].states)
      agreement.states.push_back(agree_on_state(items[i], state, tables, agreement.states.size()));
  }
  return agreement;
}

void throw_difference(std::span<const SyncItem> items, Transport& transport) {
  const auto hashes = exchange_texts(transport, layout_hashes(items));
  std::size_t shortest = hashes[0].size();
  for (const auto& text : hashes) shortest = std::min(shortest, text.size());
  std::size_t position = shortest / sizeof(uint64_t);
  for (const auto& text : hashes) {
    const auto mismatch =
        std::mismatch(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(shortest), hashes[0].begin());
    position = std::min(position, static_cast<std::size_t>(mismatch.first - text.begin()) / sizeof(uint64_t));
  }
  const auto texts = exchange_texts(transport, position < items.size() ? written(items[position]) : std::string());

  const auto ranks = differing(texts);
  const ItemText first = parsed(texts[0]);
  const ItemText other = parsed(texts[ranks.empty() ? 0 : static_cast<std::size_t>(ranks.front())]);
  if (first == other) throw SyncError("the ranks synchronise different metrics", first.name, "", ranks);
  const std::string where = at_position(position, std::max<std::size_t>(items.size(), position + 1));
  const std::string who = rank_list(ranks) + (ranks.size() == 1 ? " has " : " have, the first of them, ");
  const auto title = [](const ItemText& item) { return item.name.empty() ? "no metric there" : item.options; };
  if (title(first) != title(other))
    throw SyncError(
        "the ranks synchronise different metrics" + where + ": rank 0 has " + title(first) + ", " + who + title(other),
        first.name.empty() ? other.name : first.name, "", ranks);
  if (first.dtype != other.dtype)
    throw SyncError(first.options + where + ": the ranks have different dtypes (set_dtype): rank 0 has " + first.dtype +
                        ", " + who + other.dtype,
                    first.name, "", ranks);
  const std::size_t common = std::min(first.states.size(), other.states.size());
  std::size_t state = 0;
  while (state < common && first.states[state] == other.states[state]) ++state;
  const auto line = [&](const ItemText& item) {
    return state < item.states.size() ? "`" + item.states[state] + "`" : std::string("no such state");
  };
  const auto& named = state < first.states.size() ? first.states[state] : other.states.at(state);
  throw SyncError(
      first.options + where + ": the ranks have different states: rank 0 has " + line(first) + ", " + who + line(other),
      first.name, named.substr(0, named.find(':')), ranks);
}

}  // namespace metrics::distributed
