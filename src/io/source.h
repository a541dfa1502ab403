#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace metrics::io {

/// The bytes of a file, and the name by which errors call it. What is read here is never trusted: each access is
/// checked against the real size.
struct Source {
  std::string_view bytes;
  std::string name;

  uint64_t size() const { return bytes.size(); }

  /// Throws FormatError: the file's name, the byte, and why.
  [[noreturn]] void refuse(uint64_t offset, const std::string& why) const;

  bool holds(uint64_t offset, uint64_t count) const { return offset <= size() && count <= size() - offset; }

  /// The bytes from `offset`. Throws FormatError where the file is shorter.
  std::string_view text(uint64_t offset, uint64_t count) const {
    if (!holds(offset, count)) refuse(offset, "the file ends within what should stand here");
    return bytes.substr(offset, count);
  }

  /// The little-endian number at `offset`. Throws FormatError where the file is shorter.
  template <class T>
  T number(uint64_t offset) const {
    T value;
    std::memcpy(&value, text(offset, sizeof(T)).data(), sizeof(T));
    return value;
  }
};

/// A name from a file for an error message: what cannot be printed is escaped, and what is long is cut.
std::string printable(std::string_view name);

/// Whether bytes are UTF-8 as Unicode defines it: no overlong forms, no surrogates.
bool is_utf8(std::string_view bytes);

}  // namespace metrics::io
