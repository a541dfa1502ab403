#pragma once

#include "kernels/large_pages.h"
#include "kernels/ordered_bits.h"
#include "kernels/radix_sort.h"
#include "kernels/uint128.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <utility>

// The sorting of scores by their ordered bits, which are their keys.

namespace metrics::classification::curves {

/// Where keys lie. Those of negative scores are below kZero.
template <class Key>
struct KeyRange {
  static constexpr Key kZero = Key{1} << (8 * sizeof(Key) - 1);

  Key least = std::numeric_limits<Key>::max(), greatest = 0;
  Key below = 0, above = std::numeric_limits<Key>::max();  ///< The nearest to kZero on either side, it being above.

  void fold(Key key) {
    least = std::min(least, key);
    greatest = std::max(greatest, key);
    if (key < kZero) {
      below = std::max(below, key);
    } else {
      above = std::min(above, key);
    }
  }
  void fold(const KeyRange& other) {
    least = std::min(least, other.least);
    greatest = std::max(greatest, other.greatest);
    below = std::max(below, other.below);
    above = std::min(above, other.above);
  }
};

/// Numbers keys from 0 on in their order, so that they need few bits: without those below the least, nor those around
/// zero where there are negative scores and others, but none as small.
template <class Key>
class Places {
 public:
  explicit Places(const KeyRange<Key>& keys) : least_(keys.least) {
    if (keys.least < keys.kZero && keys.kZero <= keys.greatest) {
      above_ = keys.above;
      gap_ = static_cast<Key>(keys.above - keys.below - 1);
    }
    bits_ = std::bit_width(place_of(keys.greatest));
  }

  Key place_of(Key key) const { return static_cast<Key>(key - least_ - (key >= above_ ? gap_ : 0)); }
  Key key_at(Key place) const {
    const auto key = static_cast<Key>(place + least_);
    return key < above_ - gap_ ? key : static_cast<Key>(key + gap_);
  }
  /// How many bits the greatest place has.
  int bits() const { return static_cast<int>(bits_); }

 private:
  Key least_, above_ = 0, gap_ = 0;
  decltype(std::bit_width(Key{})) bits_;
};

/// A score's place, and 1 where its target is yes, else 0, in one integer.
template <class Item, class Key>
Item ranked(Key place, bool yes) {
  return static_cast<Item>(static_cast<Item>(place) << 1 | Item{yes});
}

/// Items by place in ascending order, and the memory in which they lie.
template <class Item>
struct Sorted {
  std::unique_ptr<Item[]> memory;
  std::span<const Item> items;
};

/// Memory for items that nothing has been written to.
template <class Item>
std::unique_ptr<Item[]> memory_for(std::size_t count) {
  auto memory = std::make_unique_for_overwrite<Item[]>(count);
  metrics::kernels::prefer_large_pages(memory.get(), count * sizeof(Item));
  return memory;
}

/// Sorts items that `fill(span)` writes, whose places have so many bits and stand above the lowest `kBelow`. What
/// sorting takes beside the items is asked for when they are filled in, and given back at the end.
template <class Item, int kBelow = 1, class Fill>
Sorted<Item> sorted(std::size_t count, int bits, const Fill& fill) {
  auto memory = memory_for<Item>(count);
  const std::span<Item> items(memory.get(), count);
  fill(items);
  auto scratch = memory_for<Item>(count);
  const std::span<Item> in_order = metrics::kernels::radix_sorted(
      items, std::span(scratch.get(), count), [](const Item& item) { return static_cast<Item>(item >> kBelow); }, bits);
  const bool moved = in_order.data() == scratch.get();
  return {std::move(moved ? scratch : memory), in_order};
}

}  // namespace metrics::classification::curves
