#include "source.h"

#include <metrics/core/errors.h>

#include <array>

namespace metrics::io {

void Source::refuse(uint64_t offset, const std::string& why) const {
  throw FormatError(name + " at byte " + std::to_string(offset) + ": " + why, name, static_cast<int64_t>(offset));
}

std::string printable(std::string_view name) {
  constexpr std::size_t most = 120;
  std::string text = "`";
  for (const char c : name.substr(0, most)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      text += c;
    } else {
      constexpr std::string_view digits = "0123456789abcdef";
      (((text += "\\x") += digits[byte >> 4]) += digits[byte & 15]);
    }
  }
  return text + (name.size() > most ? "…`" : "`");
}

bool is_utf8(std::string_view bytes) {
  // The least code point that needs a sequence of that many bytes after its first.
  constexpr std::array<uint32_t, 4> least = {0, 0x80, 0x800, 0x10000};
  for (std::size_t i = 0; i < bytes.size();) {
    const auto first = static_cast<unsigned char>(bytes[i++]);
    if (first < 0x80) continue;
    const std::size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || more > bytes.size() - i) return false;
    uint32_t point = first & (0x3fU >> more);
    for (std::size_t k = 0; k < more; ++k) {
      const auto next = static_cast<unsigned char>(bytes[i++]);
      if ((next & 0xc0U) != 0x80) return false;
      point = point << 6 | (next & 0x3fU);
    }
    if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
  }
  return true;
}

}  // namespace metrics::io
