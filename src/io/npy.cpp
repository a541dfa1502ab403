#include "npy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

namespace metrics::io {
namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::size_t most_dimensions = 64;  // as many as NumPy takes

/// The Python dict of a header, of which NumPy writes three keys and no others.
class NpyHeader {
 public:
  NpyHeader(const Source& source, uint64_t begin, uint64_t size)
      : source_(source), begin_(begin), text_(source.text(begin, size)) {}

  NpyArray parse() {
    std::optional<std::string_view> type;
    std::optional<bool> fortran;
    std::optional<std::vector<int64_t>> shape;
    expect('{');
    while (!take('}')) {
      const std::string_view key = quoted_word();
      expect(':');
      if (key == "descr" && !type) {
        if (peek() == '[') refuse("an array of structures is not read; save its fields as arrays of their own");
        type = quoted_word();
      } else if (key == "fortran_order" && !fortran) {
        fortran = boolean();
      } else if (key == "shape" && !shape) {
        shape = integers();
      } else {
        refuse("unexpected key " + printable(key));
      }
      if (!take(',') && peek() != '}') refuse("expected `,` or `}`");
    }
    if (!type || !fortran || !shape) refuse("the header needs descr, fortran_order and shape");
    return {element_type_of(*type), *std::move(shape), *fortran, 0};
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const { source_.refuse(begin_ + at_, why); }
  char peek() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) refuse(std::string("expected `") + c + "`");
  }
  std::string_view quoted_word() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') refuse("expected a quoted word");
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) refuse("a quoted word does not end");
    const std::string_view word = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return word;
  }
  bool boolean() {
    peek();
    for (const auto& [word, value] : {std::pair(std::string_view("True"), true), {"False", false}}) {
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return value;
    }
    refuse("expected True or False");
  }
  std::vector<int64_t> integers() {
    std::vector<int64_t> values;
    expect('(');
    while (!take(')')) {
      peek();
      int64_t value = 0;
      const char* const begin = text_.data() + at_;
      const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
      if (error != std::errc() || value < 0) refuse("expected a dimension");
      if (values.size() == most_dimensions) refuse("there are more than 64 dimensions");
      at_ += static_cast<std::size_t>(end - begin);
      values.push_back(value);
      if (!take(',') && peek() != ')') refuse("expected `,` or `)`");
    }
    return values;
  }
  std::variant<ElementType, FixedTexts> element_type_of(std::string_view descr) const {
    using enum ElementType;
    constexpr std::array<std::pair<std::string_view, ElementType>, 14> numbers = {{{"b1", Bool},
                                                                                   {"u1", UInt8},
                                                                                   {"i1", Int8},
                                                                                   {"i2", Int16},
                                                                                   {"u2", UInt16},
                                                                                   {"i4", Int32},
                                                                                   {"u4", UInt32},
                                                                                   {"i8", Int64},
                                                                                   {"u8", UInt64},
                                                                                   {"f2", Float16},
                                                                                   {"f4", Float32},
                                                                                   {"f8", Float64},
                                                                                   {"c8", Complex64},
                                                                                   {"c16", Complex128}}};
    const char order = descr.empty() ? '\0' : descr[0];
    const std::string_view type = descr.empty() ? descr : descr.substr(1);
    const auto found =
        std::find_if(numbers.begin(), numbers.end(), [&](const auto& each) { return each.first == type; });
    const bool one_byte = found != numbers.end() && size_of(found->second) == 1;
    if (order == '>' && !one_byte) refuse("numbers of type " + printable(descr) + " are not little-endian");
    if (found != numbers.end() && (order == '<' || order == '|' || order == '>' || order == '=')) return found->second;
    if (type.starts_with('U') || type.starts_with('S')) {
      uint32_t length = 0;
      const auto [end, error] = std::from_chars(type.data() + 1, type.data() + type.size(), length);
      if (error == std::errc() && end == type.data() + type.size() && type.size() > 1) {
        const bool utf32 = type.starts_with('U');
        return FixedTexts{utf32 ? FixedTexts::Encoding::Utf32 : FixedTexts::Encoding::Bytes,
                          uint64_t{length} * (utf32 ? 4 : 1)};
      }
    }
    if (type.starts_with('O')) refuse("an array of Python objects is not read, because reading it would run code");
    refuse("unknown type " + printable(descr));
  }

  const Source& source_;
  uint64_t begin_;
  std::string_view text_;
  std::size_t at_ = 0;
};

/// The bytes that the array takes; nothing where they are beyond int64.
std::optional<uint64_t> size_in_file(const NpyArray& array) {
  if (const auto* type = std::get_if<ElementType>(&array.type)) {
    const auto extent = extent_of(array.shape, *type);
    return extent ? std::optional(extent->bytes) : std::nullopt;
  }
  const auto extent = extent_of(array.shape, ElementType::UInt8);
  const uint64_t each = std::get<FixedTexts>(array.type).bytes;
  constexpr auto most = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (!extent || (each != 0 && extent->elements > most / each)) return std::nullopt;
  return extent->elements * each;
}

void append_utf8(std::string& text, uint32_t point) {
  const auto add = [&](uint32_t byte) { text += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (point < 0x80) return add(point);
  if (point < 0x800) {
    add(0xc0U | point >> 6);
  } else {
    if (point < 0x10000) {
      add(0xe0U | point >> 12);
    } else {
      add(0xf0U | point >> 18);
      add(0x80U | (point >> 12 & 0x3fU));
    }
    add(0x80U | (point >> 6 & 0x3fU));
  }
  add(0x80U | (point & 0x3fU));
}

}  // namespace

NpyArray read_npy(const Source& source) {
  if (!source.bytes.starts_with(magic)) source.refuse(0, "this is no .npy file, which begins with \\x93NUMPY");
  const auto version = source.number<uint8_t>(magic.size());
  if (version < 1 || version > 3) source.refuse(magic.size(), "version " + std::to_string(version) + " is unknown");
  const uint64_t at = magic.size() + 2;
  const uint64_t size = version == 1 ? source.number<uint16_t>(at) : source.number<uint32_t>(at);
  const uint64_t header = at + (version == 1 ? 2 : 4);
  NpyArray array = NpyHeader(source, header, size).parse();
  array.begin = header + size;
  const auto bytes = size_in_file(array);
  if (!bytes || !source.holds(array.begin, *bytes)) {
    source.refuse(array.begin, "the file ends before the array does");
  }
  return array;
}

std::string read_fixed_text(const Source& source, FixedTexts type, uint64_t offset) {
  const std::string_view bytes = source.text(offset, type.bytes);
  if (type.encoding == FixedTexts::Encoding::Bytes) {
    return std::string(bytes.substr(0, bytes.find_last_not_of('\0') + 1));
  }
  std::string text;
  uint64_t zeros = 0;  // those at the end only fill the text up
  for (uint64_t i = 0; i + 4 <= bytes.size(); i += 4) {
    const auto point = source.number<uint32_t>(offset + i);
    if (point > 0x10ffff) source.refuse(offset + i, "a number that is no character");
    if (point == 0) {
      ++zeros;
      continue;
    }
    text.append(zeros, '\0');
    zeros = 0;
    append_utf8(text, point);
  }
  return text;
}

}  // namespace metrics::io
