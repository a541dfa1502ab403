#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>

namespace metrics::testing {

/// Reads all tensors of a safetensors file. Throws FormatError naming the file.
std::map<std::string, at::Tensor> read_safetensors(const std::filesystem::path& path);

}  // namespace metrics::testing
