#include "tensors_in_file.h"

#include "safetensors.h"
#include "torch_file.h"

namespace metrics::io {
namespace {

std::vector<StoredTensor> tensors_of_safetensors(const Source& source) {
  std::vector<StoredTensor> stored;
  for (const auto& tensor : read_safetensors_header(source).tensors) {
    std::vector<int64_t> strides(tensor.shape.size(), 1);
    for (std::size_t i = strides.size(); i-- > 1;) strides[i - 1] = strides[i] * tensor.shape[i];
    stored.push_back({tensor.name, tensor.type, tensor.shape, std::move(strides), tensor.begin});
  }
  return stored;
}

std::vector<StoredTensor> tensors_of_torch(const Source& source) {
  const TorchFile file(source, Unknown::Keep);
  const Tree& tree = file.tree();
  const auto* dict = std::get_if<Tree::Dict>(&tree[tree.root]);
  if (dict == nullptr) source.refuse(0, "a dict of tensors was expected, and the file holds something else");
  std::vector<StoredTensor> stored;
  for (std::size_t i = 0; i + 1 < dict->keys_and_values.size(); i += 2) {
    const auto* name = std::get_if<std::string_view>(&tree[dict->keys_and_values[i]]);
    const auto* id = std::get_if<Tree::TensorId>(&tree[dict->keys_and_values[i + 1]]);
    if (name == nullptr || id == nullptr) continue;
    const Tree::Tensor& tensor = tree.tensors[id->index];
    if (tensor.conjugate || tensor.negative)
      source.refuse(0, printable(*name) + " is a view that is conjugated or negated");
    const uint64_t begin = file.record_of(tree.storages[tensor.storage]).begin + tensor.offset * size_of(tensor.type);
    stored.push_back({std::string(*name), tensor.type, tensor.sizes, tensor.strides, begin});
  }
  return stored;
}

}  // namespace

std::vector<StoredTensor> tensors_in(const Source& source) {
  return begins_like_zip(source.bytes) ? tensors_of_torch(source) : tensors_of_safetensors(source);
}

}  // namespace metrics::io
