#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

// Scores as integers in the same order, and their sorting.

namespace metrics::curves {

/// An integer as wide as the score, greater for a greater score; equal for equal ones. NaN is the least.
template <class T>
auto key_of(T score) {
  using Key = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
  constexpr Key kSign = Key{1} << (8 * sizeof(Key) - 1);
  if (std::isnan(score)) return Key{0};
  const auto bits = std::bit_cast<Key>(score + T(0));  // -0 becomes 0
  return static_cast<Key>(bits & kSign ? ~bits : bits | kSign);
}

/// The score of a key.
template <class Key>
auto score_of(Key key) {
  using T = std::conditional_t<sizeof(Key) == 8, double, float>;
  constexpr Key kSign = Key{1} << (8 * sizeof(Key) - 1);
  if (key == 0) return std::numeric_limits<T>::quiet_NaN();
  return std::bit_cast<T>(static_cast<Key>(key & kSign ? key & ~kSign : ~key));
}

/// A score's key, and 1 where its target is yes, else 0.
template <class Key>
struct Ranked {
  Key key;
  Key yes;
};

namespace detail {

/// Sorts items whose keys lie in [least, least + 2^bits) into `items`: by digits of 8 bits from the last to the first.
template <class Key>
void sort_by_digits(std::span<Ranked<Key>> items, std::span<Ranked<Key>> other, Key least, int bits) {
  constexpr std::size_t kFew = 64;
  if (items.size() < kFew) {
    return std::sort(items.begin(), items.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  }
  std::array<uint32_t, 256> places;
  std::span<Ranked<Key>> from = items, to = other;
  for (int shift = 0; shift < bits; shift += 8) {
    const auto digit = [&](const Ranked<Key>& item) { return static_cast<uint8_t>((item.key - least) >> shift); };
    places.fill(0);
    for (const auto& item : from) ++places[digit(item)];
    uint32_t before = 0;
    for (uint32_t& place : places) before += std::exchange(place, before);
    for (const auto& item : from) to[places[digit(item)]++] = item;
    std::swap(from, to);
  }
  if (from.data() != items.data()) std::copy(from.begin(), from.end(), items.begin());
}

}  // namespace detail

/// Sorts by key in ascending order: into parts that fit the cache by the first bits in which keys differ, and each of
/// those by its digits.
template <class Key>
void sort_by_key(std::vector<Ranked<Key>>& items) {
  constexpr std::size_t kPart = 16384;
  if (items.size() < 2) return;
  Key least = items.front().key, greatest = least;
  for (const auto& item : items) {
    least = std::min(least, item.key);
    greatest = std::max(greatest, item.key);
  }
  const auto bits = static_cast<int>(std::bit_width(static_cast<Key>(greatest - least)));
  std::vector<Ranked<Key>> other(items.size());
  if (items.size() <= kPart) return detail::sort_by_digits(std::span(items), std::span(other), least, bits);

  // Scores crowd into few exponents: more parts than would be needed if they were spread evenly.
  const int shift = std::max(0, bits - static_cast<int>(std::bit_width(4 * items.size() / kPart)));
  const auto part = [&](const Ranked<Key>& item) { return static_cast<std::size_t>((item.key - least) >> shift); };
  std::vector<std::size_t> ends((static_cast<std::size_t>(greatest - least) >> shift) + 1, 0);
  for (const auto& item : items) ++ends[part(item)];
  std::size_t before = 0;
  for (std::size_t& end : ends) before += std::exchange(end, before);
  for (const auto& item : items) other[ends[part(item)]++] = item;
  items.swap(other);
  at::parallel_for(0, static_cast<int64_t>(ends.size()), 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const auto p = static_cast<std::size_t>(i);
      const std::size_t begin = p == 0 ? 0 : ends[p - 1];
      const std::size_t count = ends[p] - begin;
      const auto lowest = static_cast<Key>(least + (static_cast<Key>(p) << shift));
      detail::sort_by_digits(std::span(items).subspan(begin, count), std::span(other).subspan(begin, count), lowest,
                             shift);
    }
  });
}

}  // namespace metrics::curves
