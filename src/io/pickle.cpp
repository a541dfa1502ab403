#include "pickle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <string>
#include <utility>

namespace metrics::io {
namespace {

using Id = Tree::Id;
using Ids = std::vector<Id>;

// Python's pickletools describes the opcodes.
enum Opcode : uint8_t {
  kMark = '(',
  kStop = '.',
  kBinFloat = 'G',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kBinPersistentId = 'Q',
  kReduce = 'R',
  kBinUnicode = 'X',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kEmptyDict = '}',
  kAppends = 'e',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kEmptyList = ']',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kEmptyTuple = ')',
  kSetItems = 'u',
  kProtocol = 0x80,
  kNewObject = 0x81,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
};

std::string text_of(const Tree::Global& global) {
  return printable(std::string(global.module) + "." + std::string(global.name));
}

std::string hex(uint8_t byte) {
  constexpr std::string_view digits = "0123456789abcdef";
  return {'0', 'x', digits[byte >> 4], digits[byte & 15]};
}

/// The machine that a pickle is a program of: a stack, marks in it, and a memo.
class Machine {
 public:
  Machine(const Source& source, uint64_t begin, uint64_t size, Unknown unknown)
      : source_{source.bytes.substr(0, begin + size), source.name},
        at_(begin),
        size_(size),
        unknown_(unknown),
        // No opcode that makes a node is shorter than two bytes with what it takes off the stack again.
        most_nodes_(shared_nodes + size / 2) {
    tree_.pickled_bytes = size;
    tree_.nodes = {Tree::None{}, false, true, Tree::Tuple{}};
    for (int64_t i = 0; i < 256; ++i) tree_.nodes.emplace_back(i);
  }

  Tree run() {
    if (byte() != kProtocol || byte() != 2) {
      source_.refuse(at_ - 1, "the pickle is not of protocol 2, which torch.save writes by default");
    }
    while (step()) {
    }
    return std::move(tree_);
  }

 private:
  // Nodes that have no content of their own, and stand for all of their kind.
  static constexpr Id none = 0, no = 1, yes = 2, empty_tuple = 3, first_integer = 4;
  static constexpr uint64_t shared_nodes = first_integer + 256;

  [[noreturn]] void refuse(const std::string& why) const { source_.refuse(opcode_at_, why); }

  uint8_t byte() { return number<uint8_t>(); }

  template <class T>
  T number() {
    const T value = source_.number<T>(at_);
    at_ += sizeof(T);
    return value;
  }

  std::string_view line() {
    const std::size_t end = source_.bytes.find('\n', at_);
    if (end == std::string_view::npos || end - at_ > 1000) refuse("a name does not end");
    const std::string_view text = source_.bytes.substr(at_, end - at_);
    at_ = end + 1;
    return text;
  }

  Id add(Tree::Node node) {
    if (tree_.nodes.size() >= most_nodes_) refuse("the pickle makes more values than its length allows");
    tree_.nodes.push_back(std::move(node));
    return static_cast<Id>(tree_.nodes.size() - 1);
  }

  void push(Id id) { stack_.push_back(id); }
  void push_integer(int64_t value) {
    push(value >= 0 && value < 256 ? first_integer + static_cast<Id>(value) : add(value));
  }

  Id pop() {
    if (stack_.size() <= floor()) refuse("the stack is empty");
    const Id top = stack_.back();
    stack_.pop_back();
    return top;
  }

  Id top() const {
    if (stack_.size() <= floor()) refuse("the stack is empty");
    return stack_.back();
  }

  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

  /// What stands above the last mark, which is taken away.
  Ids pop_to_mark() {
    if (marks_.empty()) refuse("no mark is set");
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    Ids items(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return items;
  }

  template <class T>
  T& mutable_top(const char* expected) {
    if (T* found = std::get_if<T>(&tree_.nodes[top()])) return *found;
    refuse(std::string("a ") + expected + " should stand on the stack");
  }

  template <class T>
  const T* find(Id id) const {
    return std::get_if<T>(&tree_[id]);
  }

  void remember(uint32_t place) {
    const Id value = top();
    memo_[place] = value;
  }

  void recall(uint32_t place) {
    const auto found = memo_.find(place);
    if (found == memo_.end()) refuse("the memo has no place " + std::to_string(place));
    push(found->second);
  }

  void push_text() {
    const auto size = number<uint32_t>();
    const std::string_view text = source_.text(at_, size);
    if (!is_utf8(text)) refuse("a text is not UTF-8");
    at_ += size;
    push(add(text));
  }

  void push_float() {
    uint64_t bits = 0;
    for (int i = 0; i < 8; ++i) bits = bits << 8 | byte();
    push(add(std::bit_cast<double>(bits)));
  }

  void push_long() {
    const uint8_t bytes = byte();
    if (bytes > 8) refuse("an integer is longer than 64 bits");
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; ++i) value |= uint64_t{byte()} << (8 * i);
    if (bytes > 0 && bytes < 8 && (value >> (8 * bytes - 1)) != 0) value |= ~uint64_t{0} << (8 * bytes);
    push_integer(static_cast<int64_t>(value));
  }

