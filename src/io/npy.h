#pragma once

#include "element_type.h"
#include "source.h"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace metrics::io {

/// Texts of a fixed length, as NumPy stores them: filled up with zeros.
struct FixedTexts {
  enum class Encoding : uint8_t { Bytes, Utf32 };

  Encoding encoding;
  uint64_t bytes;  ///< of one text

  bool operator==(const FixedTexts&) const = default;
};

/// What the header of a .npy file says of the array behind it.
struct NpyArray {
  std::variant<ElementType, FixedTexts> type;
  std::vector<int64_t> shape;
  bool fortran_order;
  uint64_t begin;  ///< offset of its first byte; all of them lie in the file
};

/// Reads the header of a .npy file, versions 1 to 3. Throws FormatError for what is none or is cut off, for arrays of
/// objects or of structures, and for numbers that are not little-endian.
NpyArray read_npy(const Source& source);

/// The text at `offset`, as UTF-8. Throws FormatError for numbers that are no characters.
std::string read_fixed_text(const Source& source, FixedTexts type, uint64_t offset);

}  // namespace metrics::io
