#include <metrics/core/codec.h>
#include <metrics/core/readable.h>

#include <array>
#include <charconv>
#include <sstream>
#include <utility>

namespace metrics {

namespace {

/// Reads a list whose elements all read as T.
template <class T>
std::optional<std::vector<T>> read_list(const c10::IValue& v) {
  const auto elements = detail::elements_of(v);
  if (!elements) return std::nullopt;
  std::vector<T> values;
  for (const c10::IValue& element : *elements) {
    auto value = Codec<T>::read(element);
    if (!value) return std::nullopt;
    values.push_back(std::move(*value));
  }
  return values;
}

}  // namespace

std::string Codec<bool>::type() {
  return "bool";
}
std::optional<bool> Codec<bool>::read(const c10::IValue& v) {
  return v.isBool() ? std::optional(v.toBool()) : std::nullopt;
}
c10::IValue Codec<bool>::write(const bool& value) {
  return value;
}

std::string Codec<int64_t>::type() {
  return "int";
}
std::optional<int64_t> Codec<int64_t>::read(const c10::IValue& v) {
  return v.isInt() ? std::optional(v.toInt()) : std::nullopt;
}
c10::IValue Codec<int64_t>::write(const int64_t& value) {
  return value;
}

std::string Codec<double>::type() {
  return "float";
}
std::optional<double> Codec<double>::read(const c10::IValue& v) {
  if (v.isDouble()) return v.toDouble();
  return v.isInt() ? std::optional(static_cast<double>(v.toInt())) : std::nullopt;
}
c10::IValue Codec<double>::write(const double& value) {
  return value;
}

std::string Codec<std::string>::type() {
  return "str";
}
std::optional<std::string> Codec<std::string>::read(const c10::IValue& v) {
  return v.isString() ? std::optional(v.toStringRef()) : std::nullopt;
}
c10::IValue Codec<std::string>::write(const std::string& value) {
  return value;
}

std::string Codec<Tensor>::type() {
  return "Tensor";
}
std::optional<Tensor> Codec<Tensor>::read(const c10::IValue& v) {
  return v.isTensor() && v.toTensor().defined() ? std::optional(v.toTensor()) : std::nullopt;
}
c10::IValue Codec<Tensor>::write(const Tensor& value) {
  return value;
}

std::string Codec<Values>::type() {
  return "Tensor or number";
}
std::optional<Values> Codec<Values>::read(const c10::IValue& v) {
  if (v.isTensor() && v.toTensor().defined()) return Values(v.toTensor());
  if (v.isDouble()) return Values(v.toDouble());
  return v.isInt() ? std::optional(Values(v.toInt())) : std::nullopt;
}
c10::IValue Codec<Values>::write(const Values& value) {
  return value.tensor();
}

std::string Codec<std::vector<int64_t>>::type() {
  return "list of int";
}
std::optional<std::vector<int64_t>> Codec<std::vector<int64_t>>::read(const c10::IValue& v) {
  return read_list<int64_t>(v);
}
c10::IValue Codec<std::vector<int64_t>>::write(const std::vector<int64_t>& value) {
  return value;
}

std::string Codec<std::vector<double>>::type() {
  return "list of float";
}
std::optional<std::vector<double>> Codec<std::vector<double>>::read(const c10::IValue& v) {
  return read_list<double>(v);
}
c10::IValue Codec<std::vector<double>>::write(const std::vector<double>& value) {
  return value;
}

std::string Codec<Texts>::type() {
  return Codec<std::vector<std::string>>::type();
}
std::optional<Texts> Codec<Texts>::read(const c10::IValue& v) {
  auto texts = Codec<std::vector<std::string>>::read(v);
  return texts ? std::optional<Texts>(std::in_place, std::move(*texts)) : std::nullopt;
}
c10::IValue Codec<Texts>::write(const Texts& value) {
  return value.all();
}

std::string Codec<std::vector<std::string>>::type() {
  return "str or list of str";
}
std::optional<std::vector<std::string>> Codec<std::vector<std::string>>::read(const c10::IValue& v) {
  if (v.isString()) return std::vector<std::string>{v.toStringRef()};
  return read_list<std::string>(v);
}
c10::IValue Codec<std::vector<std::string>>::write(const std::vector<std::string>& value) {
  return value;
}

std::string Codec<std::vector<Tensor>>::type() {
  return "list of Tensor";
}
std::optional<std::vector<Tensor>> Codec<std::vector<Tensor>>::read(const c10::IValue& v) {
  return read_list<Tensor>(v);
}
c10::IValue Codec<std::vector<Tensor>>::write(const std::vector<Tensor>& value) {
  return value;
}

namespace {

/// The shortest decimal that reads back as the same double, with a point where it would look like an integer.
std::string shortest(double number) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  std::string text(digits.data(), end);
  return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
}

}  // namespace

