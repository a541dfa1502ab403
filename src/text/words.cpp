#include "words.h"

#include <algorithm>
#include <bit>
#include <functional>

namespace metrics::text {

namespace {

// A word that only one text has equals none of the other, so that all such words have one number.
constexpr uint32_t absent = 0;

/// Whether the byte is part of a word, whatever follows: all of ASCII but controls and the space.
bool is_plain_letter(char c) {
  return c > ' ' && static_cast<unsigned char>(c) < 0x80;
}

/// Calls f(word) for each run between white space.
template <class F>
void each_word(std::string_view text, F&& f) {
  std::size_t begin = 0, at = 0;
  while (at < text.size()) {
    const std::size_t space = is_plain_letter(text[at]) ? 0 : white_space(text.substr(at));
    if (space == 0) {
      ++at;
      continue;
    }
    if (at > begin) f(text.substr(begin, at - begin));
    begin = at += space;
  }
  if (at > begin) f(text.substr(begin));
}

}  // namespace

std::size_t white_space(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto within = [&](unsigned first, unsigned last, std::size_t i) { return byte(i) >= first && byte(i) <= last; };
  switch (byte(0)) {
    case 0xC2:  // U+0085, U+00A0
      return byte(1) == 0x85 || byte(1) == 0xA0 ? 2 : 0;
    case 0xE1:  // U+1680
      return byte(1) == 0x9A && byte(2) == 0x80 ? 3 : 0;
    case 0xE2:
      if (byte(1) == 0x81) return byte(2) == 0x9F ? 3 : 0;  // U+205F
      if (byte(1) != 0x80) return 0;                        // U+2000 to U+200A, U+2028, U+2029, U+202F
      return within(0x80, 0x8A, 2) || within(0xA8, 0xA9, 2) || byte(2) == 0xAF ? 3 : 0;
    case 0xE3:  // U+3000
      return byte(1) == 0x80 && byte(2) == 0x80 ? 3 : 0;
    default:
      return within(0x09, 0x0D, 0) || within(0x1C, 0x20, 0) ? 1 : 0;
  }
}

NumberedPair WordNumbers::operator()(std::string_view first, std::string_view second) {
  words_.clear();
  each_word(second, [&](std::string_view word) { words_.push_back(word); });
  begin_pair(words_.size());
  uint32_t next = absent + 1;
  second_.clear();
  for (const std::string_view word : words_) {
    Entry& entry = find(word);
    if (entry.pair != pair_) {
      entry.pair = pair_;
      entry.number = next++;
    }
    second_.push_back(entry.number);
  }
  first_.clear();
  each_word(first, [&](std::string_view word) {
    const Entry& entry = find(word);
    first_.push_back(entry.pair == pair_ ? entry.number : absent);
  });
  return {first_, second_, next};
}

void WordNumbers::begin_pair(std::size_t words) {
  const bool all_used = ++pair_ == 0;
  if (table_.size() < 2 * words + 1 || all_used) {
    table_.assign(std::max(table_.size(), std::bit_ceil(2 * words + 1)), Entry{});
    pair_ = 1;
  }
}

/// The word's entry, or the free one where it belongs, then with word and hash.
WordNumbers::Entry& WordNumbers::find(std::string_view word) {
  const std::size_t hash = std::hash<std::string_view>{}(word);
  const std::size_t mask = table_.size() - 1;
  for (std::size_t i = hash & mask;; i = (i + 1) & mask) {
    Entry& entry = table_[i];
    if (entry.pair != pair_) {
      entry.word = word;
      entry.hash = hash;
      return entry;
    }
    if (entry.hash == hash && entry.word == word) return entry;
  }
}

}  // namespace metrics::text
