#pragma once

#include "parallel.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace metrics::kernels {

namespace detail {

template <class Item, class KeyOf>
class RadixSort {
 public:
  explicit RadixSort(const KeyOf& key) : key_(key) {}

  /// Sorts into either of the spans, and returns which. Finds the range of the keys where `bits` is not given.
  std::span<Item> sorted(std::span<Item> items, std::span<Item> scratch, std::optional<int> bits = {}) const {
    if (items.size() <= kFew) {
      insert_each(items);
      return items;
    }
    const Keys keys = bits ? Keys{0, *bits} : keys_of(items);
    if (keys.bits == 0) return items;
    if (items.size() <= kPart) {
      sort_part(items, scratch, keys);
      return items;
    }
    sort_parts(scratch, items, split(items, scratch, keys));
    return scratch;
  }

 private:
  using Key = decltype(std::declval<KeyOf>()(std::declval<const Item&>()));

  // Fewer are sorted by insertion.
  static constexpr std::size_t kFew = 32;
  // More are split first, so that both buffers fit the cache.
  static constexpr std::size_t kPart = 32768;
  // So few that the counts of their values stay in the nearest cache.
  static constexpr int kSplitBits = 12;
  // Into at most about twice as many parts, and none of them with fewer items if it can be helped.
  static constexpr std::size_t kParts = 512, kFewest = 1024;
  static constexpr int kDigitBits = 11;
  static constexpr std::size_t kGrain = 65536;

  /// Keys in [least, least + 2^bits).
  struct Keys {
    Key least;
    int bits;
  };

  /// Items whose keys lie beside each other: where they end, in the order of their keys.
  struct Part {
    std::size_t end;
    Keys keys;
  };

  static int width_of(Key key) {
    if constexpr (sizeof(Key) <= 8) {
      return static_cast<int>(std::bit_width(key));
    } else {
      const auto high = static_cast<uint64_t>(key >> 64);
      return static_cast<int>(high != 0 ? 64 + std::bit_width(high) : std::bit_width(static_cast<uint64_t>(key)));
    }
  }

  Keys keys_of(std::span<const Item> items) const {
    Key least = key_(items.front()), greatest = least;
    for (const Item& item : items) {
      least = std::min(least, key_(item));
      greatest = std::max(greatest, key_(item));
    }
    return {least, width_of(static_cast<Key>(greatest - least))};
  }

  void insert_each(std::span<Item> items) const {
    for (std::size_t i = 1; i < items.size(); ++i) {
      const Item item = items[i];
      const Key key = key_(item);
      std::size_t hole = i;
      for (; hole > 0 && key < key_(items[hole - 1]); --hole) items[hole] = items[hole - 1];
      items[hole] = item;
    }
  }

  /// Some bits of a key's distance from the least one.
  struct Digit {
    KeyOf key;
    Key least;
    int shift;
    Key mask;

    std::size_t operator()(const Item& item) const {
      return static_cast<std::size_t>(static_cast<Key>(key(item) - least) >> shift & mask);
    }
  };

  Digit digit(Keys keys, int shift, int width) const {
    return {key_, keys.least, shift, static_cast<Key>((Key{1} << width) - 1)};
  }

  // The loops take what they need by value, because otherwise the compiler must assume aliasing, and reload the digit
  // after each item that is written.
  static void count(std::span<const Item> items, Digit digit, std::size_t* counts) {
    for (const Item& item : items) ++counts[digit(item)];
  }
  template <class Which, class Place>
  static void distribute(std::span<const Item> items, Which which, Place* __restrict next, Item* __restrict to) {
    for (const Item& item : items) to[next[which(item)]++] = item;
  }

  /// Which values of a digit go together, so that parts are of about the same size however keys are spread.
  struct Grouping {
    std::vector<uint16_t> part_of;  // [values]; anything for values that do not occur
    std::vector<Part> parts;
  };

  /// Groups values that occur so often, those of a digit with this shift. What occurs more often than all of a part
  /// should is a part alone.
  static Grouping group(std::span<const std::size_t> counts, Keys keys, int shift, std::size_t total) {
    const std::size_t enough = std::max(total / kParts, kFewest);
    Grouping result{std::vector<uint16_t>(counts.size()), {}};
    std::size_t first = 0, size = 0, before = 0;
    for (std::size_t value = 0; value < counts.size(); ++value) {
      if (counts[value] == 0) continue;
      if (size == 0 || size + counts[value] > enough) {
        result.parts.push_back({before, {}});
        first = value;
        size = 0;
      }
      size += counts[value];
      before += counts[value];
      const auto values = static_cast<Key>(value - first + 1);
      const Key last = static_cast<Key>((values << shift) - 1);
      const auto least = static_cast<Key>(keys.least + (static_cast<Key>(first) << shift));
      result.parts.back() = {before, {least, width_of(last)}};
      result.part_of[value] = static_cast<uint16_t>(result.parts.size() - 1);
    }
    return result;
  }

