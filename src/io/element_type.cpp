#include "element_type.h"

#include <algorithm>
#include <array>
#include <limits>

namespace metrics::io {
namespace {

using enum ElementType;

constexpr std::array<ElementNames, 20> table = {{
    {Bool, 1, "bool", "BoolStorage", "BOOL"},
    {UInt8, 1, "uint8", "ByteStorage", "U8"},
    {Int8, 1, "int8", "CharStorage", "I8"},
    {Int16, 2, "int16", "ShortStorage", "I16"},
    {UInt16, 2, "uint16", "", "U16"},
    {Int32, 4, "int32", "IntStorage", "I32"},
    {UInt32, 4, "uint32", "", "U32"},
    {Int64, 8, "int64", "LongStorage", "I64"},
    {UInt64, 8, "uint64", "", "U64"},
    {Float16, 2, "float16", "HalfStorage", "F16"},
    {BFloat16, 2, "bfloat16", "BFloat16Storage", "BF16"},
    {Float32, 4, "float32", "FloatStorage", "F32"},
    {Float64, 8, "float64", "DoubleStorage", "F64"},
    {Complex32, 4, "complex32", "", ""},
    {Complex64, 8, "complex64", "ComplexFloatStorage", "C64"},
    {Complex128, 16, "complex128", "ComplexDoubleStorage", ""},
    {Float8E4M3FN, 1, "float8_e4m3fn", "", "F8_E4M3"},
    {Float8E5M2, 1, "float8_e5m2", "", "F8_E5M2"},
    {Float8E4M3FNUZ, 1, "float8_e4m3fnuz", "", "F8_E4M3FNUZ"},
    {Float8E5M2FNUZ, 1, "float8_e5m2fnuz", "", "F8_E5M2FNUZ"},
}};

}  // namespace

std::span<const ElementNames> element_types() {
  return table;
}

const ElementNames& names_of(ElementType type) {
  return table[static_cast<std::size_t>(type)];
}

std::optional<ElementType> element_type(std::string_view ElementNames::*format, std::string_view name) {
  if (name.empty()) return std::nullopt;
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const ElementNames& names) { return names.*format == name; });
  if (found == table.end()) return std::nullopt;
  return found->type;
}

std::optional<Extent> extent_of(std::span<const int64_t> shape, ElementType type) {
  if (std::any_of(shape.begin(), shape.end(), [](int64_t size) { return size < 0; })) return std::nullopt;
  const uint64_t most = static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) / size_of(type);
  uint64_t elements = 1;
  bool is_empty = false;
  for (const int64_t size : shape) {
    if (size == 0) {
      is_empty = true;
      continue;
    }
    // Beside a 0, too: LibTorch multiplies the sizes before it meets it.
    if (static_cast<uint64_t>(size) > most / elements) return std::nullopt;
    elements *= static_cast<uint64_t>(size);
  }
  if (is_empty) return Extent{0, 0};
  return Extent{elements, elements * size_of(type)};
}

}  // namespace metrics::io
