#pragma once

#include "counted_area.h"
#include "kept_scores.h"
#include "kernels/fastest.h"
#include "kernels/parallel.h"
#include "kernels/uint128.h"
#include "sorting.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

// Scores in order, each with whether its target is yes in one integer, and what follows from their order.

namespace metrics::classification::curves {

template <class Item>
int64_t is_yes(Item item) {
  return static_cast<int64_t>(item & 1);
}

/// Calls f(tp, fp, place) for what lies at or above each place, from the greatest.
template <class Item, class F>
void each_place(std::span<const Item> items, const F& f) {
  int64_t tp = 0;
  for (std::size_t i = items.size(); i > 0;) {
    const Item place = items[i - 1] >> 1;
    do {
      tp += is_yes(items[--i]);
    } while (i > 0 && items[i - 1] >> 1 == place);
    f(tp, static_cast<int64_t>(items.size() - i) - tp, place);
  }
}

/// The same area as from CountedArea::add, in a loop without branches: twice the area is the sum over the negatives of
/// twice the positives at greater places, plus the positives at the same one. Of a pair at one place the sum is taken
/// when the second of both is met.
template <class Item>
CountedArea<int64_t> area_of_any(std::span<const Item> items) {
  CountedArea<int64_t> area;
  uint64_t positives = 0, positives_here = 0, negatives_here = 0;
  Item last = ~items.back();
  for (std::size_t i = items.size(); i > 0;) {
    const Item item = items[--i];
    const uint64_t same_place = (item ^ last) >> 1 == 0 ? ~uint64_t{0} : 0;
    const uint64_t no = (static_cast<uint64_t>(item) & 1) - 1;  // all bits set, or none
    last = item;
    positives_here &= same_place;
    negatives_here &= same_place;
    area.twice += (negatives_here & ~no) | ((2 * positives - positives_here) & no);
    positives += no + 1;
    positives_here += no + 1;
    negatives_here -= no;
  }
  area.positives = static_cast<int64_t>(positives);
  area.negatives = static_cast<int64_t>(items.size()) - area.positives;
  return area;
}

/// The same where few items share a place, by ranks: in a sorted chunk a positive is above as many negatives as lie
/// before it. Where the two items of a pair share a place they count as half of that, wherever they lie.
template <class Item>
CountedArea<int64_t> area_of_chunk(std::span<const Item> items) {
  if constexpr (sizeof(Item) > 8) {
    return area_of_any(items);
  } else {
    const auto ranks = kernels::rank_sum(items);
    if (!ranks) return area_of_any(items);
    CountedArea<int64_t> area;
    area.positives = ranks->positives;
    area.negatives = static_cast<int64_t>(items.size()) - area.positives;
    // All that lie before the positives, but for other positives.
    const auto positives = static_cast<uint64_t>(area.positives);
    area.twice = 2 * ranks->sum - positives * (positives - 1) + static_cast<uint64_t>(ranks->halves);
    return area;
  }
}

/// The area in chunks, by all threads. Items at one place are in one chunk, because their pairs are counted there.
template <class Item>
CountedArea<int64_t> area_of(std::span<const Item> items) {
  constexpr std::size_t kChunk = 65536;
  std::vector<std::size_t> ends;
  for (std::size_t end = 0; end < items.size();) {
    end = std::min(end + kChunk, items.size());
    const auto rest = items.begin() + static_cast<std::ptrdiff_t>(end);
    const auto lower = [](Item a, Item b) { return a >> 1 < b >> 1; };
    end = static_cast<std::size_t>(std::upper_bound(rest, items.end(), items[end - 1], lower) - items.begin());
    ends.push_back(end);
  }
  std::vector<CountedArea<int64_t>> areas(ends.size());
  kernels::parallel_for(static_cast<int64_t>(ends.size()), 1, [&](int64_t first, int64_t last) {
    for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
      const std::size_t begin = i == 0 ? 0 : ends[i - 1];
      areas[i] = area_of_chunk(items.subspan(begin, ends[i] - begin));
    }
  });
  CountedArea<int64_t> area;
  for (auto part = areas.rbegin(); part != areas.rend(); ++part) area.add_lower(*part);
  return area;
}

/// The bits of an integer for a row of a column and whether its target is yes, below its place.
template <class Item>
inline constexpr int bits_of_row = 4 * sizeof(Item);

/// The rows of a column by place. In integers that hold places of so many bits.
template <class Item, class T, class Key>
Sorted<Item> rows_by_place_in(const Column<T>& column, const Places<Key>& places) {
  constexpr int below_place = bits_of_row<Item>;
  return sorted<Item, below_place>(column.scores.size(), places.bits(), [&](std::span<Item> items) {
    // By value, because anything else might be what is written to.
    const auto write = [from = places, scores = column.scores.data(), yes = column.yes.data(), to = items.data(),
                        count = items.size()]() METRICS_INLINED {
      for (std::size_t row = 0; row < count; ++row) {
        const uint64_t below = ranked<uint64_t>(static_cast<uint64_t>(row), yes[row] != 0);
        const Key place = from.place_of(metrics::kernels::ordered_bits(scores[row]));
        to[row] = static_cast<Item>(static_cast<Item>(place) << below_place | below);
      }
    };
    metrics::kernels::fastest(write);
  });
}
template <class Item>
std::size_t row_in(Item item) {
  if constexpr (sizeof(Item) == 8) {
    return static_cast<std::size_t>(static_cast<uint32_t>(item) >> 1);
  } else {
    return static_cast<std::size_t>(static_cast<uint64_t>(item) >> 1);
  }
}

/// The same with what a row weighs, a float32 that is not negative, in place of its number: to read weights in the
/// order of scores, which is none of theirs, takes as long as much of the sort.
template <class T, class Key>
Sorted<uint64_t> weights_by_place(const Column<T>& column, const Places<Key>& places) {
  constexpr int below_place = bits_of_row<uint64_t>;
  return sorted<uint64_t, below_place>(column.scores.size(), places.bits(), [&](std::span<uint64_t> items) {
    const auto write = [from = places, scores = column.scores.data(), weights = column.weights.data(),
                        yes = column.yes.data(), to = items.data(), count = items.size()]() METRICS_INLINED {
      for (std::size_t row = 0; row < count; ++row) {
        const auto weight = std::bit_cast<uint32_t>(static_cast<float>(weights[row]));
        const Key place = from.place_of(metrics::kernels::ordered_bits(scores[row]));
        to[row] = static_cast<uint64_t>(place) << below_place | uint64_t{weight} << 1 | uint64_t{yes[row]};
      }
    };
    metrics::kernels::fastest(write);
  });
}
inline double weight_in(uint64_t item) {
  return static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(item) >> 1));
}

/// The rows of a column in integers that hold any.
inline constexpr int kRow = bits_of_row<uint128>;

template <class T, class Key>
Sorted<uint128> rows_by_place(const Column<T>& column, const Places<Key>& places) {
  return rows_by_place_in<uint128>(column, places);
}
inline std::size_t row_of(uint128 item) {
  return row_in(item);
}

}  // namespace metrics::classification::curves
