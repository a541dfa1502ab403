#pragma once

#include "element_type.h"
#include "source.h"

#include <cstdint>
#include <map>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

namespace metrics::io {

/// What a pickle of tensors holds, as numbers of nodes: a node may stand in several places, and within itself. Texts
/// are views into the file.
struct Tree {
  using Id = uint32_t;

  struct None {};
  struct List {
    std::vector<Id> items;
  };
  struct Tuple {
    std::vector<Id> items;
  };
  struct Dict {
    std::vector<Id> keys_and_values;
  };
  /// A class or a function by name, which is looked at and never called.
  struct Global {
    std::string_view module;
    std::string_view name;
  };
  struct StorageId {
    uint32_t index;
  };
  struct TensorId {
    uint32_t index;
  };
  /// A value of a class that nothing is known of.
  struct Opaque {
    Global type;
  };
  using Node = std::variant<None, bool, int64_t, double, std::string_view, List, Tuple, Dict, Global, ElementType,
                            StorageId, TensorId, Opaque>;

  /// The memory of tensors: a record of the archive.
  struct Storage {
    std::string_view key;
    std::optional<ElementType> type;  ///< nothing where the storage is one of bytes
    uint64_t elements;
  };
  struct Tensor {
    uint32_t storage;
    ElementType type;
    uint64_t offset;  ///< of its first element, in elements
    std::vector<int64_t> sizes;
    std::vector<int64_t> strides;
    bool conjugate;
    bool negative;
  };

  std::vector<Node> nodes;
  std::vector<Storage> storages;
  std::vector<Tensor> tensors;
  std::unordered_map<Id, Id> attributes;  ///< of dicts: what Python keeps in `__dict__`
  Id root = 0;
  uint64_t pickled_bytes = 0;

  const Node& operator[](Id id) const { return nodes[id]; }
};

/// What becomes of a value whose class is none of those that tensors need.
enum class Unknown : uint8_t {
  Refuse,
  Keep,  ///< as `Opaque`, of which nothing is run
};

/// Reads the pickle in [begin, begin + size) of a file: protocol 2, the opcodes that PyTorch writes, and the classes
/// that tensors and containers need. Nothing is called and nothing imported. Throws FormatError that names the opcode
/// or class. Takes memory in proportion to `size`.
Tree read_pickle(const Source& source, uint64_t begin, uint64_t size, Unknown unknown);

}  // namespace metrics::io
