#pragma once

#include <metrics/core/errors.h>
#include <metrics/core/fields.h>
#include <metrics/core/texts.h>
#include <metrics/core/values.h>
#include <metrics/export.h>

#include <ATen/core/ivalue.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

// Between C++ types and c10::IValue: options, inputs and results of the dynamic face.

namespace metrics {

/// Reads a T from an IValue, or returns nothing if the value is of another kind; names the type for messages.
template <class T>
struct Codec;

#define METRICS_DECLARE_CODEC(T)                        \
  template <>                                           \
  struct METRICS_API Codec<T> {                         \
    static std::string type();                          \
    static std::optional<T> read(const c10::IValue& v); \
    static c10::IValue write(const T& value);           \
  };
METRICS_DECLARE_CODEC(bool)
METRICS_DECLARE_CODEC(int64_t)
METRICS_DECLARE_CODEC(double)  // integers are taken
METRICS_DECLARE_CODEC(std::string)
METRICS_DECLARE_CODEC(Tensor)
METRICS_DECLARE_CODEC(Values)
METRICS_DECLARE_CODEC(Texts)
METRICS_DECLARE_CODEC(std::vector<int64_t>)
METRICS_DECLARE_CODEC(std::vector<double>)
METRICS_DECLARE_CODEC(std::vector<std::string>)
METRICS_DECLARE_CODEC(std::vector<Tensor>)
#undef METRICS_DECLARE_CODEC

/// None reads as nothing held.
template <class T>
struct Codec<std::optional<T>> {
  static std::string type() { return Codec<T>::type() + " or None"; }
  static std::optional<std::optional<T>> read(const c10::IValue& v) {
    if (v.isNone()) return std::optional<std::optional<T>>(std::in_place);
    if (auto value = Codec<T>::read(v)) return std::optional<std::optional<T>>(std::in_place, std::move(*value));
    return std::nullopt;
  }
  static c10::IValue write(const std::optional<T>& value) { return value ? Codec<T>::write(*value) : c10::IValue(); }
};

/// As what it reads as.
template <class T>
struct Codec<Required<T>> {
  static std::string type() { return Codec<T>::type(); }
  static std::optional<Required<T>> read(const c10::IValue& v) {
    auto value = Codec<T>::read(v);
    return value ? std::optional<Required<T>>(*std::move(value)) : std::nullopt;
  }
  static c10::IValue write(const Required<T>& value) { return Codec<T>::write(value); }
};

/// A list or tuple of that many elements.
template <class T, std::size_t N>
struct Codec<std::array<T, N>> {
  static std::string type() { return Codec<std::vector<T>>::type() + " of length " + std::to_string(N); }
  static std::optional<std::array<T, N>> read(const c10::IValue& v) {
    const auto elements = Codec<std::vector<T>>::read(v);
    if (!elements || elements->size() != N) return std::nullopt;
    std::array<T, N> value{};
    std::copy(elements->begin(), elements->end(), value.begin());
    return value;
  }
  static c10::IValue write(const std::array<T, N>& value) {
    return Codec<std::vector<T>>::write({value.begin(), value.end()});
  }
};

/// A string by `enum_names`; None reads as "none" where that is a name.
template <class E>
requires std::is_enum_v<E>
struct Codec<E> {
  static std::string type() {
    std::string names;
    for (std::string_view name : enum_names<E>) (names += names.empty() ? "'" : ", '").append(name) += "'";
    return "one of " + names;
  }
  static std::optional<E> read(const c10::IValue& v) {
    if (!v.isString() && !v.isNone()) return std::nullopt;
    const std::string given = v.isNone() ? "none" : v.toStringRef();
    for (std::size_t i = 0; i < enum_names<E>.size(); ++i) {
      if (enum_names<E>[i] == given) return static_cast<E>(i);
    }
    return std::nullopt;
  }
  static c10::IValue write(const E& value) { return std::string(enum_names<E>[static_cast<std::size_t>(value)]); }
};

/// The first alternative that fits.
template <class... T>
struct Codec<std::variant<T...>> {
  static std::string type() {
    std::string all;
    ((all += (all.empty() ? "" : " or ") + Codec<T>::type()), ...);
    return all;
  }
  static std::optional<std::variant<T...>> read(const c10::IValue& v) {
    std::optional<std::variant<T...>> value;
    auto try_one = [&]<class A>() {
      if (value) return;
      if (auto alternative = Codec<A>::read(v)) value.emplace(std::move(*alternative));
    };
    (try_one.template operator()<T>(), ...);
    return value;
  }
  static c10::IValue write(const std::variant<T...>& value) {
    return std::visit([](const auto& v) { return Codec<std::remove_cvref_t<decltype(v)>>::write(v); }, value);
  }
};

/// An IValue as Python would print it, short: for messages and listings.
METRICS_API std::string describe(const c10::IValue& value);

namespace detail {

/// What a dict holds under `key`; nothing where it is no dict, or has no such key.
METRICS_API std::optional<c10::IValue> entry_of(const c10::IValue& dict, std::string_view key);
/// The elements of a list or a tuple; nothing of another value.
METRICS_API std::optional<std::vector<c10::IValue>> elements_of(const c10::IValue& list);
METRICS_API c10::IValue dict_of(const std::map<std::string, c10::IValue>& entries);
METRICS_API c10::IValue list_of(std::vector<c10::IValue> elements);

template <class T>
inline constexpr bool may_be_missing = false;
template <class T>
inline constexpr bool may_be_missing<std::optional<T>> = true;

/// Says which part of a value does not read as a T; empty where the value as a whole does not.
template <class T>
std::string misfit([[maybe_unused]] const c10::IValue& v) {
  if constexpr (requires { Codec<T>::misfit(v); }) {
    return Codec<T>::misfit(v);
  } else if constexpr (may_be_missing<T>) {
    return misfit<typename T::value_type>(v);
  } else if constexpr (is_required<T>) {
    return misfit<typename T::Value>(v);
  } else {
    return {};
  }
}

/// The same in words, for a part of a larger value.
template <class T>
std::string part_misfit(const std::string& part, const c10::IValue& v) {
  const std::string inner = misfit<T>(v);
  return part + (inner.empty() ? " expects " + Codec<T>::type() + ", got " + describe(v) : ", " + inner);
}

/// A value for each of a struct's fields, or nothing.
template <class Listed>
struct FieldValues;
template <auto... Members>
struct FieldValues<Fields<Members...>> {
  using Type = std::tuple<std::optional<typename Field<Members>::Type>...>;
};

/// Calls f(field, value) for each field and its value.
template <auto... Members, class Values, class F>
void each_with(Fields<Members...>, Values& values, F&& f) {
  using All = typename Fields<Members...>::All;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (f(std::tuple_element_t<I, All>{}, std::get<I>(values)), ...);
  }
  (std::index_sequence_for<Field<Members>...>{});
}

/// A struct of these values, and of its defaults where there is none.
template <class T, class Values>
T made_of(Values values) {
  T made = with_defaults<T>([&]<class Each>(Each) { return *std::get<place_in<Each, T>()>(values); });
  each_with(T::fields(), values, [&]<class Each>(Each, std::optional<typename Each::Type>& value) {
    if (value) Each::of(made) = *std::move(value);
  });
  return made;
}

}  // namespace detail

