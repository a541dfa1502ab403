#include "atomic_file.h"
#include "elements.h"
#include "mapped_file.h"
#include "safetensors.h"
#include <metrics/core/errors.h>
#include <metrics/io/files.h>

#include <ATen/ops/empty.h>

#include <nlohmann/json.hpp>

#include <cstring>
#include <utility>
#include <vector>

namespace metrics::io {
namespace {

/// The file's beginning, and the tensors in the order of their bytes.
struct Written {
  std::string header;
  std::vector<at::Tensor> tensors;
};

Written written(const Safetensors& content) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  const auto require_utf8 = [](const std::string& text, const std::string& what) {
    if (!is_utf8(text)) throw InvalidArgument(what + " " + printable(text) + " is not UTF-8");
  };
  for (const auto& [name, text] : content.metadata) {
    require_utf8(name, "a name of the metadata");
    require_utf8(text, "the metadata `" + name + "`");
    header["__metadata__"][name] = text;
  }
  Written all;
  int64_t begin = 0;
  for (const auto& [name, tensor] : content.tensors) {
    require_utf8(name, "the name");
    if (name == "__metadata__") throw InvalidArgument("a tensor cannot be called `__metadata__` in a safetensors file");
    all.tensors.push_back(plain_elements(tensor, name));
    const at::Tensor& plain = all.tensors.back();
    const std::string_view dtype = names_of(*element_type(plain.scalar_type())).safetensors;
    if (dtype.empty()) {
      throw InvalidArgument("`" + name + "` has dtype " + c10::toString(plain.scalar_type()) +
                            ", for which safetensors has no name; a file of torch.save can hold it");
    }
    const auto end = begin + static_cast<int64_t>(plain.nbytes());
    header[name] = {{"dtype", dtype}, {"shape", plain.sizes().vec()}, {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // the data begin at a multiple of 8
  if (text.size() > kMostSafetensorsHeader) {
    throw InvalidArgument(
        "a safetensors file cannot have a header of more than 100 MB; a file of torch.save can hold this");
  }
  const uint64_t size = text.size();
  all.header.assign(reinterpret_cast<const char*>(&size), sizeof(size));
  all.header += text;
  return all;
}

}  // namespace

Safetensors parse_safetensors(std::string_view bytes, const std::string& name) {
  const Source source = {bytes, name};
  const SafetensorsHeader header = read_safetensors_header(source);
  Safetensors content{.tensors = {}, .metadata = header.metadata};
  for (const auto& each : header.tensors) {
    const std::string_view stored = source.text(each.begin, each.size);
    if (each.type == ElementType::Bool && !are_bools(stored)) {
      source.refuse(each.begin,
                    "the tensor " + printable(each.name) + " of bools holds bytes that are neither 0 nor 1");
    }
    const at::Tensor tensor = at::empty(each.shape, scalar_type(each.type));
    if (!stored.empty()) std::memcpy(tensor.data_ptr(), stored.data(), stored.size());
    content.tensors.emplace(each.name, tensor);
  }
  return content;
}

Safetensors read_safetensors(const std::filesystem::path& file) {
  const MappedFile mapped(file);
  return parse_safetensors(mapped.source().bytes, mapped.source().name);
}

void write_safetensors(const std::filesystem::path& file, const Safetensors& content) {
  const Written all = written(content);
  AtomicFile whole(file);
  whole.write(all.header);
  for (const at::Tensor& tensor : all.tensors) whole.write(bytes_of(tensor));
  whole.commit();
}

std::string safetensors_bytes(const Safetensors& content) {
  const Written all = written(content);
  std::string bytes = all.header;
  for (const at::Tensor& tensor : all.tensors) bytes += bytes_of(tensor);
  return bytes;
}

}  // namespace metrics::io
