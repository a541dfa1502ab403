#pragma once

#include <metrics/export.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace metrics::io {

/// A value as Python has it in a file of torch.save: None, a bool, an integer, a float, a text, a tensor, or a list,
/// tuple or dict of them.
class METRICS_API Object {
 public:
  struct Item;
  using List = std::vector<Object>;
  struct Tuple {
    List items;
  };
  /// In the order in which it was filled.
  struct Dict {
    std::vector<Item> items;
    /// What Python keeps beside the items, such as the `_metadata` of a module's state dict. A dict that has any is
    /// written as an OrderedDict, because Python's own dict can have none.
    std::vector<Item> attributes;
  };
  /// A value of a class that the reader does not know. It was not made, and cannot be written.
  struct Opaque {
    std::string type;
  };
  using Value = std::variant<std::monostate, bool, int64_t, double, std::string, at::Tensor, List, Tuple, Dict, Opaque>;

  /// None.
  Object();
  Object(bool value);
  Object(int value);
  Object(int64_t value);
  Object(double value);
  Object(const char* value);
  Object(std::string value);
  Object(at::Tensor value);
  Object(List value);
  Object(Tuple value);
  Object(Dict value);
  Object(Opaque value);
  Object(const Object& other);
  Object(Object&& other) noexcept;
  Object& operator=(const Object& other);
  Object& operator=(Object&& other) noexcept;
  ~Object();

  const Value& value() const { return value_; }
  Value& value() { return value_; }

  bool is_none() const { return std::holds_alternative<std::monostate>(value_); }
  /// The value of that type; null where it is another.
  template <class T>
  const T* as() const {
    return std::get_if<T>(&value_);
  }
  /// What it is in Python's words: `a dict`, `a tensor`.
  std::string kind() const;

  /// Of a dict, the value under a text or an integer; null where there is none, or this is no dict.
  const Object* find(std::string_view key) const;
  const Object* find(int64_t key) const;
  /// The same. Throws InvalidArgument that names the key and those that there are.
  const Object& at(std::string_view key) const;
  const Object& at(int64_t key) const;
  /// Sets what a dict has under a key; None becomes a dict first. Throws InvalidArgument for other values.
  void set(Object key, Object value);

 private:
  Value value_;
};

struct Object::Item {
  Object key;
  Object value;
};

}  // namespace metrics::io
