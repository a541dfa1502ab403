#include "element_type.h"
#include "elements.h"
#include "npy.h"
#include "safetensors.h"
#include "source.h"
#include <metrics/core/errors.h>
#include <metrics/io/files.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace metrics::io {
namespace {

/// A file's bytes as memory that all processes share until one writes to a page, which it then has for itself.
class SharedMap {
 public:
  explicit SharedMap(const std::filesystem::path& file) : source_{.bytes = {}, .name = file.string()} {
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) refuse(std::strerror(errno));
    struct stat info = {};
    const bool known = ::fstat(descriptor, &info) == 0;
    const bool regular = known && S_ISREG(info.st_mode);
    void* begin = nullptr;
    const auto size = static_cast<std::size_t>(regular ? info.st_size : 0);
    if (size > 0) begin = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor, 0);
    const int problem = errno;
    ::close(descriptor);  // the map outlives it
    if (!known || begin == MAP_FAILED) refuse(std::strerror(problem));
    if (!regular) refuse("it is no regular file");
    source_.bytes = {static_cast<const char*>(begin), size};
  }
  ~SharedMap() {
    if (!source_.bytes.empty()) ::munmap(const_cast<char*>(source_.bytes.data()), source_.bytes.size());
  }
  SharedMap(const SharedMap&) = delete;
  SharedMap& operator=(const SharedMap&) = delete;

  const Source& source() const { return source_; }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw FormatError(source_.name + " cannot be read: " + why, source_.name, -1);
  }

  Source source_;
};

using Map = std::shared_ptr<const SharedMap>;

/// The elements from `begin` on, which lie within the map, as a tensor that keeps it.
at::Tensor tensor_in(const Map& map, ElementType type, const std::vector<int64_t>& sizes, uint64_t begin,
                     uint64_t bytes, const std::string& name) {
  const auto options = at::TensorOptions().dtype(scalar_type(type));
  if (bytes == 0) return at::empty(sizes, options);
  const std::string_view stored = map->source().text(begin, bytes);
  if (type == ElementType::Bool && !are_bools(stored))
    map->source().refuse(begin, name + " of bools holds bytes that are neither 0 nor 1");
  if (reinterpret_cast<std::uintptr_t>(stored.data()) % size_of(type) != 0) {
    const at::Tensor copy = at::empty(sizes, options);
    std::memcpy(copy.mutable_data_ptr(), stored.data(), stored.size());
    return copy;
  }
  return at::from_blob(
      const_cast<char*>(stored.data()), sizes, [map](void*) {}, options);
}

}  // namespace

Safetensors map_safetensors(const std::filesystem::path& file) {
  const auto map = std::make_shared<const SharedMap>(file);
  SafetensorsHeader header = read_safetensors_header(map->source());
  Safetensors content{.tensors = {}, .metadata = std::move(header.metadata)};
  for (const auto& each : header.tensors) {
    content.tensors.emplace(
        each.name, tensor_in(map, each.type, each.shape, each.begin, each.size, "the tensor " + printable(each.name)));
  }
  return content;
}

at::Tensor map_npy(const std::filesystem::path& file) {
  const auto map = std::make_shared<const SharedMap>(file);
  const NpyArray array = read_npy(map->source());
  const auto* type = std::get_if<ElementType>(&array.type);
  if (type == nullptr) map->source().refuse(0, "an array of numbers was expected, and the file holds texts");
  const uint64_t bytes = extent_of(array.shape, *type)->bytes;
  std::vector<int64_t> sizes = array.shape;
  if (array.fortran_order) std::reverse(sizes.begin(), sizes.end());
  const at::Tensor tensor = tensor_in(map, *type, sizes, array.begin, bytes, "the array");
  if (!array.fortran_order) return tensor;
  std::vector<int64_t> reversed(sizes.size());
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  return tensor.permute(reversed);
}

}  // namespace metrics::io
