#include <metrics/core/errors.h>
#include <metrics/io/object.h>

#include <array>

namespace metrics::io {
namespace {

template <class Key>
const Object* find_in(const Object& object, const Key& key) {
  const auto* dict = object.as<Object::Dict>();
  if (dict == nullptr) return nullptr;
  for (const Object::Item& item : dict->items) {
    const auto* held = item.key.as<std::conditional_t<std::is_integral_v<Key>, int64_t, std::string>>();
    if (held != nullptr && *held == key) return &item.value;
  }
  return nullptr;
}

std::string text_of_key(const Object& key) {
  if (const auto* text = key.as<std::string>()) return "`" + *text + "`";
  if (const auto* number = key.as<int64_t>()) return std::to_string(*number);
  return key.kind();
}

[[noreturn]] void refuse_key(const Object& object, const std::string& key) {
  const auto* dict = object.as<Object::Dict>();
  if (dict == nullptr) throw InvalidArgument("there is no " + key + " in " + object.kind());
  constexpr std::size_t most = 10;
  std::string keys;
  for (std::size_t i = 0; i < dict->items.size() && i < most; ++i) {
    keys += (i == 0 ? "" : ", ") + text_of_key(dict->items[i].key);
  }
  if (dict->items.size() > most) keys += ", …";
  throw InvalidArgument("there is no " + key + " in a dict of " + (keys.empty() ? "nothing" : keys));
}

}  // namespace

// Here, because an item of a dict holds objects, and is complete only after their class.
Object::Object() = default;
Object::Object(bool value) : value_(value) {}
Object::Object(int value) : value_(int64_t{value}) {}
Object::Object(int64_t value) : value_(value) {}
Object::Object(double value) : value_(value) {}
Object::Object(const char* value) : value_(std::string(value)) {}
Object::Object(std::string value) : value_(std::move(value)) {}
Object::Object(at::Tensor value) : value_(std::move(value)) {}
Object::Object(List value) : value_(std::move(value)) {}
Object::Object(Tuple value) : value_(std::move(value)) {}
Object::Object(Dict value) : value_(std::move(value)) {}
Object::Object(Opaque value) : value_(std::move(value)) {}
Object::Object(const Object& other) = default;
Object::Object(Object&& other) noexcept = default;
Object& Object::operator=(const Object& other) = default;
Object& Object::operator=(Object&& other) noexcept = default;
Object::~Object() = default;

std::string Object::kind() const {
  static constexpr std::array<const char*, std::variant_size_v<Value>> kinds = {
      "None", "a bool", "an integer", "a float", "a text", "a tensor", "a list", "a tuple", "a dict", ""};
  if (const auto* opaque = as<Opaque>()) return "a value of the class `" + opaque->type + "`";
  return kinds[value_.index()];
}

const Object* Object::find(std::string_view key) const {
  return find_in(*this, key);
}

const Object* Object::find(int64_t key) const {
  return find_in(*this, key);
}

const Object& Object::at(std::string_view key) const {
  if (const Object* found = find(key)) return *found;
  refuse_key(*this, "`" + std::string(key) + "`");
}

const Object& Object::at(int64_t key) const {
  if (const Object* found = find(key)) return *found;
  refuse_key(*this, std::to_string(key));
}

void Object::set(Object key, Object value) {
  if (is_none()) value_ = Dict{};
  auto* dict = std::get_if<Dict>(&value_);
  if (dict == nullptr) throw InvalidArgument("a key cannot be set in " + kind());
  const Object* found = nullptr;
  if (const auto* text = key.as<std::string>()) found = find(*text);
  if (const auto* number = key.as<int64_t>()) found = find(*number);
  if (found != nullptr) {
    *const_cast<Object*>(found) = std::move(value);
  } else {
    dict->items.push_back({std::move(key), std::move(value)});
  }
}

}  // namespace metrics::io
