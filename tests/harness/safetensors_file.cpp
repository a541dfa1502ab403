#include "safetensors_file.h"

#include <metrics/core/errors.h>

#include <ATen/ops/empty.h>

#include <nlohmann/json.hpp>

#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

namespace metrics::testing {
namespace {

at::ScalarType dtype_named(const std::string& name, const std::filesystem::path& path) {
  static const std::map<std::string, at::ScalarType> dtypes = {
      {"F64", at::kDouble}, {"F32", at::kFloat}, {"F16", at::kHalf}, {"BF16", at::kBFloat16}, {"I64", at::kLong},
      {"I32", at::kInt},    {"I16", at::kShort}, {"I8", at::kChar},  {"U8", at::kByte},       {"BOOL", at::kBool},
  };
  const auto found = dtypes.find(name);
  if (found == dtypes.end()) throw FormatError(path.string() + ": unknown dtype " + name, path.string(), 8);
  return found->second;
}

}  // namespace

Tensors read_safetensors(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return read_safetensors(content.str(), path);
}

Tensors read_safetensors(const std::string& bytes, const std::filesystem::path& path) {
  uint64_t header_size = 0;
  if (bytes.size() < sizeof(header_size)) throw FormatError(path.string() + " cannot be read", path.string(), 0);
  std::memcpy(&header_size, bytes.data(), sizeof(header_size));
  if (header_size > bytes.size() - sizeof(header_size))
    throw FormatError(path.string() + " is shorter than its header", path.string(), 0);
  const auto header = nlohmann::json::parse(bytes.substr(sizeof(header_size), header_size));
  const std::size_t data_begin = sizeof(header_size) + header_size;
  Tensors tensors;
  for (const auto& [key, entry] : header.items()) {
    if (key == "__metadata__") continue;
    const auto tensor = at::empty(entry.at("shape").get<std::vector<int64_t>>(),
                                  dtype_named(entry.at("dtype").get<std::string>(), path));
    const auto begin = entry.at("data_offsets").at(0).get<std::size_t>();
    const auto end = entry.at("data_offsets").at(1).get<std::size_t>();
    if (begin > end || end > bytes.size() - data_begin || end - begin != tensor.nbytes())
      throw FormatError(path.string() + ": " + key + " lies outside of the file", path.string(), 8);
    if (tensor.nbytes() > 0) std::memcpy(tensor.data_ptr(), bytes.data() + data_begin + begin, tensor.nbytes());
    tensors.emplace(key, tensor);
  }
  return tensors;
}

}  // namespace metrics::testing
