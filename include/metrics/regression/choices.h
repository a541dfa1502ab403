#pragma once

#include <metrics/core/fields.h>

#include <array>
#include <string_view>

namespace metrics {

namespace regression {

/// What becomes of the scores of several outputs.
enum class MultiOutput {
  RawValues,         ///< Each is returned.
  UniformAverage,    ///< Their mean.
  VarianceWeighted,  ///< Their mean weighted by the variances of the targets.
};

/// What becomes of the values of several rows.
enum class Reduction { Mean, Sum, None };

}  // namespace regression

template <>
inline constexpr std::array<std::string_view, 3> enum_names<regression::MultiOutput>{"raw_values", "uniform_average",
                                                                                     "variance_weighted"};

template <>
inline constexpr std::array<std::string_view, 3> enum_names<regression::Reduction>{"mean", "sum", "none"};

}  // namespace metrics
