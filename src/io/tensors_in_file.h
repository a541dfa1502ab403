#pragma once

#include "element_type.h"
#include "source.h"

#include <cstdint>
#include <string>
#include <vector>

namespace metrics::io {

/// A tensor's elements within a file.
struct StoredTensor {
  std::string name;
  ElementType type;
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;  ///< in elements
  uint64_t begin;                ///< offset of the first element, in bytes
};

/// The tensors of a safetensors file, or those at the top of a dict that torch.save wrote, which other values may stand
/// beside. All lie within the file. Throws FormatError as their readers do; checksums of their elements are not
/// compared.
std::vector<StoredTensor> tensors_in(const Source& source);

}  // namespace metrics::io
