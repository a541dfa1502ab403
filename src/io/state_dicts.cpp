#include "elements.h"
#include "source.h"
#include <metrics/core/errors.h>
#include <metrics/io/checkpoint.h>

#include <ATen/ops/empty.h>

#include <nlohmann/json.hpp>

#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <set>
#include <utility>

namespace metrics::io {
namespace {

using Json = nlohmann::json;
using Metadata = StateDict::Metadata;
using MetadataValue = StateDict::MetadataValue;

constexpr const char* kMetadata = "_metadata";  // where torch.nn.Module keeps it
constexpr const char* kText = "metrics";        // the text of a safetensors file

Object as_object(const StateValue& value) {
  if (const auto* tensor = std::get_if<Tensor>(&value)) return *tensor;
  Object::List list;
  for (const Tensor& item : std::get<std::vector<Tensor>>(value)) list.emplace_back(item);
  return list;
}

/// The tensor or list of tensors that an object is; nothing for others.
std::optional<StateValue> as_state(const Object& object) {
  if (const auto* tensor = object.as<Tensor>()) return *tensor;
  const auto* list = object.as<Object::List>();
  if (list == nullptr) return std::nullopt;
  std::vector<Tensor> tensors;
  for (const Object& item : *list) {
    const auto* tensor = item.as<Tensor>();
    if (tensor == nullptr) return std::nullopt;
    tensors.push_back(*tensor);
  }
  return tensors;
}

Metadata metadata_of(const Object::Dict& dict) {
  Metadata metadata;
  for (const Object::Item& item : dict.items) {
    const auto* key = item.key.as<std::string>();
    if (key == nullptr) continue;
    if (const auto* number = item.value.as<int64_t>()) metadata.emplace(*key, *number);
    if (const auto* text = item.value.as<std::string>()) metadata.emplace(*key, *text);
    if (const auto* tensor = item.value.as<Tensor>()) metadata.emplace(*key, *tensor);
  }
  return metadata;
}

constexpr std::string_view kDigits = "0123456789abcdef";

std::string hexadecimal(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    (text += kDigits[byte >> 4]) += kDigits[byte & 15];
  }
  return text;
}

Json as_json(const Tensor& tensor, const std::string& key) {
  const Tensor plain = plain_elements(tensor, key);
  return {{"dtype", names_of(*element_type(plain.scalar_type())).torch},
          {"shape", plain.sizes().vec()},
          {"bytes", hexadecimal(bytes_of(plain))}};
}

Json as_json(const MetadataValue& value, const std::string& key) {
  if (const auto* number = std::get_if<int64_t>(&value)) return *number;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return as_json(std::get<Tensor>(value), key);
}

[[noreturn]] void refuse_text(const std::string& why) {
  throw InvalidArgument(std::string("the text `") + kText + "` of the file's metadata " + why);
}

Tensor tensor_of(const Json& json) {
  const auto refuse = [] { refuse_text("holds a tensor whose dtype, shape and bytes do not go together"); };
  if (!json.is_object() || !json.contains("dtype") || !json.contains("shape") || !json.contains("bytes")) refuse();
  const Json &dtype = json["dtype"], &shape = json["shape"], &bytes = json["bytes"];
  if (!dtype.is_string() || !shape.is_array() || !bytes.is_string()) refuse();
  const auto type = element_type(&ElementNames::torch, dtype.get_ref<const std::string&>());
  std::vector<int64_t> sizes;
  for (const Json& size : shape) {
    if (!size.is_number_unsigned() || size.get<uint64_t>() > std::numeric_limits<int64_t>::max() || sizes.size() == 64)
      refuse();
    sizes.push_back(size.get<int64_t>());
  }
  const auto& text = bytes.get_ref<const std::string&>();
  const auto extent = type ? extent_of(sizes, *type) : std::nullopt;
  if (!extent || text.size() % 2 != 0 || extent->bytes != text.size() / 2) refuse();
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const std::size_t high = kDigits.find(text[i]), low = kDigits.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) refuse();
    decoded += static_cast<char>(high << 4 | low);
  }
  if (*type == ElementType::Bool && !are_bools(decoded)) refuse();
  const Tensor tensor = at::empty(sizes, scalar_type(*type));
  if (!decoded.empty()) std::memcpy(tensor.data_ptr(), decoded.data(), decoded.size());
  return tensor;
}

std::string item_name(const std::string& key, std::size_t i) {
  return key + "[" + std::to_string(i) + "]";
}

/// What the names of a file's tensors say without the text: `key[0]`, `key[1]` … are a list.
std::map<std::string, std::size_t> lists_by_name(const Safetensors& content) {
  std::map<std::string, std::size_t> lists;
  for (const auto& [name, tensor] : content.tensors) {
    if (!name.ends_with(']')) continue;
    const std::size_t open = name.rfind('[');
    if (open == std::string::npos) continue;
    std::size_t index = 0;
    const char* const end = name.data() + name.size() - 1;
    const auto [stop, problem] = std::from_chars(name.data() + open + 1, end, index);
    if (problem != std::errc() || stop != end || index >= content.tensors.size()) continue;
    std::size_t& length = lists[name.substr(0, open)];
    length = std::max(length, index + 1);
  }
  return lists;
}

/// What `to_safetensors` has put into the text.
struct Beside {
  std::map<std::string, std::size_t> lists;
  std::map<std::string, Metadata, std::less<>> metadata;
};

