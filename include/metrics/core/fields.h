#pragma once

#include <metrics/core/required.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace metrics {

/// Names of an enum's values as torchmetrics spells them; specialised beside each enum:
///   template <> inline constexpr std::array<std::string_view, 2> enum_names<Norm> = {"l1", "l2"};
/// in the order of the values 0, 1, …
template <class E>
inline constexpr std::array<std::string_view, 0> enum_names{};

namespace detail {

/// The last name in the compiler's spelling of `[Member = &Struct::name]`.
template <auto Member>
constexpr std::string_view member_name() {
  constexpr std::string_view spelled = __PRETTY_FUNCTION__;
  constexpr auto end = spelled.find_first_of(";]", spelled.find("Member = "));
  constexpr auto begin = spelled.rfind("::", end) + 2;
  constexpr auto tail = spelled.substr(begin, end - begin);
  return tail.substr(0, tail.find_first_of(")"));
}

/// The name of a struct without its namespaces.
template <class Struct>
constexpr std::string_view type_name() {
  constexpr std::string_view spelled = __PRETTY_FUNCTION__;
  constexpr auto begin = spelled.find("Struct = ") + 9;
  constexpr auto whole = spelled.substr(begin, spelled.find_first_of(";]", begin) - begin);
  constexpr auto last = whole.rfind("::");
  return last == std::string_view::npos ? whole : whole.substr(last + 2);
}

template <class T>
struct MemberOf;
template <class S, class T>
struct MemberOf<T S::*> {
  using Struct = S;
  using Type = T;
};

}  // namespace detail

/// One listed member of a struct: its name and how to reach it.
template <auto Member>
struct Field {
  using Struct = typename detail::MemberOf<decltype(Member)>::Struct;
  using Type = typename detail::MemberOf<decltype(Member)>::Type;
  static constexpr std::string_view name = detail::member_name<Member>();

  static const Type& of(const Struct& s) { return s.*Member; }
  static Type& of(Struct& s) { return s.*Member; }
};

/// What is known of a field beside its name and type, for listings.
struct FieldText {
  std::string_view sentence{};
  /// Its default as Python prints it, where it has one; empty where the struct has to be asked for it.
  std::string_view default_text{};

  constexpr FieldText() = default;
  constexpr FieldText(const char* said, std::string_view default_value = {})  // NOLINT: a sentence alone will do
      : sentence(said), default_text(default_value) {}
};

/// The members of a struct, each listed once. Options and results declare
///   static constexpr auto fields() { return metrics::fields<&Self::num_classes, &Self::average>(); }
/// and get construction from a dict or JSON, errors, printing, comparison and conversion from it. Listings show a
/// sentence for each, in the same order:
///   metrics::fields<…>().about({"Number of classes.", "How scores of classes become one."})
template <auto... Members>
struct Fields {
  static constexpr std::size_t size = sizeof...(Members);
  static constexpr std::array<std::string_view, size> names{Field<Members>::name...};
  using All = std::tuple<Field<Members>...>;
  /// How many of them are `Required`: the first ones, as Python's positional arguments.
  static constexpr std::size_t required_members =
      (std::size_t{0} + ... + std::size_t{detail::is_required<typename Field<Members>::Type>});
  /// How many of the first fields have no default. In a struct without `Required` members `fields` is told it.
  std::size_t required = 0;
  std::array<FieldText, size> texts{};

  template <class F>
  static constexpr void for_each(F&& f) {
    (f(Field<Members>{}), ...);
  }
  /// The same fields with what is said of each.
  template <std::size_t count>
  requires(count == size) constexpr Fields about(const FieldText (&said)[count]) const {
    return {required, std::to_array(said)};
  }
};

namespace detail {

/// Whether the fields that are `Required` come before all others.
template <auto... Members>
consteval bool required_come_first() {
  bool had_default = false, in_order = true;
  ((is_required<typename Field<Members>::Type> ? in_order = in_order&& !had_default : had_default = true), ...);
  return in_order;
}

}  // namespace detail

template <auto... Members>
constexpr Fields<Members...> fields(std::size_t required = 0) {
  static_assert(detail::required_come_first<Members...>(), "fields that are Required come before those with a default");
  return {std::max(required, Fields<Members...>::required_members), {}};
}

/// A struct that lists its members.
template <class T>
concept HasFields = requires {
  T::fields();
};

namespace detail {

/// A struct with its defaults; `value(field)` gives the fields that have none.
template <HasFields T, class F>
constexpr T with_defaults(F&& value) {
  using Listed = decltype(T::fields());
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    static_assert(
        requires { T{value(std::tuple_element_t<I, typename Listed::All>{})...}; },
        "the Required members of a struct are its first ones, and the first of its fields");
    return T{value(std::tuple_element_t<I, typename Listed::All>{})...};
  }
  (std::make_index_sequence<Listed::required_members>{});
}

/// The field of `From` that is called as `FieldTo`. What is missing does not compile, and the error shows both.
template <class FieldTo, class From>
consteval std::size_t place_in() {
  constexpr std::size_t place = [] {
    const auto& names = decltype(From::fields())::names;
    return static_cast<std::size_t>(std::find(names.begin(), names.end(), FieldTo::name) - names.begin());
  }();
  static_assert(place < decltype(From::fields())::size, "`From` has no field of the name of `FieldTo`");
  return place;
}

template <class FieldTo, class From>
const typename FieldTo::Type& value_for(const From& from) {
  using FieldFrom = std::tuple_element_t<place_in<FieldTo, From>(), typename decltype(From::fields())::All>;
  static_assert(std::is_same_v<typename FieldFrom::Type, typename FieldTo::Type>,
                "the field of `From` that is called as `FieldTo` is of another type");
  return FieldFrom::of(from);
}

}  // namespace detail

/// The options `To`, each taken by its name from those of `From`, which may have more. One that `From` lacks, or has of
/// another type, does not compile.
template <HasFields To, HasFields From>
To subset(const From& from) {
  if constexpr (std::is_same_v<To, From>) {
    return from;
  } else {
    To to = detail::with_defaults<To>([&]<class FieldTo>(FieldTo) { return detail::value_for<FieldTo>(from); });
    To::fields().for_each([&]<class FieldTo>(FieldTo) { FieldTo::of(to) = detail::value_for<FieldTo>(from); });
    return to;
  }
}

/// Options of a metric that has none.
struct NoOptions {
  static constexpr auto fields() { return Fields<>{}; }
};

}  // namespace metrics
