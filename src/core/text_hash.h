#pragma once

#include <cstdint>
#include <string_view>

namespace metrics::detail {

/// 64 bits of FNV-1a, which all ranks work out alike.
inline uint64_t text_hash(std::string_view text, uint64_t seed = 14695981039346656037u) {
  uint64_t hash = seed;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash;
}

}  // namespace metrics::detail