Beside beside(const Safetensors& content) {
  const auto found = content.metadata.find(kText);
  if (found == content.metadata.end()) return {lists_by_name(content), {}};
  constexpr int deepest = 5;
  const auto check = [](int depth, Json::parse_event_t, const Json&) {
    if (depth > deepest) refuse_text("is nested deeper than it is written");
    return true;
  };
  const Json json = Json::parse(found->second, check, /*allow_exceptions=*/false);
  if (!json.is_object()) refuse_text("is no JSON object");
  const auto object_at = [&](const char* name) -> Json {
    const auto held = json.find(name);
    if (held == json.end() || !held->is_object()) refuse_text(std::string("has no object `") + name + "`");
    return *held;
  };
  const Json lists = object_at("lists"), by_prefix = object_at("metadata");
  Beside beside;
  for (const auto& [key, length] : lists.items()) {
    if (!length.is_number_unsigned() || length.get<uint64_t>() > content.tensors.size()) {
      refuse_text("names a list of more tensors than there are");
    }
    beside.lists[key] = length.get<std::size_t>();
  }
  for (const auto& [prefix, entries] : by_prefix.items()) {
    if (!entries.is_object()) refuse_text("has something else than names under a prefix");
    Metadata& metadata = beside.metadata[prefix];
    for (const auto& [key, value] : entries.items()) {
      if (value.is_number_integer()) {
        if (value.is_number_unsigned() && value.get<uint64_t>() > std::numeric_limits<int64_t>::max()) {
          refuse_text("has a number beyond 64 bits");
        }
        metadata.emplace(key, value.get<int64_t>());
      } else if (value.is_string()) {
        metadata.emplace(key, value.get<std::string>());
      } else {
        metadata.emplace(key, tensor_of(value));
      }
    }
  }
  return beside;
}

}  // namespace

Object to_object(const StateDict& dict) {
  Object::Dict made;
  for (const auto& [key, value] : dict.states) made.items.push_back({key, as_object(value)});
  Object::Dict by_prefix;
  for (const auto& [prefix, metadata] : dict.metadata) {
    Object::Dict entries;
    for (const auto& [key, value] : metadata) {
      entries.items.push_back({key, std::visit([](const auto& held) { return Object(held); }, value)});
    }
    by_prefix.items.push_back({prefix, std::move(entries)});
  }
  made.attributes.push_back({kMetadata, std::move(by_prefix)});
  return made;
}

StateDict to_state_dict(const Object& object, const std::string& prefix) {
  const auto* given = object.as<Object::Dict>();
  if (given == nullptr) throw InvalidArgument("a dict of states was expected, and " + object.kind() + " is there");
  StateDict dict;
  for (const Object::Item& item : given->items) {
    const auto* key = item.key.as<std::string>();
    if (key == nullptr || !key->starts_with(prefix)) continue;
    auto value = as_state(item.value);
    if (value) {
      dict.states.insert_or_assign(*key, std::move(*value));
    } else if (!prefix.empty()) {
      throw InvalidArgument("state dict key `" + *key + "`: expected a tensor or a list of tensors, got " +
                            item.value.kind());
    }
  }
  for (const Object::Item& attribute : given->attributes) {
    const auto* name = attribute.key.as<std::string>();
    const auto* by_prefix = attribute.value.as<Object::Dict>();
    if (name == nullptr || *name != kMetadata || by_prefix == nullptr) continue;
    for (const Object::Item& item : by_prefix->items) {
      const auto* saved_under = item.key.as<std::string>();
      const auto* entries = item.value.as<Object::Dict>();
      if (saved_under != nullptr && entries != nullptr) dict.metadata[*saved_under] = metadata_of(*entries);
    }
  }
  return dict;
}

Safetensors to_safetensors(const StateDict& dict) {
  Safetensors content;
  const auto add = [&](const std::string& name, const Tensor& tensor) {
    if (!content.tensors.emplace(name, tensor).second)
      throw InvalidArgument("two states would be called `" + name + "` in a safetensors file");
  };
  Json lists = Json::object(), metadata = Json::object();
  for (const auto& [key, value] : dict.states) {
    if (const auto* tensor = std::get_if<Tensor>(&value)) {
      add(key, *tensor);
      continue;
    }
    const auto& items = std::get<std::vector<Tensor>>(value);
    lists[key] = items.size();
    for (std::size_t i = 0; i < items.size(); ++i) add(item_name(key, i), items[i]);
  }
  for (const auto& [prefix, entries] : dict.metadata) {
    Json& under = metadata[prefix] = Json::object();
    for (const auto& [key, value] : entries) under[key] = as_json(value, key);
  }
  content.metadata["format"] = "pt";  // what Python's libraries look for
  content.metadata[kText] = Json{{"lists", lists}, {"metadata", metadata}}.dump();
  return content;
}

StateDict to_state_dict(const Safetensors& content, const std::string& prefix) {
  Beside beside = io::beside(content);
  StateDict dict;
  dict.metadata = std::move(beside.metadata);
  std::set<std::string> items;
  for (const auto& [key, length] : beside.lists) {
    if (!key.starts_with(prefix)) continue;
    std::vector<Tensor> list;
    for (std::size_t i = 0; i < length; ++i) {
      const auto found = content.tensors.find(item_name(key, i));
      if (found == content.tensors.end())
        throw InvalidArgument("state dict key `" + key + "`: there is no tensor `" + item_name(key, i) +
                              "` of its list");
      list.push_back(found->second);
      items.insert(found->first);
    }
    dict.states.emplace(key, std::move(list));
  }
  for (const auto& [name, tensor] : content.tensors) {
    if (name.starts_with(prefix) && !items.contains(name)) dict.states.emplace(name, tensor);
  }
  return dict;
}

}  // namespace metrics::io
