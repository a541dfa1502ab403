#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>
#include <string>

namespace metrics::testing {

using Tensors = std::map<std::string, at::Tensor>;

/// Reads all tensors of a safetensors file. Throws FormatError naming the file.
Tensors read_safetensors(const std::filesystem::path& path);

/// The same of a file's bytes, which came from `source`.
Tensors read_safetensors(const std::string& bytes, const std::filesystem::path& source);

}  // namespace metrics::testing