  bool step() {
    opcode_at_ = at_;
    const uint8_t opcode = byte();
    switch (opcode) {
      case kStop:
        tree_.root = pop();
        if (!stack_.empty() || !marks_.empty()) refuse("the pickle ends with more than one value");
        return false;
      case kMark:
        marks_.push_back(stack_.size());
        break;
      case kNone:
        push(none);
        break;
      case kNewTrue:
        push(yes);
        break;
      case kNewFalse:
        push(no);
        break;
      case kBinInt:
        push_integer(number<int32_t>());
        break;
      case kBinInt1:
        push_integer(byte());
        break;
      case kBinInt2:
        push_integer(number<uint16_t>());
        break;
      case kLong1:
        push_long();
        break;
      case kBinFloat:
        push_float();
        break;
      case kBinUnicode:
        push_text();
        break;
      case kEmptyList:
        push(add(Tree::List{}));
        break;
      case kEmptyDict:
        push(add(Tree::Dict{}));
        break;
      case kEmptyTuple:
        push(empty_tuple);
        break;
      case kTuple:
        push(add(Tree::Tuple{pop_to_mark()}));
        break;
      case kTuple1:
      case kTuple2:
      case kTuple3:
        push_tuple(opcode - kTuple1 + 1U);
        break;
      case kAppend: {
        const Id item = pop();
        append({item});
        break;
      }
      case kAppends:
        append(pop_to_mark());
        break;
      case kSetItem: {
        const Id value = pop();
        const Id key = pop();
        set_items({key, value});
        break;
      }
      case kSetItems:
        set_items(pop_to_mark());
        break;
      case kBinPut:
        remember(byte());
        break;
      case kLongBinPut:
        remember(number<uint32_t>());
        break;
      case kBinGet:
        recall(byte());
        break;
      case kLongBinGet:
        recall(number<uint32_t>());
        break;
      case kGlobal:
        push_global();
        break;
      case kBinPersistentId:
        push_storage();
        break;
      case kReduce:
      case kNewObject:
        reduce();
        break;
      case kBuild:
        build();
        break;
      case kProtocol:
        refuse("the protocol is named twice");
      default:
        refuse("the opcode " + hex(opcode) + " is none that a checkpoint of tensors needs");
    }
    return true;
  }

  void push_tuple(std::size_t size) {
    Ids items(size);
    for (std::size_t i = size; i-- > 0;) items[i] = pop();
    push(add(Tree::Tuple{std::move(items)}));
  }

  void append(const Ids& items) {
    if (find<Tree::Opaque>(top()) != nullptr) return;
    Ids& list = mutable_top<Tree::List>("list").items;
    list.insert(list.end(), items.begin(), items.end());
  }

  void set_items(const Ids& keys_and_values) {
    if (keys_and_values.size() % 2 != 0) refuse("a key has no value");
    if (find<Tree::Opaque>(top()) != nullptr) return;
    Ids& dict = mutable_top<Tree::Dict>("dict").keys_and_values;
    dict.insert(dict.end(), keys_and_values.begin(), keys_and_values.end());
  }

  [[noreturn]] void refuse_unknown(const Tree::Global& global) const {
    refuse(text_of(global) + " is no class that a checkpoint of tensors needs; nothing of it is run");
  }

  void push_global() {
    const std::string_view module = line();
    const Tree::Global global = {module, line()};
    if (global.module == "torch") {
      if (const auto type = element_type(&ElementNames::torch, global.name)) return push(add(*type));
    }
    if (unknown_ == Unknown::Refuse && !is_known(global)) refuse_unknown(global);
    push(add(global));
  }

  static bool is(const Tree::Global& global, std::string_view module, std::string_view name) {
    return global.module == module && global.name == name;
  }

  static bool is_rebuild(const Tree::Global& global) {
    constexpr std::array<std::string_view, 3> names = {"_rebuild_tensor_v2", "_rebuild_tensor_v3",
                                                       "_rebuild_parameter"};
    return global.module == "torch._utils" && std::find(names.begin(), names.end(), global.name) != names.end();
  }

  static bool is_storage(const Tree::Global& global) {
    if (is(global, "torch.storage", "UntypedStorage")) return true;
    return global.module == "torch" && element_type(&ElementNames::storage, global.name).has_value();
  }

  static bool is_dict(const Tree::Global& global) {
    return global.module == "collections" && (global.name == "OrderedDict" || global.name == "Counter");
  }

