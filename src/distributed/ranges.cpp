#include "ranges.h"

#include <metrics/core/errors.h>
#include <metrics/core/ranges.h>
#include <metrics/core/shared_value.h>
#include <metrics/core/unit.h>
#include <metrics/distributed/ranged_rows.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace metrics::distributed {
namespace {

std::atomic<int64_t> least_bytes = default_ranged_bytes;

// --- Bytes of all ranks.

Tensor bytes(int64_t count) {
  return at::zeros({count}, at::kByte);
}

uint8_t* begin_of(Tensor& tensor) {
  return tensor.mutable_data_ptr<uint8_t>();
}

/// Every rank's `own`, of equal size, in rank order.
Tensor gathered_bytes(Transport& transport, const Tensor& own) {
  Tensor all = at::empty({transport.world_size() * own.numel()}, at::kByte);
  transport.all_gather(own, all);
  return all;
}

std::span<const uint8_t> part_of(const Tensor& all, int64_t begin, int64_t size) {
  return {all.const_data_ptr<uint8_t>() + begin, static_cast<std::size_t>(size)};
}

RangeBytes copied(std::span<const uint8_t> from) {
  return {from.begin(), from.end()};
}

void put(const RangeBytes& from, std::size_t most, uint8_t* to) {
  TORCH_INTERNAL_ASSERT(from.size() <= most);
  std::copy(from.begin(), from.end(), to);
}

// --- Keys.

uint64_t key_at(const Tensor& keys, int64_t i) {
  return keys.scalar_type() == at::kInt ? uint64_t{static_cast<uint32_t>(keys.const_data_ptr<int32_t>()[i])}
                                        : static_cast<uint64_t>(keys.const_data_ptr<int64_t>()[i]);
}

/// How many of ascending keys are below one.
int64_t count_below(const Tensor& keys, uint64_t key) {
  int64_t low = 0, high = keys.numel();
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (key_at(keys, middle) < key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/// A key for so many rows, as one rank tells the others.
struct Sample {
  uint64_t key = 0;
  uint64_t rows = 0;
};

/// Of each column a rank sends so many samples for each range: with three kinds of rows no range gets more than 1.2
/// times its share, beside the rows of one key.
constexpr int64_t samples_a_range = 32;

/// Keys at equal distances, the same share of each kind.
std::vector<Sample> samples_of(const RangedRows::Column& column, int64_t most) {
  int64_t rows = 0;
  for (const KeyedRows& kind : column) rows += kind.keys.numel();
  std::vector<Sample> samples;
  if (rows == 0) return samples;
  const auto kinds = static_cast<int64_t>(column.size());
  for (const KeyedRows& kind : column) {
    const int64_t size = kind.keys.numel();
    const int64_t count = std::min(size, 1 + (most - kinds) * size / rows);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t begin = i * size / count, end = (i + 1) * size / count;
      samples.push_back({key_at(kind.keys, begin), static_cast<uint64_t>(end - begin)});
    }
  }
  return samples;
}

/// Where the ranges of a column begin, but for the first: at keys that leave each as many rows.
std::vector<uint64_t> cuts_of(std::vector<Sample> samples, int64_t ranges) {
  std::sort(samples.begin(), samples.end(), [](const Sample& a, const Sample& b) { return a.key < b.key; });
  uint64_t all = 0;
  for (const Sample& sample : samples) all += sample.rows;
  std::vector<uint64_t> cuts;
  uint64_t before = 0;
  const auto count = static_cast<uint64_t>(ranges);
  for (const Sample& sample : samples) {
    while (cuts.size() + 1 < count && before * count >= all * (cuts.size() + 1)) cuts.push_back(sample.key);
    before += sample.rows;
  }
  cuts.resize(static_cast<std::size_t>(ranges - 1), std::numeric_limits<uint64_t>::max());
  return cuts;
}

/// Rows that travel together, for one or several values.
struct Journey {
  std::size_t first_item;
  std::vector<std::size_t> items;                    // those of whose values it is
  std::vector<std::shared_ptr<const RangedValue>> values;  // of each
  std::vector<RangeBytes> facts;                     // of all ranks

  const RangedRows& rows() const { return values.front()->rows(); }
};

/// One exchange, from facts to parts.
class Exchange {
 public:
  Exchange(const Gathered& gathered, Transport& transport, std::vector<States>& merged)
      : gathered_(gathered), transport_(transport), merged_(merged), world_(transport.world_size()) {}

  void run() {
    exchange_facts();
    prepare_columns();
    exchange_samples();
    exchange_rows();
    exchange_summaries();
    exchange_parts();
  }

 private:
  /// A column of a journey, on its way.
  struct Column {
    std::size_t journey;
    int64_t index;  // in the journey
    bool whole;     // on one rank, else in as many ranges as there are ranks
    int64_t owner = 0;
    RangedRows::Column rows{};
    std::vector<uint64_t> cuts{};
    std::unique_ptr<RangedRows::Range> range{};  // where this rank has one
    std::vector<RangeBytes> summaries{};

    bool here(int64_t rank) const { return !whole || owner == rank; }
    int64_t ranges(int64_t world) const { return whole ? 1 : world; }
  };

  /// The rows of one kind that go to `rank`.
  std::pair<int64_t, int64_t> rows_to(const Column& column, const KeyedRows& kind, int64_t rank) const {
    const int64_t size = kind.keys.numel();
    if (column.whole) return {0, column.owner == rank ? size : 0};
    const auto cut = static_cast<std::size_t>(rank);
    const int64_t begin = rank == 0 ? 0 : count_below(kind.keys, column.cuts[cut - 1]);
    const int64_t end = rank + 1 == world_ ? size : count_below(kind.keys, column.cuts[cut]);
    return {begin, std::max(begin, end)};
  }

  // Members that have one state and make the same rows of it are told by the place of the first of them; they travel
  // together if that is so on all ranks.
  struct ItemFacts {
    uint64_t together = 0;
    uint64_t size = 0;
    std::array<uint8_t, RangedRows::most_facts> facts{};
  };

  void exchange_facts() {
    std::vector<std::size_t> items;
    std::vector<std::shared_ptr<const RangedValue>> values;
    for (std::size_t i = 0; i < gathered_.items.size(); ++i) {
      if (!travels(i)) continue;
      items.push_back(i);
      values.push_back(gathered_.items[i].metric->ranged_value());
    }
    Tensor own = bytes(static_cast<int64_t>(items.size() * sizeof(ItemFacts)));
    for (std::size_t v = 0; v < values.size(); ++v) {
      const States* const states = gathered_.items[items[v]].states;
      std::size_t first = 0;
      while (gathered_.items[items[first]].states != states || values[first]->rows().key() != values[v]->rows().key()) {
        ++first;
      }
      const RangeBytes facts = values[v]->rows().facts(*states);
      ItemFacts told{.together = first, .size = facts.size()};
      put(facts, told.facts.size(), told.facts.data());
      std::memcpy(begin_of(own) + v * sizeof(ItemFacts), &told, sizeof(told));
    }
    const Tensor all = gathered_bytes(transport_, own);
    const auto told_by = [&](int64_t rank, std::size_t v) {
      return from_range_bytes<ItemFacts>(
          part_of(all, rank * own.numel() + static_cast<int64_t>(v * sizeof(ItemFacts)), sizeof(ItemFacts)));
    };
    std::vector<std::vector<uint64_t>> companies;
    for (std::size_t v = 0; v < values.size(); ++v) {
      std::vector<uint64_t> company;
      for (int64_t rank = 0; rank < world_; ++rank) company.push_back(told_by(rank, v).together);
      auto known = std::find(companies.begin(), companies.end(), company);
      if (known == companies.end()) {
        known = companies.insert(known, company);
        Journey journey{items[v], {}, {}, {}};
        for (int64_t rank = 0; rank < world_; ++rank) {
          const ItemFacts told = told_by(rank, v);
          journey.facts.push_back(
              copied(std::span(told.facts).first(std::min<std::size_t>(told.size, told.facts.size()))));
        }
        journeys_.push_back(std::move(journey));
      }
      Journey& journey = journeys_[static_cast<std::size_t>(known - companies.begin())];
      journey.items.push_back(items[v]);
      journey.values.push_back(std::move(values[v]));
    }
  }

  bool travels(std::size_t item) const {
    const ItemEntry& entry = gathered_.tables.front().items[item];
    for (std::size_t s = 0; s < entry.states; ++s) {
      if (gathered_.routes[entry.first_state + s] == Route::Ranges) return true;
    }
    return false;
  }

  void prepare_columns() {
    for (std::size_t j = 0; j < journeys_.size(); ++j) {
      const Journey& journey = journeys_[j];
      const int64_t count = journey.rows().columns();
      for (int64_t c = 0; c < count; ++c) {
        Column column{.journey = j, .index = c, .whole = count >= world_};
        column.owner = column.whole ? c * world_ / count : 0;
        column.rows = journey.rows().rows(*gathered_.items[journey.first_item].states, journey.facts, c,
                                          /*in_order=*/!column.whole);
        columns_.push_back(std::move(column));
      }
    }
  }

  void exchange_samples() {
    const int64_t most = samples_a_range * world_;
    int64_t split = 0;
    for (const Column& column : columns_) split += column.whole ? 0 : 1;
    if (split == 0) return;
    const int64_t size = most * static_cast<int64_t>(sizeof(Sample));
    Tensor own = bytes(split * size);
    uint8_t* to = begin_of(own);
    for (const Column& column : columns_) {
      if (column.whole) continue;
      const std::vector<Sample> samples = samples_of(column.rows, most);
      TORCH_INTERNAL_ASSERT(static_cast<int64_t>(samples.size()) <= most);
      if (!samples.empty()) std::memcpy(to, samples.data(), samples.size() * sizeof(Sample));
      to += size;
    }
    const Tensor all = gathered_bytes(transport_, own);
    int64_t place = 0;
    for (Column& column : columns_) {
      if (column.whole) continue;
      std::vector<Sample> samples;
      for (int64_t rank = 0; rank < world_; ++rank) {
        for (int64_t i = 0; i < most; ++i) {
          const int64_t begin = rank * own.numel() + place * size + i * static_cast<int64_t>(sizeof(Sample));
          const auto sample = from_range_bytes<Sample>(part_of(all, begin, sizeof(Sample)));
          if (sample.rows > 0) samples.push_back(sample);
        }
      }
      column.cuts = cuts_of(std::move(samples), world_);
      ++place;
    }
  }

  // --- Rows. To each rank go, column by column and kind by kind, the keys of its range and what stands beside them.

  static int64_t bytes_of(const RangedRows::Layout& layout, int64_t rows, bool of_values) {
    if (!of_values) return rows * static_cast<int64_t>(c10::elementSize(layout.keys));
    if (layout.values == at::ScalarType::Undefined) return 0;
    int64_t size = static_cast<int64_t>(c10::elementSize(layout.values));
    for (const int64_t extent : layout.row) size *= extent;
    return rows * size;
  }

  int64_t kinds_of(const Column& column) const { return journeys_[column.journey].rows().kinds(); }
  RangedRows::Layout layout_of(const Column& column, int64_t kind) const {
    const Journey& journey = journeys_[column.journey];
    return journey.rows().layout(kind, journey.facts);
  }

  void exchange_rows() {
    int64_t pieces = 0;
    for (const Column& column : columns_) pieces += kinds_of(column);
    Tensor counts = at::zeros({world_, pieces}, at::kLong), theirs = at::empty({world_, pieces}, at::kLong);
    std::vector<int64_t> sent(static_cast<std::size_t>(world_), 0), received(static_cast<std::size_t>(world_), 0);
    each_piece([&](Column& column, int64_t kind, int64_t piece, const RangedRows::Layout& layout) {
      for (int64_t rank = 0; rank < world_; ++rank) {
        const auto [begin, end] = rows_to(column, column.rows[static_cast<std::size_t>(kind)], rank);
        counts.mutable_data_ptr<int64_t>()[rank * pieces + piece] = end - begin;
        sent[static_cast<std::size_t>(rank)] += room_of(layout, end - begin);
      }
    });
    const std::vector<int64_t> one_each(static_cast<std::size_t>(world_), 1);
    transport_.all_to_all(counts, one_each, theirs, one_each);
    each_piece([&](Column&, int64_t, int64_t piece, const RangedRows::Layout& layout) {
      for (int64_t rank = 0; rank < world_; ++rank) {
        received[static_cast<std::size_t>(rank)] +=
            room_of(layout, theirs.const_data_ptr<int64_t>()[rank * pieces + piece]);
      }
    });
    Tensor in;
    {
      Tensor out = packed(sent);
      in = at::empty({sum_of(received)}, at::kByte);
      transport_.all_to_all(out, sent, in, received);
    }
    unpack(in, theirs, received, pieces);
  }

  template <class F>
  void each_piece(const F& f) {
    int64_t piece = 0;
    for (Column& column : columns_) {
      for (int64_t kind = 0; kind < kinds_of(column); ++kind, ++piece) f(column, kind, piece, layout_of(column, kind));
    }
  }

  static int64_t room_of(const RangedRows::Layout& layout, int64_t rows) {
    return aligned(bytes_of(layout, rows, false)) + aligned(bytes_of(layout, rows, true));
  }
  static int64_t sum_of(const std::vector<int64_t>& numbers) {
    int64_t sum = 0;
    for (const int64_t number : numbers) sum += number;
    return sum;
  }
  static std::vector<int64_t> begins_of(const std::vector<int64_t>& sizes) {
    std::vector<int64_t> begins;
    int64_t begin = 0;
    for (const int64_t size : sizes) {
      begins.push_back(begin);
      begin += size;
    }
    return begins;
  }

  /// The rows in the order of the ranks to which they go. Those of a column are let go once they are there.
  Tensor packed(const std::vector<int64_t>& sent) {
    Tensor out = at::empty({sum_of(sent)}, at::kByte);
    std::vector<int64_t> next = begins_of(sent);
    each_piece([&](Column& column, int64_t kind, int64_t, const RangedRows::Layout& layout) {
      KeyedRows& rows = column.rows[static_cast<std::size_t>(kind)];
      TORCH_INTERNAL_ASSERT(rows.keys.scalar_type() == layout.keys && rows.keys.is_contiguous());
      for (int64_t rank = 0; rank < world_; ++rank) {
        const auto [begin, end] = rows_to(column, rows, rank);
        int64_t& place = next[static_cast<std::size_t>(rank)];
        for (const bool of_values : {false, true}) {
          const int64_t size = bytes_of(layout, end - begin, of_values);
          if (size > 0) {
            const Tensor& from = of_values ? rows.values : rows.keys;
            const auto* data = static_cast<const uint8_t*>(from.const_data_ptr());
            std::memcpy(begin_of(out) + place, data + bytes_of(layout, begin, of_values),
                        static_cast<std::size_t>(size));
          }
          place += aligned(size);
        }
      }
      rows = {};
    });
    return out;
  }

  void unpack(const Tensor& in, const Tensor& counts, const std::vector<int64_t>& received, int64_t pieces) {
    std::vector<int64_t> next = begins_of(received);
    std::vector<std::vector<KeyedRows>> kinds;
    each_piece([&](Column& column, int64_t kind, int64_t piece, const RangedRows::Layout& layout) {
      kinds.emplace_back();
      for (int64_t rank = 0; rank < world_; ++rank) {
        const int64_t rows = counts.const_data_ptr<int64_t>()[rank * pieces + piece];
        int64_t& place = next[static_cast<std::size_t>(rank)];
        const auto take = [&](at::ScalarType dtype, std::vector<int64_t> shape, bool of_values) {
          const int64_t size = bytes_of(layout, rows, of_values);
          const Tensor taken = in.narrow(0, place, size).view(dtype).view(shape);
          place += aligned(size);
          return taken;
        };
        KeyedRows of_rank;
        of_rank.keys = take(layout.keys, {rows}, false);
        if (layout.values != at::ScalarType::Undefined) {
          std::vector<int64_t> shape{rows};
          shape.insert(shape.end(), layout.row.begin(), layout.row.end());
          of_rank.values = take(layout.values, shape, true);
        }
        kinds.back().push_back(std::move(of_rank));
      }
      if (kind + 1 < kinds_of(column)) return;
      const Journey& journey = journeys_[column.journey];
      if (column.here(transport_.rank())) column.range = journey.rows().range(kinds, journey.facts);
      kinds.clear();
    });
  }

  // --- Summaries and parts: of each rank the same bytes for each column, which are nothing where it has no range.

  /// Gathers what `make(column)` writes, `size(column)` bytes, and calls `take(column, rank, bytes)` for each range.
  template <class Size, class Make, class Take>
  void exchange_of_columns(const Size& size, const Make& make, const Take& take) {
    int64_t all_bytes = 0;
    for (const Column& column : columns_) all_bytes += size(column);
    Tensor own = bytes(all_bytes);
    int64_t place = 0;
    for (Column& column : columns_) {
      if (column.range) make(column, begin_of(own) + place);
      place += size(column);
    }
    const Tensor all = gathered_bytes(transport_, own);
    place = 0;
    for (Column& column : columns_) {
      for (int64_t range = 0; range < column.ranges(world_); ++range) {
        const int64_t rank = column.whole ? column.owner : range;
        take(column, part_of(all, rank * all_bytes + place, size(column)));
      }
      place += size(column);
    }
  }

  void exchange_summaries() {
    const auto size = [&](const Column& column) {
      return static_cast<int64_t>(journeys_[column.journey].rows().summary_bytes());
    };
    exchange_of_columns(
        size,
        [&](Column& column, uint8_t* to) {
          const RangedRows& rows = journeys_[column.journey].rows();
          put(rows.summary(*column.range), rows.summary_bytes(), to);
        },
        [](Column& column, std::span<const uint8_t> summary) { column.summaries.push_back(copied(summary)); });
  }

  void exchange_parts() {
    const auto size = [&](const Column& column) {
      std::size_t of_all = 0;
      for (const auto& value : journeys_[column.journey].values) of_all += value->part_bytes();
      return static_cast<int64_t>(of_all);
    };
    std::vector<std::shared_ptr<RangedParts>> parts(gathered_.items.size());
    for (const Journey& journey : journeys_) {
      for (const std::size_t item : journey.items) {
        parts[item] = std::make_shared<RangedParts>();
        parts[item]->facts = journey.facts;
        parts[item]->columns.resize(static_cast<std::size_t>(journey.rows().columns()));
      }
    }
    exchange_of_columns(
        size,
        [&](Column& column, uint8_t* to) {
          const auto own = static_cast<std::size_t>(column.whole ? 0 : transport_.rank());
          for (const auto& value : journeys_[column.journey].values) {
            put(value->part(*column.range, column.summaries, own), value->part_bytes(), to);
            to += value->part_bytes();
          }
        },
        [&](Column& column, std::span<const uint8_t> of_values) {
          const Journey& journey = journeys_[column.journey];
          std::size_t begin = 0;
          for (std::size_t v = 0; v < journey.values.size(); ++v) {
            const std::size_t length = journey.values[v]->part_bytes();
            parts[journey.items[v]]->columns[static_cast<std::size_t>(column.index)].push_back(
                copied(of_values.subspan(begin, length)));
            begin += length;
          }
        });
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (parts[i]) merged_[i].set_parts(std::move(parts[i]));
    }
  }

  const Gathered& gathered_;
  Transport& transport_;
  std::vector<States>& merged_;
  int64_t world_;
  std::vector<Journey> journeys_;
  std::vector<Column> columns_;
};

}  // namespace

