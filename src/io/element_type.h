#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace metrics::io {

enum class ElementType : uint8_t {
  Bool,
  UInt8,
  Int8,
  Int16,
  UInt16,
  Int32,
  UInt32,
  Int64,
  UInt64,
  Float16,
  BFloat16,
  Float32,
  Float64,
  Complex32,
  Complex64,
  Complex128,
  Float8E4M3FN,
  Float8E5M2,
  Float8E4M3FNUZ,
  Float8E5M2FNUZ,
};

/// What files call a type of elements; empty where a format has no name for it.
struct ElementNames {
  ElementType type;
  uint8_t bytes;
  std::string_view torch;        ///< `torch.float32` without `torch.`
  std::string_view storage;      ///< `torch.FloatStorage` without `torch.`
  std::string_view safetensors;  ///< `F32`
};

std::span<const ElementNames> element_types();
const ElementNames& names_of(ElementType type);

inline uint64_t size_of(ElementType type) {
  return names_of(type).bytes;
}

/// The type that a format calls so: `element_type(&ElementNames::torch, "float32")`.
std::optional<ElementType> element_type(std::string_view ElementNames::*format, std::string_view name);

/// The number of elements of that shape, and what they take in bytes; nothing where a dimension is negative or the
/// bytes are beyond int64.
struct Extent {
  uint64_t elements;
  uint64_t bytes;
};
std::optional<Extent> extent_of(std::span<const int64_t> shape, ElementType type);

}  // namespace metrics::io
