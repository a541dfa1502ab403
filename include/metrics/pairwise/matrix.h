#pragma once

#include <metrics/core/fields.h>
#include <metrics/core/rows.h>
#include <metrics/export.h>

#include <array>
#include <optional>
#include <string_view>

// What matrices of all pairs of rows share. They are functionals alone: a row of one batch meets no row of another.

namespace metrics {

namespace pairwise {

/// What becomes of each row of the matrix.
enum class Reduction {
  None,  ///< It stays as it is.
  Mean,  ///< Its mean.
  Sum,   ///< Its sum.
};

}  // namespace pairwise

template <>
inline constexpr std::array<std::string_view, 3> enum_names<pairwise::Reduction>{"none", "mean", "sum"};

struct PairwiseOptions {
  pairwise::Reduction reduction = pairwise::Reduction::None;
  /// Whether the diagonal of the matrix is 0; if None, where there is no `y`.
  std::optional<bool> zero_diagonal{};

  static constexpr auto fields() {
    return metrics::fields<&PairwiseOptions::reduction, &PairwiseOptions::zero_diagonal>();
  }
};

}  // namespace metrics
