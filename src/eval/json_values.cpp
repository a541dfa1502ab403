#include "json_values.h"

#include <metrics/core/codec.h>
#include <metrics/core/errors.h>

#include <ATen/ops/empty.h>
#include <c10/util/accumulate.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace metrics::eval {
namespace {

using nlohmann::json;

constexpr int deepest = 16;  // far beyond any input

bool is_scalar(const json& value) {
  return value.is_number() || value.is_boolean() || value.is_null();
}

c10::ScalarType dtype_of(const json& scalar) {
  if (scalar.is_boolean()) return at::kBool;
  return scalar.is_number_integer() ? at::kLong : at::kDouble;
}

void promote(std::optional<c10::ScalarType>& dtype, c10::ScalarType further) {
  dtype = dtype ? c10::promoteTypes(*dtype, further) : further;
}

/// The dtype of all numbers in `value`, where it is a number or lists of numbers of equal lengths at each depth,
/// `shape`.
bool is_array(const json& value, std::span<const int64_t> shape, std::optional<c10::ScalarType>& dtype) {
  if (shape.empty()) {
    if (!is_scalar(value)) return false;
    promote(dtype, dtype_of(value));
    return true;
  }
  return value.is_array() && static_cast<int64_t>(value.size()) == shape[0] &&
         std::all_of(value.begin(), value.end(),
                     [&](const json& element) { return is_array(element, shape.subspan(1), dtype); });
}

/// The lengths of lists in lists, by the first of each.
std::vector<int64_t> shape_of(const json& value) {
  std::vector<int64_t> shape;
  for (const json* list = &value; list->is_array() && shape.size() < deepest; list = &list->front()) {
    shape.push_back(static_cast<int64_t>(list->size()));
    if (list->empty()) break;
  }
  return shape;
}

/// A value for an error message. Lists and objects are not written out, because they can be as deep as a line is long.
std::string shown(const json& value) {
  return value.is_structured() ? std::string("an ") + value.type_name() : value.dump().substr(0, 80);
}

struct Array {
  std::vector<int64_t> shape;
  std::optional<c10::ScalarType> dtype;  // absent where there is no number
};

std::optional<Array> array_of(const json& value) {
  Array array{shape_of(value), {}};
  return is_array(value, array.shape, array.dtype) ? std::optional(array) : std::nullopt;
}

template <class T>
T number_of(const json& scalar) {
  if (scalar.is_boolean()) return static_cast<T>(scalar.get<bool>());
  if constexpr (std::is_same_v<T, int64_t>) {
    const bool is_too_large =
        scalar.is_number_unsigned() && scalar.get<uint64_t>() > std::numeric_limits<int64_t>::max();
    if (!scalar.is_number_integer() || is_too_large) throw InvalidArgument(scalar.dump() + " is no int64");
  } else if (scalar.is_null()) {
    return std::numeric_limits<T>::quiet_NaN();
  }
  return scalar.get<T>();
}

template <class T>
void fill(const json& value, T*& to) {
  if (value.is_array()) {
    for (const json& element : value) fill(element, to);
  } else {
    *to++ = number_of<T>(value);
  }
}

/// A tensor whose rows, or which itself, are these values.
template <class Values>
at::Tensor tensor_of(const Values& values, std::vector<int64_t> sizes, c10::ScalarType dtype) {
  const bool integral = c10::isIntegralType(dtype, /*includeBool=*/true);
  at::Tensor tensor = at::empty(sizes, at::TensorOptions().dtype(integral ? at::kLong : at::kDouble));
  if (integral) {
    auto* to = tensor.mutable_data_ptr<int64_t>();
    for (const json& value : values) fill(value, to);
  } else {
    auto* to = tensor.mutable_data_ptr<double>();
    for (const json& value : values) fill(value, to);
  }
  return tensor.to(dtype);
}

/// A value that is more than numbers of one shape: a text, a list, an object.
c10::IValue value_of(const json& value, const ColumnType& type, int depth) {
  if (depth > deepest) throw InvalidArgument("lists and objects are too deep");
  if (value.is_string()) return value.get<std::string>();
  if (const auto array = array_of(value)) {
    return tensor_of(std::span(&value, 1), array->shape, array->dtype.value_or(at::kDouble));
  }
  if (value.is_array()) {
    std::vector<c10::IValue> elements;
    for (const json& element : value) elements.push_back(value_of(element, type, depth + 1));
    return metrics::detail::list_of(std::move(elements));
  }
  std::map<std::string, c10::IValue> members;
  for (const auto& [key, member] : value.items()) {
    c10::IValue made = value_of(member, type, depth + 1);
    const auto dtype = type.members.find(key);
    if (made.isTensor() && dtype != type.members.end()) made = made.toTensor().to(dtype->second);
    members.emplace(key, std::move(made));
  }
  return metrics::detail::dict_of(members);
}

std::string text_of(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean() || value.is_number_integer()) return value.dump();
  throw InvalidArgument("expected a text, got " + shown(value));
}

}  // namespace

void JsonColumnType::note(const json& value) {
  texts_ = texts_ && value.is_string();
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      const auto array = array_of(member);
      if (!array || !array->dtype) continue;
      const auto known = members_.find(key);
      members_[key] = known == members_.end() ? *array->dtype : c10::promoteTypes(known->second, *array->dtype);
    }
  }
  if (!numbers_) return;
  if (!shape_) shape_ = shape_of(value);
  numbers_ = is_array(value, *shape_, dtype_);
}

ColumnType JsonColumnType::type() const {
  if (numbers_) return {.dtype = dtype_.value_or(at::kDouble), .row_shape = shape_.value_or(std::vector<int64_t>())};
  if (texts_) return {.holds = ColumnType::Holds::Texts};
  return {.holds = ColumnType::Holds::Values, .members = members_};
}

c10::IValue column_of(std::span<const json> values, const ColumnType& type) {
  if (type.holds == ColumnType::Holds::Texts) {
    std::vector<std::string> texts;
    for (const json& value : values) texts.push_back(text_of(value));
    return texts;
  }
  if (type.holds == ColumnType::Holds::Values) {
    std::vector<c10::IValue> elements;
    for (const json& value : values) elements.push_back(value_of(value, type, 0));
    return metrics::detail::list_of(std::move(elements));
  }
  for (const json& value : values) {
    std::optional<c10::ScalarType> dtype;
    if (!is_array(value, type.row_shape, dtype)) {
      throw InvalidArgument("expected " + describe(type) + ", got " + shown(value));
    }
  }
  std::vector<int64_t> sizes = {static_cast<int64_t>(values.size())};
  sizes.insert(sizes.end(), type.row_shape.begin(), type.row_shape.end());
  return tensor_of(values, std::move(sizes), type.dtype);
}

}  // namespace metrics::eval
