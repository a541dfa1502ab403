#pragma once

#include "element_type.h"
#include "source.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace metrics::io {

/// What a safetensors file says: tensors by name, contiguous, and texts by name.
struct SafetensorsHeader {
  struct Tensor {
    std::string name;
    ElementType type;
    std::vector<int64_t> shape;
    uint64_t begin;  ///< offset in the file
    uint64_t size;   ///< in bytes
  };

  std::vector<Tensor> tensors;  ///< in the order of their bytes
  std::map<std::string, std::string> metadata;
};

/// Reads the header of a safetensors file. Throws FormatError for a header of more than 100 MB or beyond the file, JSON
/// that is none, names that occur twice, dtypes that are none, shapes that are not the bytes', bytes between tensors or
/// after them, and tensors that overlap.
SafetensorsHeader read_safetensors_header(const Source& source);

/// The greatest header that readers of the format take.
constexpr uint64_t kMostSafetensorsHeader = 100'000'000;

}  // namespace metrics::io
