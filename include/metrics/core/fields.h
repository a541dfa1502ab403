#pragma once

#include <array>
#include <string_view>
#include <tuple>
#include <type_traits>

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

/// The members of a struct, each listed once. Options and results declare
///   static constexpr auto fields() { return metrics::fields<&Self::num_classes, &Self::average>(); }
/// and get construction from a dict or JSON, errors, printing, comparison and conversion from it.
template <auto... Members>
struct Fields {
  static constexpr std::size_t size = sizeof...(Members);
  static constexpr std::array<std::string_view, size> names{Field<Members>::name...};
  /// How many of the first fields have no default, as Python's positional arguments.
  std::size_t required = 0;

  template <class F>
  static constexpr void for_each(F&& f) {
    (f(Field<Members>{}), ...);
  }
};

template <auto... Members>
constexpr Fields<Members...> fields(std::size_t required = 0) {
  return {required};
}

/// A struct that lists its members.
template <class T>
concept HasFields = requires {
  T::fields();
};

/// The options `To` by name among those of `From`, each of the same type; one that is missing does not compile.
template <class To, class From>
To subset(const From& from) {
  To to{};
  To::fields().for_each([&]<class FieldTo>(FieldTo) {
    From::fields().for_each([&]<class FieldFrom>(FieldFrom) {
      if constexpr (std::is_same_v<typename FieldFrom::Type, typename FieldTo::Type>) {
        if (FieldFrom::name == FieldTo::name) FieldTo::of(to) = FieldFrom::of(from);
      }
    });
  });
  return to;
}

/// Options of a metric that has none.
struct NoOptions {
  static constexpr auto fields() { return Fields<>{}; }
};

}  // namespace metrics
