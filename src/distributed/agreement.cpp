#include "agreement.h"

#include <metrics/core/errors.h>
#include <metrics/core/unit.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

namespace metrics::distributed {
namespace {

std::string described(const StateEntry& entry, bool grows) {
  std::ostringstream text;
  text << c10::toString(entry.dtype) << (grows ? " rows" : "") << " of shape [";
  for (std::size_t d = 0; d < entry.shape.size(); ++d) text << (d > 0 ? ", " : "") << entry.shape[d];
  text << "]";
  if (entry.wire != at::kCPU) text << " on " << c10::DeviceTypeName(entry.wire, /*lower_case=*/true);
  return text.str();
}

std::optional<at::ScalarType> unified(at::ScalarType a, at::ScalarType b, const State& state) {
  if (a == b) return a;
  const bool weighted = state.is_count() && at::promoteTypes(a, b) == at::kDouble;  // on some of the ranks alone
  if (weighted) return at::kDouble;
  try {
    return unified_dtype(a, b, "");
  } catch (const Error&) {
    return std::nullopt;
  }
}

[[noreturn]] void throw_state_difference(const SyncItem& item, const State& state, const std::vector<Table>& tables,
                                         std::size_t index, std::size_t reference, const std::vector<int64_t>& ranks,
                                         const std::string& expected, const RankNames& names) {
  const auto& other = tables[static_cast<std::size_t>(ranks.front())].states[index];
  throw SyncError(item.metric->to_string() + ", state `" + state.name() + "`: " +
                      names.text(static_cast<int64_t>(reference)) + " holds " +
                      described(tables[reference].states[index], state.grows()) + ", " + names.text(ranks) +
                      (ranks.size() == 1 ? " holds " : " hold, the first of them, ") + described(other, state.grows()) +
                      "; expected " + expected,
                  std::string(item.metric->name()), state.name(), names(ranks));
}

/// Whether a rank has a say in the shape: it has rows, or anything of a shape that is the data's.
bool has_data(const State& state, const StateEntry& entry) {
  return state.grows() ? entry.rows > 0 : state.shape() == ShapeFrom::Data && !entry.shape.empty();
}

/// Unifies one state. A rank without rows has no say, unless no rank has any.
AgreedState agree_on_state(const SyncItem& item, const State& state, const std::vector<Table>& tables,
                           std::size_t index, const RankNames& names) {
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
    const auto dtype = unified(agreed.dtype, entry.dtype, state);
    if (!dtype) wrong_dtype.push_back(static_cast<int64_t>(rank));
    agreed.same_dtype &= entry.dtype == first.dtype;
    agreed.dtype = dtype.value_or(agreed.dtype);
    agreed.same_shape &= entry.shape == first.shape;
    if (entry.shape != first.shape && state.reduction() != Reduction::Own)
      wrong_shape.push_back(static_cast<int64_t>(rank));
    if (entry.wire != first.wire) wrong_device.push_back(static_cast<int64_t>(rank));
  }
  const auto expect_none = [&](const std::vector<int64_t>& ranks, const std::string& expected) {
    if (!ranks.empty()) throw_state_difference(item, state, tables, index, reference, ranks, expected, names);
  };
  expect_none(wrong_dtype, "dtypes that unify: integers with integers, real with real, complex with complex");
  expect_none(wrong_shape, state.grows() ? "rows of one shape on all ranks" : "one shape on all ranks");
  expect_none(wrong_device, "one kind of device on all ranks");
  return agreed;
}

/// Every rank's text, in rank order.
std::vector<std::string> exchange_texts(Transport& transport, const std::string& text) {
  const auto world = transport.world_size();
  auto own_size = at::empty({1}, at::kLong);
  auto sizes = at::empty({world}, at::kLong);
  *own_size.mutable_data_ptr<int64_t>() = static_cast<int64_t>(text.size());
  transport.all_gather(own_size, sizes);
  const std::span<const int64_t> size(sizes.const_data_ptr<int64_t>(), static_cast<std::size_t>(world));
  const int64_t most = std::max<int64_t>(1, *std::max_element(size.begin(), size.end()));
  auto own = at::zeros({most}, at::kByte);
  auto all = at::empty({most * world}, at::kByte);
  std::memcpy(own.mutable_data_ptr(), text.data(), text.size());
  transport.all_gather(own, all);
  std::vector<std::string> texts;
  const char* begin = reinterpret_cast<const char*>(all.const_data_ptr<uint8_t>());
  for (const int64_t own_bytes : size) {
    texts.emplace_back(begin, static_cast<std::size_t>(own_bytes));
    begin += most;
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
  std::string title;  ///< The class, its options, which of those alike it is, and what it is part of.
  std::string dtype;
  std::vector<std::string> states;  ///< "name: reduction" and what else the layout says.

  bool operator==(const ItemText&) const = default;
};

std::string title_of(const SyncItem& item) {
  std::string title = item.metric->to_string();
  if (const std::string identity = item.metric->identity(); !identity.empty()) title += " " + identity;
  if (item.part_of != nullptr && item.part_of != item.metric) title += " in " + item.part_of->to_string();
  return title;
}

/// The parts of an ItemText, each with a null character behind it.
std::string written(const SyncItem& item) {
  std::ostringstream text;
  text << item.metric->name() << '\0' << title_of(item) << '\0' << c10::toString(item.metric->dtype()) << '\0';
  for (const State& state : *item.states) {
    text << state.name() << ": " << metrics::to_string(state.reduction());
    if (state.initial().defined()) text << ' ' << state.initial().scalar_type() << ' ' << state.initial().sizes();
    text << '\0';
  }
  return text.str();
}

ItemText parsed(const std::string& text) {
  ItemText item;
  std::istringstream parts(text);
  std::getline(parts, item.name, '\0');
  std::getline(parts, item.title, '\0');
  std::getline(parts, item.dtype, '\0');
  for (std::string state; std::getline(parts, state, '\0');) item.states.push_back(state);
  return item;
}

/// Texts for a message; of long ones the beginning, which names the class, and what surrounds their first difference.
std::vector<std::string> shortened(const std::vector<std::string>& texts) {
  constexpr std::size_t most = 400, around = 80;
  const std::string& first = texts.front();
  std::size_t alike = first.size();
  for (const std::string& text : texts) {
    const auto end = std::mismatch(text.begin(), text.end(), first.begin(), first.end()).first;
    alike = std::min(alike, static_cast<std::size_t>(end - text.begin()));
  }
  std::vector<std::string> cut;
  for (const std::string& text : texts) {
    if (text.size() <= most) {
      cut.push_back(text);
      continue;
    }
    const std::size_t from = alike > 2 * around ? alike - around : around;
    const std::string end = from + 2 * around < text.size() ? "..." : "";
    cut.push_back(text.substr(0, around) + (from > around ? "..." : "") + text.substr(from, 2 * around) + end);
  }
  return cut;
}

/// "rank 0 has A, ranks 1, 2 have B", for what the ranks have.
std::string by_rank(const std::vector<std::string>& texts, const RankNames& names) {
  constexpr std::size_t most_groups = 4;
  std::vector<std::string> different;
  std::vector<std::vector<int64_t>> ranks;
  for (std::size_t rank = 0; rank < texts.size(); ++rank) {
    const auto known = std::find(different.begin(), different.end(), texts[rank]) - different.begin();
    if (static_cast<std::size_t>(known) == different.size()) {
      different.push_back(texts[rank]);
      ranks.emplace_back();
    }
    ranks[static_cast<std::size_t>(known)].push_back(static_cast<int64_t>(rank));
  }
  const std::vector<std::string> shown = shortened(different);
  std::string text;
  for (std::size_t i = 0; i < std::min(shown.size(), most_groups); ++i)
    text += (i > 0 ? ", " : "") + names.text(ranks[i]) + (ranks[i].size() == 1 ? " has " : " have ") + shown[i];
  if (shown.size() > most_groups) text += ", and the other ranks have others";
  return text;
}

std::string at_position(std::size_t position, std::size_t count) {
  return count == 1 ? "" : " (metric " + std::to_string(position + 1) + " of " + std::to_string(count) + ")";
}

/// A rank that is a reset or a synchronisation ahead is in another call than the others.
void agree_on_round(const SyncItem& item, std::size_t index, const std::vector<Table>& tables, const RankNames& names) {
  std::vector<std::string> rounds;
  for (const Table& table : tables) {
    const Unit::Round& round = table.items[index].round;
    rounds.push_back(std::to_string(round.resets) + " and " + std::to_string(round.synchronisations));
  }
  const auto ranks = differing(rounds);
  if (ranks.empty()) return;
  throw SyncError(shortened({title_of(item)}).front() +
                      ": the ranks are in different calls. Of its resets, and of its synchronisations since the last "
                      "reset, " +
                      by_rank(rounds, names) +
                      ": a rank has left out or added a compute, forward, sync or reset (sync_on_compute=false leaves "
                      "one out)",
                  std::string(item.metric->name()), "", names(ranks));
}

}  // namespace

Agreement agree(std::span<const SyncItem> items, const std::vector<Table>& tables, const RankNames& names) {
  Agreement agreement;
  agreement.states.reserve(tables.front().states.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    AgreedItem& agreed = agreement.items.emplace_back();
    for (const Table& table : tables) {
      agreed.dirty |= table.items[i].dirty;
      agreed.needs_gradients |= table.items[i].needs_gradients;
    }
    agree_on_round(items[i], i, tables, names);
    for (const State& state : *items[i].states)
      agreement.states.push_back(agree_on_state(items[i], state, tables, agreement.states.size(), names));
  }
  return agreement;
}

void throw_difference(std::span<const SyncItem> items, Transport& transport) {
  const RankNames& names = transport.names();
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

  std::vector<ItemText> ranks_items;
  for (const std::string& text : texts) ranks_items.push_back(parsed(text));
  const auto ranks = differing(ranks_items);
  const ItemText& first = ranks_items.front();
  const std::string where = at_position(position, std::max<std::size_t>(items.size(), position + 1));
  const auto of_each = [&](const auto& part) {
    std::vector<std::string> parts;
    for (const ItemText& item : ranks_items) parts.push_back(part(item));
    return parts;
  };
  const auto titles =
      of_each([](const ItemText& item) { return item.name.empty() ? "no metric there" : item.title; });
  if (!differing(titles).empty()) {
    const auto named =
        std::find_if(ranks_items.begin(), ranks_items.end(), [](const ItemText& item) { return !item.name.empty(); });
    throw SyncError("the ranks synchronise different metrics" + where + ": " + by_rank(titles, names) +
                        ". All ranks compute the same metrics in the same order (MetricOptions::name tells apart those "
                        "that are made in one place)",
                    named->name, "", names(differing(titles)));
  }
  const auto dtypes = of_each([](const ItemText& item) { return item.dtype; });
  if (!differing(dtypes).empty())
    throw SyncError(shortened({first.title}).front() + where + ": the ranks have different dtypes (set_dtype): " +
                        by_rank(dtypes, names),
                    first.name, "", names(differing(dtypes)));
  if (ranks.empty()) throw SyncError("the ranks synchronise different metrics", first.name, "", ranks);
  const ItemText& other = ranks_items[static_cast<std::size_t>(ranks.front())];
  const std::size_t common = std::min(first.states.size(), other.states.size());
  std::size_t state = 0;
  while (state < common && first.states[state] == other.states[state]) ++state;
  const auto lines = of_each([&](const ItemText& item) {
    return state < item.states.size() ? "`" + item.states[state] + "`" : std::string("no such state");
  });
  const auto& named = state < first.states.size() ? first.states[state] : other.states.at(state);
  throw SyncError(shortened({first.title}).front() + where +
                      ": the ranks have different states: " + by_rank(lines, names),
                  first.name, named.substr(0, named.find(':')), names(ranks));
}

}  // namespace metrics::distributed