  /// Splits `from` into `to` by the highest bits in which keys differ.
  std::vector<Part> split(std::span<const Item> from, std::span<Item> to, Keys keys) const {
    const int shift = std::max(0, keys.bits - kSplitBits);
    const std::size_t values = std::size_t{1} << (keys.bits - shift);
    const Digit value = digit(keys, shift, keys.bits - shift);
    const auto threads = static_cast<std::size_t>(at::in_parallel_region() ? 1 : at::get_num_threads());
    const std::size_t chunks = std::clamp<std::size_t>(from.size() / kGrain, 1, threads);
    const auto each_chunk = [&](const auto& body) {
      kernels::parallel_for(static_cast<int64_t>(chunks), 1, [&](int64_t begin, int64_t end) {
        for (auto c = static_cast<std::size_t>(begin); c < static_cast<std::size_t>(end); ++c) {
          const std::size_t first = from.size() * c / chunks;
          body(from.subspan(first, from.size() * (c + 1) / chunks - first), c);
        }
      });
    };
    std::vector<std::size_t> counts(chunks * values, 0);  // [chunks, values]
    each_chunk([&](std::span<const Item> items, std::size_t c) { count(items, value, counts.data() + c * values); });
    std::vector<std::size_t> totals(counts.begin(), counts.begin() + static_cast<std::ptrdiff_t>(values));
    for (std::size_t i = values; i < counts.size(); ++i) totals[i % values] += counts[i];

    Grouping grouping = group(totals, keys, shift, from.size());
    const std::size_t parts = grouping.parts.size();
    std::vector<std::size_t> next(chunks * parts, 0);  // [chunks, parts]: where its next item goes
    for (std::size_t i = 0; i < counts.size(); ++i)
      next[i / values * parts + grouping.part_of[i % values]] += counts[i];
    std::size_t before = 0;
    for (std::size_t part = 0; part < parts; ++part) {
      for (std::size_t c = 0; c < chunks; ++c) before += std::exchange(next[c * parts + part], before);
    }
    const uint16_t* part_of = grouping.part_of.data();
    each_chunk([&](std::span<const Item> items, std::size_t c) {
      distribute(
          items, [value, part_of](const Item& item) { return part_of[value(item)]; }, next.data() + c * parts,
          to.data());
    });
    return std::move(grouping.parts);
  }

  /// Sorts each part in place. A thread takes the parts that begin among its items.
  void sort_parts(std::span<Item> items, std::span<Item> scratch, const std::vector<Part>& parts) const {
    kernels::parallel_for(static_cast<int64_t>(items.size()), kGrain, [&](int64_t first, int64_t last) {
      std::size_t begin = 0;
      for (const Part& part : parts) {
        if (begin >= static_cast<std::size_t>(last)) break;
        const std::size_t size = part.end - begin;
        if (begin >= static_cast<std::size_t>(first) && size > 1 && part.keys.bits > 0) {
          sort_in_place(items.subspan(begin, size), scratch.subspan(begin, size), part.keys);
        }
        begin = part.end;
      }
    });
  }

  void sort_in_place(std::span<Item> items, std::span<Item> scratch, Keys keys) const {
    if (items.size() <= kFew) return insert_each(items);
    if (items.size() <= kPart) return sort_part(items, scratch, keys);
    const std::span<Item> there = sorted(items, scratch);
    if (there.data() != items.data()) std::copy(there.begin(), there.end(), items.begin());
  }

  /// Sorts by two digits, of as many bits as the number of items is worth; then, where those digits are not the whole
  /// key, the runs in which they are equal.
  void sort_part(std::span<Item> items, std::span<Item> scratch, Keys keys) const {
    const int worth = std::min(kDigitBits, static_cast<int>(std::bit_width(items.size())));
    const int width = std::min(worth, (keys.bits + 1) / 2);
    const int low = std::max(0, keys.bits - 2 * width);  // bits that are in neither
    sort_by_digits(items, scratch, digit(keys, low, width), digit(keys, low + width, width));
    if (low > 0) sort_runs(items, scratch, keys.least, low);
  }

  static void sort_by_digits(std::span<Item> items, std::span<Item> scratch, Digit lower, Digit upper) {
    uint32_t places[2][std::size_t{1} << kDigitBits];
    const auto values = static_cast<std::size_t>(lower.mask) + 1;
    std::fill_n(places[0], values, 0);
    std::fill_n(places[1], values, 0);
    for (const Item& item : items) {
      ++places[0][lower(item)];
      ++places[1][upper(item)];
    }
    uint32_t before[2] = {0, 0};
    for (std::size_t value = 0; value < values; ++value) {
      before[0] += std::exchange(places[0][value], before[0]);
      before[1] += std::exchange(places[1][value], before[1]);
    }
    distribute(items, lower, places[0], scratch.data());
    distribute(scratch.first(items.size()), upper, places[1], items.data());
  }

  void sort_runs(std::span<Item> items, std::span<Item> scratch, Key least, int low) const {
    const auto digits = [&](const Item& item) { return static_cast<Key>(static_cast<Key>(key_(item) - least) >> low); };
    for (std::size_t begin = 0; begin < items.size();) {
      std::size_t end = begin + 1;
      while (end < items.size() && digits(items[end]) == digits(items[begin])) ++end;
      if (end - begin > 1) {
        const std::span<Item> run = items.subspan(begin, end - begin);
        if (run.size() <= kFew) {
          insert_each(run);
        } else if (const Keys keys = keys_of(run); keys.bits > 0) {
          sort_part(run, scratch.subspan(begin, run.size()), keys);
        }
      }
      begin = end;
    }
  }

  const KeyOf& key_;
};

}  // namespace detail

/// Sorts by an unsigned integer `key(item)` in ascending order, items with equal keys staying in their order, into one
/// of two spans of equal size, and returns which. By radix: first into parts that fit the cache, by threads together,
/// then each of those by the bits in which its keys differ. All keys are below 2^bits where that is given.
template <class Item, class KeyOf>
std::span<Item> radix_sorted(std::span<Item> items, std::span<Item> scratch, const KeyOf& key,
                             std::optional<int> bits = {}) {
  return detail::RadixSort<Item, KeyOf>(key).sorted(items, scratch, bits);
}

}  // namespace metrics::kernels
