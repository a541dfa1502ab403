#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

namespace metrics {

/// A member of an options struct that has no default. It is made of a value alone, so that an options struct which
/// leaves it out does not compile:
///   struct Options { Required<int64_t> num_classes; double threshold = 0.5; … };
///   Options{.num_classes = 3}      // Options{} and Options{.threshold = 0.1} are errors
/// It reads as a `T`.
template <class T>
class Required {
 public:
  using Value = T;

  /// Of what a T can be made of; a floating number is no integer.
  template <class From>
  requires(std::convertible_to<From, T> && !std::same_as<std::remove_cvref_t<From>, Required> &&
           !(std::integral<T> && std::floating_point<std::remove_cvref_t<From>>)) constexpr Required(From&& value)
      : value_(static_cast<T>(std::forward<From>(value))) {}  // NOLINT: implicit

  /// `{0, 1}`, where a T can be made of that.
  template <class A, class B, class... More>
  requires std::constructible_from<T, A, B, More...>
  constexpr Required(A&& a, B&& b, More&&... more)  // NOLINT: implicit
      : value_(std::forward<A>(a), std::forward<B>(b), std::forward<More>(more)...) {}

  constexpr operator const T&() const { return value_; }  // NOLINT: reads as a T
  constexpr const T& value() const { return value_; }
  constexpr const T* operator->() const { return &value_; }

  template <class Other>
  friend constexpr bool operator==(const Required& a, const Other& b) {
    if constexpr (std::same_as<Other, Required>) {
      return a.value_ == b.value_;
    } else {
      return a.value_ == b;
    }
  }

 private:
  T value_;
};

namespace detail {

template <class T>
inline constexpr bool is_required = false;
template <class T>
inline constexpr bool is_required<Required<T>> = true;

}  // namespace detail

}  // namespace metrics
