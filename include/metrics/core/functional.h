#pragma once

#include <metrics/core/fields.h>
#include <metrics/core/metric_of.h>

#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

// Functionals: the value of one batch, without a metric to keep.

namespace metrics {

namespace detail {

template <class D, class Inputs>
struct Functional;
template <class D, class... In>
struct Functional<D, std::tuple<In...>> {
  using Options = typename MetricOf<D>::FunctionalOptions;
  using Result = typename MetricOf<D>::FunctionalResult;

  Result operator()(const In&... inputs) const requires(Options::fields().required == 0) {
    return MetricOf<D>::call(Options{}, {inputs...});
  }
  Result operator()(const In&... inputs, const Options& options) const requires(Options::fields().size > 0) {
    return MetricOf<D>::call(options, {inputs...});
  }
  /// With weights of the rows, or rows that are not valid; options come before them where there are some.
  Result operator()(const In&... inputs, const Rows& rows) const requires(Options::fields().size == 0) {
    return MetricOf<D>::call(Options{}, {inputs...}, rows);
  }
  Result operator()(const In&... inputs, const Options& options, const Rows& rows) const
      requires(Options::fields().size > 0) {
    return MetricOf<D>::call(options, {inputs...}, rows);
  }
};

}  // namespace detail

/// The functional of a definition: an object that is called with the inputs of one batch, and options where it has any.
template <class D>
struct Functional : detail::Functional<D, typename MetricOf<D>::FunctionalInputs> {};

}  // namespace metrics

/// Declares a metric and its functional in one line, after the doc comment of both: the definition `definitions::Name`,
/// which is the one given with these names, the class `Name`, and the object `functional::functional_name`.
#define METRICS_METRIC(Name, functional_name, ...)                             \
  namespace definitions {                                                      \
  struct METRICS_API Name : __VA_ARGS__ {                                      \
    static constexpr std::string_view name = #Name;                            \
    static constexpr std::string_view functional = #functional_name;           \
  };                                                                           \
  }                                                                            \
  extern template class METRICS_API ::metrics::MetricOf<definitions::Name>;    \
  namespace functional {                                                       \
  inline constexpr ::metrics::Functional<definitions::Name> functional_name{}; \
  }                                                                            \
  METRICS_CLASS_OF_DEFINITION(Name)