  static bool is_known(const Tree::Global& global) {
    return is_dict(global) || is_rebuild(global) || is_storage(global) || is(global, "torch", "Size") ||
           is(global, "torch", "device");
  }

  /// ("storage", class, key, device, number of elements)
  void push_storage() {
    const auto* id = find<Tree::Tuple>(pop());
    const auto text = [&](std::size_t i) { return find<std::string_view>(id->items[i]); };
    if (id == nullptr || id->items.size() != 5 || text(0) == nullptr || *text(0) != "storage" || text(2) == nullptr) {
      refuse("a persistent id is none of a storage");
    }
    const auto* type = find<Tree::Global>(id->items[1]);
    const auto* elements = find<int64_t>(id->items[4]);
    if (type == nullptr || !is_storage(*type)) refuse("a storage has no type of elements");
    if (elements == nullptr || *elements < 0) refuse("a storage has no number of elements");
    const Tree::Storage storage = {*text(2), element_type(&ElementNames::storage, type->name),
                                   static_cast<uint64_t>(*elements)};
    const auto [known, is_new] = storages_.try_emplace(storage.key, static_cast<uint32_t>(tree_.storages.size()));
    if (is_new) {
      tree_.storages.push_back(storage);
    } else if (const Tree::Storage& first = tree_.storages[known->second];
               first.type != storage.type || first.elements != storage.elements) {
      refuse("the storage " + printable(storage.key) + " occurs with two types or sizes");
    }
    push(add(Tree::StorageId{known->second}));
  }

  /// Calls with a tuple of arguments: here, makes what the call would give.
  void reduce() {
    const Id arguments = pop();
    const Id callee = pop();
    if (find<Tree::Tuple>(arguments) == nullptr) refuse("a call has no arguments");
    const Ids items = find<Tree::Tuple>(arguments)->items;
    const auto* found = find<Tree::Global>(callee);
    if (found == nullptr) {
      if (const auto* opaque = find<Tree::Opaque>(callee)) return push(add(Tree::Opaque(*opaque)));
      refuse("something is called that is no class");
    }
    const Tree::Global global = *found;
    if (is_dict(global)) return push(made_dict(items));
    if (is_rebuild(global)) return push(made_tensor(global, items));
    if (is(global, "torch", "Size")) {
      if (items.size() != 1 || find<Tree::Tuple>(items[0]) == nullptr) refuse("torch.Size is made of no tuple");
      return push(items[0]);
    }
    if (is(global, "torch", "device") || unknown_ == Unknown::Keep) return push(add(Tree::Opaque{global}));
    refuse_unknown(global);
  }

  Id made_dict(const Ids& arguments) {
    Tree::Dict made;
    if (arguments.size() > 1) refuse("a dict is made of more than one argument");
    if (arguments.size() == 1) {
      if (const auto* dict = find<Tree::Dict>(arguments[0])) {
        made = *dict;
      } else if (const auto* pairs = find<Tree::List>(arguments[0])) {
        for (const Id id : pairs->items) {
          const Ids* pair = pair_of(id);
          if (pair == nullptr) refuse("a dict is made of something else than pairs");
          made.keys_and_values.insert(made.keys_and_values.end(), pair->begin(), pair->end());
        }
      } else {
        refuse("a dict is made of something else than pairs");
      }
    }
    copied_ += made.keys_and_values.size();
    if (copied_ > size_) refuse("the pickle makes more values than its length allows");
    return add(std::move(made));
  }

  const Ids* pair_of(Id id) const {
    const Ids* items = nullptr;
    if (const auto* list = find<Tree::List>(id)) items = &list->items;
    if (const auto* tuple = find<Tree::Tuple>(id)) items = &tuple->items;
    return items != nullptr && items->size() == 2 ? items : nullptr;
  }

  std::vector<int64_t> integers(Id id, const char* what) const {
    const auto* tuple = find<Tree::Tuple>(id);
    if (tuple == nullptr || tuple->items.size() > 64) refuse(std::string("a tensor's ") + what + " are no tuple");
    std::vector<int64_t> numbers;
    for (const Id item : tuple->items) {
      const auto* number = find<int64_t>(item);
      if (number == nullptr || *number < 0)
        refuse(std::string("a tensor's ") + what + " are not all integers from 0 on");
      numbers.push_back(*number);
    }
    return numbers;
  }

  bool is_set(Id dict, std::string_view flag) const {
    const auto* found = find<Tree::Dict>(dict);
    if (found == nullptr) return false;
    for (std::size_t i = 0; i + 1 < found->keys_and_values.size(); i += 2) {
      const auto* key = find<std::string_view>(found->keys_and_values[i]);
      if (key != nullptr && *key == flag) return found->keys_and_values[i + 1] == yes;
    }
    return false;
  }