/// A struct with `fields()` is a dict: each member has the key of its name, optional ones may be missing, and other
/// keys are left alone.
template <HasFields T>
struct Codec<T> {
  static std::string type() {
    std::string keys;
    T::fields().for_each([&](auto field) {
      using Type = typename decltype(field)::Type;
      (keys += keys.empty() ? "" : ", ").append(field.name) += ": " + Codec<Type>::type();
    });
    return "dict of " + keys;
  }
  static std::optional<T> read(const c10::IValue& v) {
    if (!v.isGenericDict()) return std::nullopt;
    typename detail::FieldValues<decltype(T::fields())>::Type values;
    bool complete = true;
    detail::each_with(T::fields(), values, [&]<class Each>(Each, std::optional<typename Each::Type>& value) {
      using Type = typename Each::Type;
      const auto entry = detail::entry_of(v, Each::name);
      if (entry) value = Codec<Type>::read(*entry);
      complete = complete && (value || (!entry && detail::may_be_missing<Type>));
    });
    return complete ? std::optional(detail::made_of<T>(std::move(values))) : std::nullopt;
  }
  static std::string misfit(const c10::IValue& v) {
    std::string found;
    if (!v.isGenericDict()) return found;
    T::fields().for_each([&](auto field) {
      using Type = typename decltype(field)::Type;
      const auto entry = detail::entry_of(v, field.name);
      const std::string key = "key `" + std::string(field.name) + "`";
      if (!found.empty() || (entry ? Codec<Type>::read(*entry).has_value() : detail::may_be_missing<Type>)) return;
      found = entry ? detail::part_misfit<Type>(key, *entry) : key + " is missing";
    });
    return found;
  }
  static c10::IValue write(const T& value) {
    std::map<std::string, c10::IValue> entries;
    T::fields().for_each([&](auto field) {
      using Type = typename decltype(field)::Type;
      entries.emplace(field.name, Codec<Type>::write(field.of(value)));
    });
    return detail::dict_of(entries);
  }
};

