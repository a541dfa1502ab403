#pragma once

#include <metrics/export.h>

#include <cstdint>
#include <span>
#include <vector>

namespace metrics::text {

/// Two sequences of symbols (words, characters) as numbers below `symbols`, equal in both where the symbols are equal.
struct NumberedPair {
  std::span<const uint32_t> first;
  std::span<const uint32_t> second;
  uint32_t symbols;
};

/// Levenshtein distances: how many symbols have to be inserted, deleted or replaced to make one sequence of the other.
///
/// Bit-parallel (Myers, J. ACM 46 (1999) 395; Hyyrö, "A bit-vector algorithm for computing Levenshtein and Damerau edit
/// distances", 2003): 64 rows of the table at once, in O(⌈m/64⌉ n). Blocks of 64 rows follow one another; between them
/// go two bits a column, so that memory is O(n + symbols) for sequences of any length. An object keeps its memory for
/// the next pair.
class METRICS_API EditDistance {
 public:
  int64_t operator()(const NumberedPair& pair);

 private:
  void advance(std::span<const uint32_t> text, std::size_t height);

  std::vector<uint64_t> positions_;  // of each symbol in the block's rows; all zero between blocks
  std::vector<uint64_t> rises_;      // columns where the table rises from the one before, in the last row so far
  std::vector<uint64_t> falls_;
};

}  // namespace metrics::text