int64_t ranged_bytes() {
  return least_bytes;
}

void choose_ranges(std::span<const SyncItem> items, const std::vector<Table>& tables, const Agreement& agreement,
                   std::vector<Route>& routes) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    const AgreedItem& agreed = agreement.items[i];
    if (!agreed.dirty || agreed.needs_gradients) continue;
    const auto value = items[i].metric->ranged_value();
    if (!value || dynamic_cast<const SharedValue*>(value.get()) != nullptr) continue;
    const ItemEntry& entry = tables.front().items[i];
    int64_t size = 0;
    bool host = true, rows = false;
    for (std::size_t s = 0; s < entry.states; ++s) {
      if (items[i].states->at(s).reduction() != Reduction::Cat) continue;
      rows |= agreement.states[entry.first_state + s].has_value;
      for (const Table& table : tables) {
        size += table.states[entry.first_state + s].value_bytes();
        host &= table.states[entry.first_state + s].wire == at::kCPU;
      }
    }
    if (!rows || !host || size < ranged_bytes()) continue;
    for (std::size_t s = 0; s < entry.states; ++s) {
      if (items[i].states->at(s).reduction() == Reduction::Cat) routes[entry.first_state + s] = Route::Ranges;
    }
  }
}

void exchange_ranges(const Gathered& gathered, Transport& transport, std::vector<States>& merged) {
  if (std::find(gathered.routes.begin(), gathered.routes.end(), Route::Ranges) == gathered.routes.end()) return;
  Exchange(gathered, transport, merged).run();
}

}  // namespace metrics::distributed

namespace metrics {

int64_t set_ranged_bytes(int64_t bytes) {
  return distributed::least_bytes.exchange(bytes);
}

}  // namespace metrics
