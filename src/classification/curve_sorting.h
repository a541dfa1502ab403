#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
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

/// Sorts in ascending order: by digits of 11 bits from the last to the first, leaving out those that all keys share.
template <class Key>
void sort_keys(std::vector<Key>& keys) {
  constexpr std::size_t kFew = 1024;
  constexpr int kBits = 11;
  constexpr std::size_t kDigits = (8 * sizeof(Key) + kBits - 1) / kBits;
  constexpr std::size_t kValues = std::size_t{1} << kBits;
  if (keys.size() < kFew) return std::sort(keys.begin(), keys.end());

  std::vector<std::array<uint32_t, kValues>> counts(kDigits);
  const auto digit = [](Key key, std::size_t d) {
    return static_cast<std::size_t>(key >> (static_cast<int>(d) * kBits)) & (kValues - 1);
  };
  for (const Key key : keys) {
    for (std::size_t d = 0; d < kDigits; ++d) ++counts[d][digit(key, d)];
  }
  std::vector<Key> other(keys.size());
  for (std::size_t d = 0; d < kDigits; ++d) {
    auto& places = counts[d];
    if (places[digit(keys.front(), d)] == keys.size()) continue;
    uint32_t before = 0;
    for (uint32_t& place : places) before += std::exchange(place, before);
    for (const Key key : keys) other[places[digit(key, d)]++] = key;
    keys.swap(other);
  }
}

}  // namespace metrics::curves