  /// _rebuild_parameter(data, requires_grad, hooks), or
  /// _rebuild_tensor_v2(storage, offset, sizes, strides, requires_grad, hooks[, metadata]), and v3 with a dtype before
  /// the metadata.
  Id made_tensor(const Tree::Global& global, const Ids& arguments) {
    if (global.name == "_rebuild_parameter") {
      if (arguments.size() != 3 || find<Tree::TensorId>(arguments[0]) == nullptr)
        refuse("a parameter is made of no tensor");
      return arguments[0];
    }
    const bool third = global.name == "_rebuild_tensor_v3";
    const std::size_t least = third ? 7 : 6;
    if (arguments.size() < least || arguments.size() > least + 1)
      refuse("a tensor is made of too few or too many arguments");
    const auto* storage = find<Tree::StorageId>(arguments[0]);
    const auto* offset = find<int64_t>(arguments[1]);
    if (storage == nullptr) refuse("a tensor has no storage");
    if (offset == nullptr || *offset < 0) refuse("a tensor's offset is no integer from 0 on");
    std::optional<ElementType> type = tree_.storages[storage->index].type;
    if (third) {
      const auto* given = find<ElementType>(arguments[6]);
      if (given == nullptr) refuse("a tensor has no dtype");
      type = *given;
    }
    if (!type) refuse("a tensor's storage is one of bytes, and it has no dtype");
    Tree::Tensor tensor = {.storage = storage->index,
                           .type = *type,
                           .offset = static_cast<uint64_t>(*offset),
                           .sizes = integers(arguments[2], "sizes"),
                           .strides = integers(arguments[3], "strides"),
                           .conjugate = arguments.size() > least && is_set(arguments[least], "conj"),
                           .negative = arguments.size() > least && is_set(arguments[least], "neg")};
    require_within_storage(tensor);
    tree_.tensors.push_back(std::move(tensor));
    return add(Tree::TensorId{static_cast<uint32_t>(tree_.tensors.size() - 1)});
  }

  void require_within_storage(const Tree::Tensor& tensor) {
    const Tree::Storage& storage = tree_.storages[tensor.storage];
    if (tensor.sizes.size() != tensor.strides.size()) refuse("a tensor has other numbers of sizes and strides");
    const auto extent = extent_of(tensor.sizes, tensor.type);
    if (!extent) refuse("a tensor's size is beyond 64 bits");
    const uint64_t held = storage.type ? storage.elements : storage.elements / size_of(tensor.type);
    if (storage.type && *storage.type != tensor.type && size_of(*storage.type) != size_of(tensor.type)) {
      refuse("a tensor's dtype is not that of its storage");
    }
    // The last element; an empty tensor may begin at the end.
    uint64_t last = tensor.offset;
    if (extent->elements > 0) {
      for (std::size_t i = 0; i < tensor.sizes.size(); ++i) {
        const auto steps = static_cast<uint64_t>(tensor.sizes[i] - 1),
                   stride = static_cast<uint64_t>(tensor.strides[i]);
        if (steps == 0 || stride == 0) continue;
        if (stride > held / steps || steps * stride > held - std::min(last, held))
          refuse("a tensor reaches beyond its storage");
        last += steps * stride;
      }
    }
    if (extent->elements > 0 ? last >= held : last > held) refuse("a tensor reaches beyond its storage");
    // Elements that are shown several times take no byte here, and would where the tensor is copied.
    if (extent->elements > held) repeated_ += extent->bytes - held * size_of(tensor.type);
    if (repeated_ > std::max<uint64_t>(source_.size(), 1U << 20U)) {
      refuse("tensors show the elements of their storages more often than the file is long");
    }
  }

  /// Sets attributes: an OrderedDict's `_metadata`.
  void build() {
    const Id state = pop();
    if (find<Tree::Opaque>(top()) != nullptr) return;
    mutable_top<Tree::Dict>("dict");
    if (find<Tree::Dict>(state) == nullptr) refuse("attributes are no dict");
    tree_.attributes[top()] = state;
  }

  Source source_;
  uint64_t at_;
  uint64_t opcode_at_ = 0;
  uint64_t size_;
  Unknown unknown_;
  uint64_t most_nodes_;
  uint64_t copied_ = 0;
  uint64_t repeated_ = 0;
  Tree tree_;
  Ids stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<uint32_t, Id> memo_;
  std::unordered_map<std::string_view, uint32_t> storages_;
};

}  // namespace

Tree read_pickle(const Source& source, uint64_t begin, uint64_t size, Unknown unknown) {
  if (!source.holds(begin, size)) source.refuse(begin, "the pickle reaches beyond the file");
  if (size > 0xffffffffU) source.refuse(begin, "the pickle is larger than 4 GiB");
  return Machine(source, begin, size, unknown).run();
}

}  // namespace metrics::io
