#include "ranges.h"

#include "parcels.h"
#include "range_cuts.h"
#include <metrics/core/errors.h>
#include <metrics/core/ranges.h>
#include <metrics/core/sample_ids.h>
#include <metrics/core/shared_value.h>
#include <metrics/core/unit.h>
#include <metrics/distributed/ranged_rows.h>

#include <ATen/ops/cat.h>
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
    exchange_again();
    exchange_parts();
  }

 private:
  /// A column that is cut in ranges, on its way.
  struct Column {
    std::size_t journey;
    int64_t index;  // in the journey
    RangedRows::Column rows{};
    Tensor second_keys{};
    std::vector<Cut> cuts{}, second_cuts{};
    std::vector<std::vector<KeyedRows>> come{};  // of each kind each rank's
    std::unique_ptr<RowRange> range{};
    Tensor counts{}, second_counts{};  // of the rows that travel again: to each rank, and from each
    std::vector<RangeBytes> summaries{};
  };

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
        Journey journey{items[v]};
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

  const States& local(const Journey& journey) const { return *gathered_.items[journey.first_item].states; }

  void prepare_columns() {
    for (std::size_t j = 0; j < journeys_.size(); ++j) {
      Journey& journey = journeys_[j];
      const WholeColumns* const whole = journey.rows().whole_columns();
      if (whole != nullptr && (journey.columns() >= world_ || whole->always(journey.facts))) {
        journey.whole = whole;
        continue;
      }
      for (int64_t c = 0; c < journey.columns(); ++c) {
        Column column{.journey = j, .index = c};
        column.rows = journey.rows().rows(local(journey), journey.facts, c);
        if (const SecondRows* second = journey.rows().second()) {
          column.second_keys = second->keys(local(journey), journey.facts, c);
        }
        columns_.push_back(std::move(column));
      }
    }
  }

  void exchange_samples() {
    const int64_t most = samples_a_range * std::min(world_, most_sampled_ranges);
    struct Wanted {
      std::vector<Sample> samples;
      bool ties_part;
      std::vector<Cut>& cuts;
    };
    std::vector<Wanted> wanted;
    for (Column& column : columns_) {
      const bool ties_part = journeys_[column.journey].rows().ties_part();
      wanted.push_back({samples_of(column.rows, most), ties_part, column.cuts});
      if (!column.second_keys.defined()) continue;
      wanted.push_back({samples_of({{.keys = column.second_keys}}, most), ties_part, column.second_cuts});
      column.second_keys = Tensor();
    }
    if (wanted.empty()) return;
    const int64_t size = most * static_cast<int64_t>(sizeof(Sample));
    Tensor own = bytes(static_cast<int64_t>(wanted.size()) * size);
    uint8_t* to = begin_of(own);
    for (const Wanted& one : wanted) {
      TORCH_INTERNAL_ASSERT(static_cast<int64_t>(one.samples.size()) <= most);
      if (!one.samples.empty()) std::memcpy(to, one.samples.data(), one.samples.size() * sizeof(Sample));
      to += size;
    }
    const Tensor all = gathered_bytes(transport_, own);
    for (std::size_t place = 0; place < wanted.size(); ++place) {
      std::vector<Sample> samples;
      for (int64_t rank = 0; rank < world_; ++rank) {
        for (int64_t i = 0; i < most; ++i) {
          const int64_t begin =
              rank * own.numel() + static_cast<int64_t>(place) * size + i * static_cast<int64_t>(sizeof(Sample));
          const auto sample = from_range_bytes<Sample>(part_of(all, begin, sizeof(Sample)));
          if (sample.rows > 0) samples.push_back(sample);
        }
      }
      wanted[place].cuts = cuts_of(std::move(samples), world_, wanted[place].ties_part);
    }
  }

  // --- Rows.

  void exchange_rows() {
    Parcels parcels;
    for (Journey& journey : journeys_) {
      if (journey.whole == nullptr) continue;
      parcels.push_back(whole_parcel(journey, local(journey), transport_));
    }
    for (Column& column : columns_) {
      const Journey& journey = journeys_[column.journey];
      column.come.resize(static_cast<std::size_t>(journey.rows().kinds()));
      for (std::size_t kind = 0; kind < column.come.size(); ++kind) {
        parcels.push_back(keyed_parcel(std::move(column.rows[kind]), column.cuts,
                                       journey.rows().layout(static_cast<int64_t>(kind), journey.facts),
                                       column.come[kind]));
      }
    }
    const Tensor counts = rows_to_ranks(parcels, world_);
    Tensor theirs = at::empty_like(counts);
    const std::vector<int64_t> one_each(static_cast<std::size_t>(world_), 1);
    transport_.all_to_all(counts, one_each, theirs, one_each);
    exchange_parcels(transport_, parcels, theirs);
    for (Column& column : columns_) {
      const Journey& journey = journeys_[column.journey];
      column.range = journey.rows().range(std::exchange(column.come, {}), journey.facts);
      const SecondRows* const second = journey.rows().second();
      if (second == nullptr) continue;
      const Tensor keys = second->keys(*column.range);
      column.counts = at::empty({world_}, at::kLong);
      for (int64_t rank = 0; rank < world_; ++rank) {
        const auto [begin, end] = rows_between(keys, column.second_cuts, rank);
        column.counts.mutable_data_ptr<int64_t>()[rank] = end - begin;
      }
    }
  }

  // --- Summaries and parts.

  /// Gathers what `make` has appended on each rank for each column, of `size(column)` bytes, and calls
  /// `take(column, rank, bytes)`.
  template <class Size, class Make, class Take>
  void exchange_of_columns(const Size& size, const Make& make, const Take& take) {
    std::size_t all_bytes = 0;
    for (const Column& column : columns_) all_bytes += size(column);
    if (all_bytes == 0) return;
    Tensor own = bytes(static_cast<int64_t>(all_bytes));
    std::size_t place = 0;
    for (Column& column : columns_) {
      make(column, begin_of(own) + place);
      place += size(column);
    }
    const Tensor all = gathered_bytes(transport_, own);
    place = 0;
    for (Column& column : columns_) {
      for (int64_t rank = 0; rank < world_; ++rank) {
        const int64_t begin = rank * own.numel() + static_cast<int64_t>(place);
        take(column, rank, part_of(all, begin, static_cast<int64_t>(size(column))));
      }
      place += size(column);
    }
  }

  // How many rows travel again to each rank is told with the summary.
  void exchange_summaries() {
    const auto size = [&](const Column& column) {
      const RangedRows& rows = journeys_[column.journey].rows();
      return rows.summary_bytes() + (rows.second() != nullptr ? static_cast<std::size_t>(world_) * sizeof(int64_t) : 0);
    };
    exchange_of_columns(
        size,
        [&](Column& column, uint8_t* to) {
          const RangedRows& rows = journeys_[column.journey].rows();
          put(rows.summary(*column.range), rows.summary_bytes(), to);
          if (column.counts.defined()) {
            std::memcpy(to + rows.summary_bytes(), column.counts.const_data_ptr(),
                        static_cast<std::size_t>(world_) * sizeof(int64_t));
          }
        },
        [&](Column& column, int64_t rank, std::span<const uint8_t> told) {
          const std::size_t summary = journeys_[column.journey].rows().summary_bytes();
          column.summaries.push_back(copied(told.first(summary)));
          if (!column.counts.defined()) return;
          if (!column.second_counts.defined()) column.second_counts = at::empty({world_}, at::kLong);
          column.second_counts.mutable_data_ptr<int64_t>()[rank] = from_range_bytes<int64_t>(
              told.subspan(summary + static_cast<std::size_t>(transport_.rank()) * sizeof(int64_t), sizeof(int64_t)));
        });
  }

  /// The second journey, of those that have one.
  void exchange_again() {
    Parcels parcels;
    std::vector<Column*> travelling;
    for (Column& column : columns_) {
      if (journeys_[column.journey].rows().second() != nullptr) travelling.push_back(&column);
    }
    if (travelling.empty()) return;
    const auto count = static_cast<int64_t>(travelling.size());
    Tensor theirs = at::empty({world_, count}, at::kLong);
    for (int64_t c = 0; c < count; ++c) {
      Column& column = *travelling[static_cast<std::size_t>(c)];
      const Journey& journey = journeys_[column.journey];
      const SecondRows& second = *journey.rows().second();
      const auto own = static_cast<std::size_t>(transport_.rank());
      KeyedRows rows{second.keys(*column.range), second.values(*column.range, column.summaries, own)};
      column.range.reset();
      column.come.resize(1);
      parcels.push_back(
          keyed_parcel(std::move(rows), column.second_cuts, second.layout(journey.facts), column.come.front()));
      for (int64_t rank = 0; rank < world_; ++rank) {
        theirs.mutable_data_ptr<int64_t>()[rank * count + c] = column.second_counts.const_data_ptr<int64_t>()[rank];
      }
    }
    exchange_parcels(transport_, parcels, theirs);
    for (Column* column : travelling) {
      const Journey& journey = journeys_[column->journey];
      column->range = journey.rows().second()->range(std::move(column->come.front()), journey.facts);
      column->come.clear();
      column->summaries.clear();
    }
    const auto second_of = [&](const Column& column) { return journeys_[column.journey].rows().second(); };
    exchange_of_columns(
        [&](const Column& column) { return second_of(column) != nullptr ? second_of(column)->summary_bytes() : 0; },
        [&](Column& column, uint8_t* to) {
          const SecondRows* const second = second_of(column);
          if (second != nullptr) put(second->summary(*column.range), second->summary_bytes(), to);
        },
        [&](Column& column, int64_t, std::span<const uint8_t> summary) {
          if (second_of(column) != nullptr) column.summaries.push_back(copied(summary));
        });
  }

  // Of a journey by whole columns each rank's are where its first column would be, of as many as any rank has.
  void exchange_parts() {
    std::vector<std::shared_ptr<RangedParts>> parts(gathered_.items.size());
    for (const Journey& journey : journeys_) {
      for (const std::size_t item : journey.items) {
        parts[item] = std::make_shared<RangedParts>();
        parts[item]->facts = journey.facts;
        parts[item]->columns.resize(static_cast<std::size_t>(journey.columns()));
      }
    }
    // What each rank says: of the columns in ranges its parts, then those of its whole columns.
    struct Stretch {
      const Journey* journey;
      const Column* in_ranges;  // null for a whole column
      int64_t column;
      std::size_t value;
      int64_t begin, size;
    };
    std::vector<std::vector<Stretch>> by_rank(static_cast<std::size_t>(world_));
    int64_t most = 0;
    for (int64_t rank = 0; rank < world_; ++rank) {
      std::vector<Stretch>& stretches = by_rank[static_cast<std::size_t>(rank)];
      int64_t place = 0;
      const auto lay = [&](const Journey& journey, const Column* in_ranges, int64_t column) {
        for (std::size_t v = 0; v < journey.values.size(); ++v) {
          const auto summaries =
              in_ranges != nullptr ? std::span<const RangeBytes>(in_ranges->summaries) : std::span<const RangeBytes>();
          const auto size = static_cast<int64_t>(journey.values[v]->part_bytes(summaries));
          stretches.push_back({&journey, in_ranges, column, v, place, size});
          place += size;
        }
      };
      for (const Column& column : columns_) lay(journeys_[column.journey], &column, column.index);
      for (const Journey& journey : journeys_) {
        if (journey.whole == nullptr) continue;
        const auto [first, last] = journey.columns_of(rank, world_);
        for (int64_t c = first; c < last; ++c) lay(journey, nullptr, c);
      }
      most = std::max(most, place);
    }
    Tensor own = bytes(most);
    const auto rank = static_cast<std::size_t>(transport_.rank());
    for (const Stretch& stretch : by_rank[rank]) {
      const Journey& journey = *stretch.journey;
      const Column* const column = stretch.in_ranges;
      const int64_t first = journey.columns_of(transport_.rank(), world_).first;
      const RangeBytes part = column != nullptr
                                  ? journey.values[stretch.value]->part(*column->range, column->summaries, rank)
                                  : journey.own_parts[static_cast<std::size_t>(stretch.column - first)][stretch.value];
      put(part, static_cast<std::size_t>(stretch.size), begin_of(own) + stretch.begin);
    }
    const Tensor all = gathered_bytes(transport_, own);
    for (int64_t from = 0; from < world_; ++from) {
      for (const Stretch& stretch : by_rank[static_cast<std::size_t>(from)]) {
        parts[stretch.journey->items[stretch.value]]->columns[static_cast<std::size_t>(stretch.column)].push_back(
            copied(part_of(all, from * most + stretch.begin, stretch.size)));
      }
    }
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
    bool host = true, rows = false, ids = false;
    for (std::size_t s = 0; s < entry.states; ++s) {
      if (items[i].states->at(s).reduction() != Reduction::Cat) continue;
      rows |= agreement.states[entry.first_state + s].has_value;
      // A sample may be on several ranks, in ranges that do not know of each other.
      ids |= agreement.states[entry.first_state + s].has_value && holds_sample_ids(items[i].states->at(s));
      for (const Table& table : tables) {
        size += table.states[entry.first_state + s].value_bytes();
        host &= table.states[entry.first_state + s].wire == at::kCPU;
      }
    }
    if (!rows || !host || ids || size < ranged_bytes()) continue;
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
