#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace metrics {

namespace detail {

template <class Item, class KeyOf>
class RadixSort {
 public:
  explicit RadixSort(const KeyOf& key) : key_(key) {}

  /// Sorts into either of the spans, and returns which.
  std::span<Item> sorted(std::span<Item> items, std::span<Item> scratch) const {
    if (items.size() <= kFew) {
      insert_each(items);
      return items;
    }
    const Keys keys = keys_of(items);
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
  // More are split first, so that what goes to and fro stays in the cache.
  static constexpr std::size_t kPart = 32768;
  static constexpr int kSplitBits = 10;
  static constexpr int kDigitBits = 11;
  static constexpr std::size_t kGrain = 65536;

  /// Keys in [least, least + 2^bits).
  struct Keys {
    Key least;
    int bits;
  };

  /// Items whose keys agree in all but their lowest bits: where each of the runs ends.
  struct Parts {
    std::vector<std::size_t> ends;
    Keys first;

    Keys keys(std::size_t part) const {
      return {static_cast<Key>(first.least + (static_cast<Key>(part) << first.bits)), first.bits};
    }
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
      std::size_t place = i;
      for (; place > 0 && key < key_(items[place - 1]); --place) items[place] = items[place - 1];
      items[place] = item;
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

  // The loops take what they need by value: a digit in memory would be read again after each item that is written.
  static void count(std::span<const Item> items, Digit digit, std::size_t* counts) {
    for (const Item& item : items) ++counts[digit(item)];
  }
  template <class Place>
  static void distribute(std::span<const Item> items, Digit digit, Place* __restrict next, Item* __restrict to) {
    for (const Item& item : items) to[next[digit(item)]++] = item;
  }

  /// Splits `from` into `to` by the highest bits in which keys differ.
  Parts split(std::span<const Item> from, std::span<Item> to, Keys keys) const {
    const int shift = std::max(0, keys.bits - kSplitBits);
    const std::size_t parts = std::size_t{1} << (keys.bits - shift);
    const Digit part = digit(keys, shift, keys.bits - shift);
    const auto threads = static_cast<std::size_t>(at::in_parallel_region() ? 1 : at::get_num_threads());
    const std::size_t chunks = std::clamp<std::size_t>(from.size() / kGrain, 1, threads);
    std::vector<std::size_t> places(chunks * parts, 0);  // [chunks, parts]
    const auto each_chunk = [&](const auto& body) {
      at::parallel_for(0, static_cast<int64_t>(chunks), 1, [&](int64_t begin, int64_t end) {
        for (auto c = static_cast<std::size_t>(begin); c < static_cast<std::size_t>(end); ++c) {
          const std::size_t first = from.size() * c / chunks;
          body(from.subspan(first, from.size() * (c + 1) / chunks - first), places.data() + c * parts);
        }
      });
    };
    each_chunk([&](std::span<const Item> items, std::size_t* counts) { count(items, part, counts); });
    Parts result{std::vector<std::size_t>(parts), {keys.least, shift}};
    std::size_t before = 0;
    for (std::size_t p = 0; p < parts; ++p) {
      for (std::size_t chunk = 0; chunk < chunks; ++chunk) before += std::exchange(places[chunk * parts + p], before);
      result.ends[p] = before;
    }
    each_chunk([&](std::span<const Item> items, std::size_t* next) { distribute(items, part, next, to.data()); });
    return result;
  }

  /// Sorts each part in place. A thread takes the parts that begin in its share of the items.
  void sort_parts(std::span<Item> items, std::span<Item> scratch, const Parts& parts) const {
    if (parts.first.bits == 0) return;
    at::parallel_for(0, static_cast<int64_t>(items.size()), kGrain, [&](int64_t first, int64_t last) {
      std::size_t begin = 0;
      for (std::size_t part = 0; part < parts.ends.size() && begin < static_cast<std::size_t>(last); ++part) {
        const std::size_t end = parts.ends[part];
        if (begin >= static_cast<std::size_t>(first) && end - begin > 1) {
          sort_in_place(items.subspan(begin, end - begin), scratch.subspan(begin, end - begin), parts.keys(part));
        }
        begin = end;
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
/// and each of those by the bits that tell its items apart.
template <class Item, class KeyOf>
std::span<Item> radix_sorted(std::span<Item> items, std::span<Item> scratch, const KeyOf& key) {
  return detail::RadixSort<Item, KeyOf>(key).sorted(items, scratch);
}

}  // namespace metrics