/// A list of dicts: one a row.
template <HasFields T>
struct Codec<std::vector<T>> {
  static std::string type() { return "list of " + Codec<T>::type(); }
  static std::optional<std::vector<T>> read(const c10::IValue& v) {
    const auto elements = detail::elements_of(v);
    if (!elements) return std::nullopt;
    std::vector<T> values;
    values.reserve(elements->size());
    for (const c10::IValue& element : *elements) {
      auto value = Codec<T>::read(element);
      if (!value) return std::nullopt;
      values.push_back(std::move(*value));
    }
    return values;
  }
  static std::string misfit(const c10::IValue& v) {
    const auto elements = detail::elements_of(v);
    for (std::size_t i = 0; elements && i < elements->size(); ++i) {
      const c10::IValue& element = (*elements)[i];
      if (!Codec<T>::read(element)) return detail::part_misfit<T>("element " + std::to_string(i), element);
    }
    return {};
  }
  static c10::IValue write(const std::vector<T>& values) {
    std::vector<c10::IValue> elements;
    for (const T& value : values) elements.push_back(Codec<T>::write(value));
    return detail::list_of(std::move(elements));
  }
};

/// Options from a dict; `what` is the metric's name, for messages.
template <class Options>
Options options_from(const std::map<std::string, c10::IValue, std::less<>>& given, std::string_view what);

namespace detail {

/// As `describe`, but equal for equal values alone: with all numbers of a tensor.
METRICS_API std::string option_text(const c10::IValue& value);
[[noreturn]] METRICS_API void throw_unknown_option(std::string_view what, std::string_view option,
                                                   const std::vector<std::string_view>& allowed);
[[noreturn]] METRICS_API void throw_missing_option(std::string_view what, std::string_view option);
[[noreturn]] METRICS_API void throw_option_type(std::string_view what, std::string_view option,
                                                const std::string& expected, const c10::IValue& given);

}  // namespace detail

template <class Options>
Options options_from(const std::map<std::string, c10::IValue, std::less<>>& given, std::string_view what) {
  constexpr auto fields = Options::fields();
  typename detail::FieldValues<std::remove_const_t<decltype(fields)>>::Type values;
  for (const auto& entry : given) {
    // Clang's OpenMP captures no structured bindings.
    const std::string& name = entry.first;
    const c10::IValue& given_value = entry.second;
    bool found = false;
    detail::each_with(fields, values, [&]<class Each>(Each, std::optional<typename Each::Type>& value) {
      if (Each::name != name) return;
      found = true;
      using Type = typename Each::Type;
      value = Codec<Type>::read(given_value);
      if (!value) detail::throw_option_type(what, name, Codec<Type>::type(), given_value);
    });
    if (!found) detail::throw_unknown_option(what, name, {fields.names.begin(), fields.names.end()});
  }
  for (std::size_t i = 0; i < fields.required; ++i) {
    if (!given.contains(fields.names[i])) detail::throw_missing_option(what, fields.names[i]);
  }
  return detail::made_of<Options>(std::move(values));
}

/// `name=value, …` in the order of the fields.
template <class Options>
std::string describe_options(const Options& options) {
  std::string text;
  Options::fields().for_each([&](auto field) {
    using Type = typename decltype(field)::Type;
    (text += text.empty() ? "" : ", ").append(field.name) +=
        "=" + detail::option_text(Codec<Type>::write(field.of(options)));
  });
  return text;
}

}  // namespace metrics
