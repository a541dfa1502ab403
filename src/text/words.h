#pragma once

#include "edit_distance.h"
#include <metrics/export.h>

#include <cstdint>
#include <string_view>
#include <vector>

namespace metrics::text {

/// The bytes of the white space that UTF-8 text begins with, as Python's `str.isspace` has it; 0 if it begins with
/// none.
METRICS_API std::size_t white_space(std::string_view text);

/// The words of two texts as numbers. An object keeps its memory for the next pair.
class METRICS_API WordNumbers {
 public:
  /// The spans are valid until the next call.
  NumberedPair operator()(std::string_view first, std::string_view second);

 private:
  struct Entry {
    std::string_view word;
    std::size_t hash = 0;
    uint32_t number = 0;
    uint32_t pair = 0;  // for which it was made; others are free
  };
  void begin_pair(std::size_t words);
  Entry& find(std::string_view word);

  std::vector<std::string_view> words_;
  std::vector<uint32_t> first_, second_;
  std::vector<Entry> table_;  // open addressing; its size is a power of two
  uint32_t pair_ = 0;
};

}  // namespace metrics::text
