#include "edit_distance.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace metrics::text {

namespace {

constexpr std::size_t word_bits = 64;

std::size_t blocks_of(std::size_t count) {
  return (count + word_bits - 1) / word_bits;
}

/// Cuts off what both sequences begin and end with, which changes no distance.
void trim(std::span<const uint32_t>& a, std::span<const uint32_t>& b) {
  const auto begin = static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  a = a.subspan(begin);
  b = b.subspan(begin);
  const auto end =
      static_cast<std::size_t>(std::mismatch(a.rbegin(), a.rend(), b.rbegin(), b.rend()).first - a.rbegin());
  a = a.first(a.size() - end);
  b = b.first(b.size() - end);
}

}  // namespace

int64_t EditDistance::operator()(const NumberedPair& pair) {
  auto pattern = pair.first, text = pair.second;
  trim(pattern, text);
  if (blocks_of(text.size()) * pattern.size() < blocks_of(pattern.size()) * text.size()) std::swap(pattern, text);
  if (positions_.size() < pair.symbols) positions_.resize(pair.symbols);
  rises_.assign(blocks_of(text.size()), ~uint64_t{0});
  falls_.assign(blocks_of(text.size()), 0);
  for (std::size_t row = 0; row < pattern.size(); row += word_bits) {
    const auto block = pattern.subspan(row, std::min(word_bits, pattern.size() - row));
    for (std::size_t i = 0; i < block.size(); ++i) positions_[block[i]] |= uint64_t{1} << i;
    advance(text, block.size());
    for (const uint32_t symbol : block) positions_[symbol] = 0;
  }
  if (pattern.empty()) return static_cast<int64_t>(text.size());
  auto distance = static_cast<int64_t>(pattern.size());
  for (std::size_t i = 0; i < rises_.size(); ++i) distance += std::popcount(rises_[i]) - std::popcount(falls_[i]);
  return distance;
}

void EditDistance::advance(std::span<const uint32_t> text, std::size_t height) {
  // The rows whose number is one more, and those whose number is one less, than that of the row above.
  uint64_t down_rises = ~uint64_t{0}, down_falls = 0;
  for (std::size_t word = 0; word < rises_.size(); ++word) {
    const uint64_t above_rises = std::exchange(rises_[word], 0), above_falls = std::exchange(falls_[word], 0);
    const auto columns = text.subspan(word * word_bits, std::min(word_bits, text.size() - word * word_bits));
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const uint64_t above_falls_here = above_falls >> i & 1;
      const uint64_t equal = positions_[columns[i]] | above_falls_here;
      // The rows whose number is that of the row above in the column before.
      const uint64_t diagonal = (((equal & down_rises) + down_rises) ^ down_rises) | equal | down_falls;
      uint64_t rises = down_falls | ~(diagonal | down_rises);
      uint64_t falls = diagonal & down_rises;
      rises_[word] |= (rises >> (height - 1) & 1) << i;
      falls_[word] |= (falls >> (height - 1) & 1) << i;
      rises = rises << 1 | (above_rises >> i & 1);
      falls = falls << 1 | above_falls_here;
      down_rises = falls | ~(diagonal | rises);
      down_falls = rises & diagonal;
    }
  }
}

}  // namespace metrics::text
