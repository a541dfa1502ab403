#include "pickle_writer.h"

#include "elements.h"
#include "source.h"
#include <metrics/core/errors.h>

#include <ATen/TensorOperators.h>

#include <bit>
#include <limits>
#include <string_view>

namespace metrics::io {
namespace {

// The opcodes are those that the reader takes; src/io/pickle.cpp names them.
class Writer {
 public:
  Pickled write(const Object& object) {
    out_.bytes = "\x80\x02";
    value(object);
    out_.bytes += '.';
    return std::move(out_);
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw InvalidArgument((way_.empty() ? "the value" : "`" + way_ + "`") + " cannot be written: " + why);
  }

  template <class T>
  void number(T value) {
    out_.bytes.append(reinterpret_cast<const char*>(&value), sizeof(T));
  }

  void value(const Object& object) {
    std::visit([&](const auto& held) { write(held); }, object.value());
  }

  void write(std::monostate) { out_.bytes += 'N'; }
  void write(bool value) { out_.bytes += value ? '\x88' : '\x89'; }
  void write(int64_t value) {
    if (value >= 0 && value < 256) {
      out_.bytes += 'K';
      number(static_cast<uint8_t>(value));
    } else if (value >= std::numeric_limits<int32_t>::min() && value <= std::numeric_limits<int32_t>::max()) {
      out_.bytes += 'J';
      number(static_cast<int32_t>(value));
    } else {
      out_.bytes += "\x8a\x08";
      number(value);
    }
  }
  void write(double value) {
    out_.bytes += 'G';
    const auto bits = std::bit_cast<uint64_t>(value);
    for (int shift = 56; shift >= 0; shift -= 8) out_.bytes += static_cast<char>(bits >> shift & 0xffU);
  }
  void write(const std::string& text) {
    if (!is_utf8(text)) refuse("a text is not UTF-8");
    if (text.size() > std::numeric_limits<uint32_t>::max()) refuse("a text is longer than 4 GiB");
    out_.bytes += 'X';
    number(static_cast<uint32_t>(text.size()));
    out_.bytes += text;
  }
  void write(const Object::List& list) {
    out_.bytes += "](";
    for (std::size_t i = 0; i < list.size(); ++i) below(std::to_string(i), list[i]);
    out_.bytes += 'e';
  }
  void write(const Object::Tuple& tuple) {
    out_.bytes += '(';
    for (std::size_t i = 0; i < tuple.items.size(); ++i) below(std::to_string(i), tuple.items[i]);
    out_.bytes += 't';
  }
  void write(const Object::Dict& dict) {
    if (dict.attributes.empty()) {
      out_.bytes += '}';
      items(dict.items);
    } else {
      empty_ordered_dict();
      items(dict.items);
      out_.bytes += '}';
      items(dict.attributes);
      out_.bytes += 'b';
    }
  }
  void write(const Object::Opaque& opaque) { refuse("its class `" + opaque.type + "` is not known"); }

  void empty_ordered_dict() { out_.bytes += "ccollections\nOrderedDict\n)R"; }

  void items(const std::vector<Object::Item>& all) {
    out_.bytes += '(';
    for (const Object::Item& item : all) {
      const auto* text = item.key.as<std::string>();
      const auto* number = item.key.as<int64_t>();
      if (text == nullptr && number == nullptr)
        refuse("a key is " + item.key.kind() + ", neither a text nor an integer");
      value(item.key);
      below(text != nullptr ? *text : std::to_string(*number), item.value);
    }
    out_.bytes += 'u';
  }

  void below(const std::string& name, const Object& object) {
    const std::size_t before = way_.size();
    way_ += (way_.empty() ? "" : "/") + name;
    value(object);
    way_.resize(before);
  }

  void write(const at::Tensor& given) {
    const at::Tensor tensor = plain_elements(given, way_.empty() ? "the value" : way_);
    const ElementNames& names = names_of(*element_type(tensor.scalar_type()));
    // Types that have no class of storage are in one of bytes, and say their dtype themselves.
    const bool has_storage = !names.storage.empty();
    out_.bytes += has_storage ? "ctorch._utils\n_rebuild_tensor_v2\n((" : "ctorch._utils\n_rebuild_tensor_v3\n((";
    write(std::string("storage"));
    out_.bytes += has_storage ? "ctorch\n" + std::string(names.storage) + "\n" : "ctorch.storage\nUntypedStorage\n";
    write(std::to_string(out_.elements.size()));
    write(std::string("cpu"));
    write(tensor.numel() * (has_storage ? 1 : static_cast<int64_t>(names.bytes)));
    out_.bytes += "tQ";
    write(int64_t{0});
    integers(tensor.sizes());
    integers(tensor.strides());
    write(false);
    empty_ordered_dict();
    if (!has_storage) out_.bytes += "ctorch\n" + std::string(names.torch) + "\n";
    out_.bytes += "tR";
    out_.elements.push_back(tensor);
  }

  void integers(at::IntArrayRef numbers) {
    out_.bytes += '(';
    for (const int64_t each : numbers) write(each);
    out_.bytes += 't';
  }

  Pickled out_;
  std::string way_;  ///< the keys to what is being written
};

}  // namespace

Pickled pickled(const Object& object) {
  return Writer().write(object);
}

}  // namespace metrics::io
