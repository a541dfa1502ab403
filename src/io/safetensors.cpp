#include "safetensors.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <utility>

namespace metrics::io {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kLengthSize = sizeof(uint64_t);

/// Builds the header's JSON, and refuses what the parser alone would take: a name twice in an object, and depth that a
/// header does not have.
class Header {
 public:
  explicit Header(const Source& source) : source_(source) {
    const auto size = source.number<uint64_t>(0);
    if (size > kMostSafetensorsHeader)
      source.refuse(0, "the header is longer than 100 MB, or this is no safetensors file");
    const std::string_view text = source.text(kLengthSize, size);
    if (!text.starts_with('{')) source.refuse(kLengthSize, "the header does not begin with {");
    std::vector<std::set<std::string>> names;
    const auto check = [&](int depth, Json::parse_event_t event, const Json& parsed) {
      if (depth > 3) source_.refuse(kLengthSize, "the header is nested deeper than a header is");
      if (event == Json::parse_event_t::object_start) names.emplace_back();
      if (event == Json::parse_event_t::object_end) names.pop_back();
      if (event == Json::parse_event_t::key) {
        const auto& name = parsed.get_ref<const std::string&>();
        if (!names.back().insert(name).second)
          source_.refuse(kLengthSize, "the name " + printable(name) + " occurs twice");
      }
      return true;
    };
    try {
      json_ = Json::parse(text.begin(), text.end(), check);
    } catch (const Json::parse_error& error) {
      source.refuse(kLengthSize + std::max<std::size_t>(error.byte, 1) - 1, "the header is no JSON");
    } catch (const Json::exception&) {
      source.refuse(kLengthSize, "the header has a number beyond float64");
    }
    data_ = kLengthSize + size;
  }

  SafetensorsHeader read() const {
    SafetensorsHeader header;
    for (const auto& [name, entry] : json_.items()) {
      if (name == "__metadata__") {
        header.metadata = metadata(entry);
      } else {
        header.tensors.push_back(tensor(name, entry));
      }
    }
    std::sort(header.tensors.begin(), header.tensors.end(),
              [](const auto& a, const auto& b) { return std::pair(a.begin, a.size) < std::pair(b.begin, b.size); });
    uint64_t end = data_;
    for (const auto& each : header.tensors) {
      if (each.begin < end) refuse(each.name, "overlaps the one before");
      if (each.begin > end) refuse(each.name, "leaves bytes before it that belong to no tensor");
      end += each.size;
    }
    if (end != source_.size()) source_.refuse(end, "bytes follow the last tensor");
    return header;
  }

 private:
  [[noreturn]] void refuse(const std::string& name, const std::string& why) const {
    source_.refuse(kLengthSize, "the tensor " + printable(name) + " " + why);
  }

  std::map<std::string, std::string> metadata(const Json& entry) const {
    std::map<std::string, std::string> texts;
    if (!entry.is_object()) source_.refuse(kLengthSize, "`__metadata__` is no object");
    for (const auto& [name, value] : entry.items()) {
      if (!value.is_string()) source_.refuse(kLengthSize, "`__metadata__` " + printable(name) + " is no text");
      texts.emplace(name, value.get<std::string>());
    }
    return texts;
  }

  const Json& field(const std::string& name, const Json& entry, const char* key) const {
    const auto found = entry.find(key);
    if (found == entry.end()) refuse(name, std::string("has no `") + key + "`");
    return *found;
  }

  /// An integer from 0 on; nothing for another value.
  static std::optional<int64_t> count(const Json& number) {
    if (!number.is_number_unsigned()) return std::nullopt;
    const auto value = number.get<uint64_t>();
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
    return static_cast<int64_t>(value);
  }

  SafetensorsHeader::Tensor tensor(const std::string& name, const Json& entry) const {
    if (!entry.is_object() || entry.size() != 3) refuse(name, "is no object of `dtype`, `shape` and `data_offsets`");
    const Json& dtype = field(name, entry, "dtype");
    const Json& shape = field(name, entry, "shape");
    const Json& offsets = field(name, entry, "data_offsets");
    const auto type = dtype.is_string() ? element_type(&ElementNames::safetensors, dtype.get_ref<const std::string&>())
                                        : std::nullopt;
    if (!type)
      refuse(name, "has the dtype " + dtype.dump(-1, ' ', false, Json::error_handler_t::replace) +
                       ", which is none that is known");
    if (!shape.is_array() || shape.size() > 64) refuse(name, "has a shape that is no list of sizes");
    std::vector<int64_t> sizes;
    for (const Json& size : shape) {
      const auto number = count(size);
      if (!number) refuse(name, "has a size that is no integer from 0 on");
      sizes.push_back(*number);
    }
    const auto begin = offsets.is_array() && offsets.size() == 2 ? count(offsets[0]) : std::nullopt;
    const auto end = begin ? count(offsets[1]) : std::nullopt;
    if (!end || *begin > *end) refuse(name, "has no pair of offsets");
    const auto bytes = static_cast<uint64_t>(*end - *begin);
    const auto extent = extent_of(sizes, *type);
    if (!extent || extent->bytes != bytes) refuse(name, "has other offsets than its shape and dtype say");
    if (static_cast<uint64_t>(*end) > source_.size() - data_) refuse(name, "reaches beyond the file");
    return {name, *type, std::move(sizes), data_ + static_cast<uint64_t>(*begin), bytes};
  }

  const Source& source_;
  Json json_;
  uint64_t data_ = 0;
};

}  // namespace

SafetensorsHeader read_safetensors_header(const Source& source) {
  return Header(source).read();
}

}  // namespace metrics::io
