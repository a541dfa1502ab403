#include "objects_of_tree.h"

#include "elements.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/conj_physical.h>
#include <ATen/ops/empty.h>

#include <cstring>
#include <string>
#include <unordered_map>
#include <utility>

namespace metrics::io {
namespace {

class Maker {
 public:
  explicit Maker(const TorchFile& file)
      : file_(file),
        tree_(file.tree()),
        values_left_(tree_.nodes.size() + tree_.pickled_bytes),
        text_left_(8 * tree_.pickled_bytes + (1U << 16U)) {}

  Object make() { return object(tree_.root, 0); }

 private:
  [[noreturn]] void refuse(const std::string& why) const { file_.source().refuse(0, "its pickle " + why); }

  Object object(Tree::Id id, int depth) {
    if (depth > 200) refuse("is nested deeper than 200, or holds a value within itself");
    if (values_left_-- == 0) refuse("shows the same values more often than the file is long");
    return std::visit([&](const auto& node) { return made(id, node, depth + 1); }, tree_[id]);
  }

  Object made(Tree::Id, Tree::None, int) { return {}; }
  Object made(Tree::Id, bool value, int) { return value; }
  Object made(Tree::Id, int64_t value, int) { return value; }
  Object made(Tree::Id, double value, int) { return value; }
  Object made(Tree::Id, std::string_view text, int) {
    if (text.size() > text_left_) refuse("shows the same texts more often than the file is long");
    text_left_ -= text.size();
    return std::string(text);
  }
  Object made(Tree::Id, const Tree::List& list, int depth) { return objects(list.items, depth); }
  Object made(Tree::Id, const Tree::Tuple& tuple, int depth) { return Object::Tuple{objects(tuple.items, depth)}; }
  Object made(Tree::Id id, const Tree::Dict& dict, int depth) {
    Object::Dict made;
    made.items = items(dict, depth);
    if (const auto found = tree_.attributes.find(id); found != tree_.attributes.end()) {
      made.attributes = items(std::get<Tree::Dict>(tree_[found->second]), depth);
    }
    return made;
  }
  Object made(Tree::Id, const Tree::Global& global, int) { return opaque(global); }
  Object made(Tree::Id, const Tree::Opaque& value, int) { return opaque(value.type); }
  Object made(Tree::Id, ElementType type, int) { return Object::Opaque{"torch." + std::string(names_of(type).torch)}; }
  Object made(Tree::Id, Tree::StorageId, int) { return Object::Opaque{"torch.storage"}; }
  Object made(Tree::Id, Tree::TensorId tensor, int) { return tensor_of(tree_.tensors[tensor.index]); }

  static Object opaque(const Tree::Global& global) {
    return Object::Opaque{std::string(global.module) + "." + std::string(global.name)};
  }

  Object::List objects(const std::vector<Tree::Id>& ids, int depth) {
    Object::List made;
    for (const Tree::Id id : ids) made.push_back(object(id, depth));
    return made;
  }

  std::vector<Object::Item> items(const Tree::Dict& dict, int depth) {
    std::vector<Object::Item> made;
    for (std::size_t i = 0; i + 1 < dict.keys_and_values.size(); i += 2) {
      Object key = object(dict.keys_and_values[i], depth);
      made.push_back({std::move(key), object(dict.keys_and_values[i + 1], depth)});
    }
    return made;
  }

  /// The bytes of a storage, which its tensors share.
  const at::Tensor& memory_of(uint32_t index) {
    const auto [known, is_new] = memory_.try_emplace(index);
    if (is_new) {
      const std::string_view bytes = file_.bytes_of(tree_.storages[index]);
      known->second = at::empty({static_cast<int64_t>(bytes.size())}, at::kByte);
      if (!bytes.empty()) std::memcpy(known->second.data_ptr(), bytes.data(), bytes.size());
    }
    return known->second;
  }

  at::Tensor tensor_of(const Tree::Tensor& tensor) {
    const at::Tensor& memory = memory_of(tensor.storage);
    if (tensor.type == ElementType::Bool && !are_bools(bytes_of(memory))) {
      const ZipEntry& record = file_.record_of(tree_.storages[tensor.storage]);
      file_.source().refuse(record.begin, "a tensor of bools holds bytes that are neither 0 nor 1");
    }
    at::Tensor made = at::empty({0}, scalar_type(tensor.type));
    made.set_(memory.storage(), static_cast<int64_t>(tensor.offset), tensor.sizes, tensor.strides);
    if (tensor.conjugate) made = at::conj_physical(made);
    return tensor.negative ? made.neg() : made;
  }

  const TorchFile& file_;
  const Tree& tree_;
  uint64_t values_left_;
  uint64_t text_left_;
  std::unordered_map<uint32_t, at::Tensor> memory_;
};

}  // namespace

Object object_of(const TorchFile& file) {
  return Maker(file).make();
}

}  // namespace metrics::io