std::string describe(const c10::IValue& value) {
  if (value.isNone()) return "None";
  if (value.isBool()) return value.toBool() ? "True" : "False";
  if (value.isString()) return "'" + value.toStringRef() + "'";
  std::ostringstream text;
  if (value.isTensor()) {
    const Tensor& tensor = value.toTensor();
    if (!detail::has_elements(tensor)) return detail::unreadable_kind(tensor);
    text << "Tensor " << tensor.scalar_type() << tensor.sizes();
  } else if (value.isDouble()) {
    text << shortest(value.toDouble());
  } else if (value.isInt()) {
    text << value.toInt();
  } else if (value.isList()) {
    text << "[";
    bool first = true;
    for (const c10::IValue& element : value.toListRef()) {
      text << (std::exchange(first, false) ? "" : ", ") << describe(element);
    }
    text << "]";
  } else if (value.isGenericDict()) {
    text << "{";
    bool first = true;
    for (const auto& entry : value.toGenericDict()) {
      text << (std::exchange(first, false) ? "" : ", ") << describe(entry.key()) << ": " << describe(entry.value());
    }
    text << "}";
  } else {
    text << value.tagKind();
  }
  return text.str();
}

namespace detail {

std::optional<c10::IValue> entry_of(const c10::IValue& dict, std::string_view key) {
  if (!dict.isGenericDict()) return std::nullopt;
  for (const auto& entry : dict.toGenericDict()) {
    if (entry.key().isString() && entry.key().toStringRef() == key) return entry.value();
  }
  return std::nullopt;
}

std::optional<std::vector<c10::IValue>> elements_of(const c10::IValue& list) {
  if (list.isTuple()) return list.toTupleRef().elements().vec();
  return list.isList() ? std::optional(list.toListRef().vec()) : std::nullopt;
}

c10::IValue list_of(std::vector<c10::IValue> elements) {
  c10::impl::GenericList list(c10::AnyType::get());
  for (c10::IValue& element : elements) list.push_back(std::move(element));
  return list;
}

c10::IValue dict_of(const std::map<std::string, c10::IValue>& entries) {
  c10::impl::GenericDict dict(c10::StringType::get(), c10::AnyType::get());
  for (const auto& [name, value] : entries) dict.insert(name, value);
  return dict;
}

std::string option_text(const c10::IValue& value) {
  if (!value.isTensor() || !detail::has_elements(value.toTensor())) return describe(value);
  const Tensor numbers = value.toTensor().detach().to(at::kCPU, at::kDouble).contiguous();
  std::string text = describe(value) + " {";
  for (int64_t i = 0; i < numbers.numel(); ++i) {
    (text += i == 0 ? "" : ", ") += shortest(numbers.const_data_ptr<double>()[i]);
  }
  return text + "}";
}

void throw_unknown_option(std::string_view what, std::string_view option,
                          const std::vector<std::string_view>& allowed) {
  std::ostringstream message;
  message << what << ": unknown option `" << option << "`; allowed:";
  for (std::string_view name : allowed) message << " " << name;
  throw InvalidArgument(message.str());
}

void throw_missing_option(std::string_view what, std::string_view option) {
  throw InvalidArgument(std::string(what) + ": option `" + std::string(option) + "` is required");
}

void throw_option_type(std::string_view what, std::string_view option, const std::string& expected,
                       const c10::IValue& given) {
  throw InvalidArgument(std::string(what) + ": option `" + std::string(option) + "` expects " + expected + ", got " +
                        describe(given));
}

}  // namespace detail

}  // namespace metrics
