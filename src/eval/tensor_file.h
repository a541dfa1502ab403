#pragma once

#include "column.h"

#include <filesystem>
#include <memory>

namespace metrics::eval {

/// A .npy file: an array, under the file's name without its ending.
std::unique_ptr<ColumnFile> open_npy(const std::filesystem::path& file, const std::string& shown);
/// A .npz file: its arrays. Those that are compressed are inflated into a temporary file.
std::unique_ptr<ColumnFile> open_npz(const std::filesystem::path& file, const std::string& shown);
/// A safetensors file or one of torch.save with a dict of tensors.
std::unique_ptr<ColumnFile> open_tensors(const std::filesystem::path& file, const std::string& shown);

}  // namespace metrics::eval
