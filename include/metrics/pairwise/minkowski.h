#pragma once

#include <metrics/pairwise/matrix.h>

namespace metrics {

struct PairwiseMinkowskiOptions {
  /// The power of the differences, at least 1.
  double exponent = 2;
  pairwise::Reduction reduction = pairwise::Reduction::None;
  /// Whether the diagonal of the matrix is 0; if None, where there is no `y`.
  std::optional<bool> zero_diagonal{};

  static constexpr auto fields() {
    using Self = PairwiseMinkowskiOptions;
    return metrics::fields<&Self::exponent, &Self::reduction, &Self::zero_diagonal>();
  }
};

namespace functional {

/// Computes the Minkowski distance (Σ |x - y|^p)^(1/p) of each row of `x` [N, D] from each of `y` [M, D], or of `x`
/// where there is none: [N, M], or with a `reduction` [N]. `x`: rows [N, D] of a real dtype; `y`: rows [M, D]; if None,
/// those of `x`. Powers other than 1 and 2 are taken in float64. Blocks, dtypes, gradients and errors are those of
/// pairwise_linear_similarity; of integers it is float32. Throws InvalidArgument for an exponent that is below 1 or not
/// finite. Source: torchmetrics' pairwise_minkowski_distance.
METRICS_API Tensor pairwise_minkowski_distance(const Tensor& x, const std::optional<Tensor>& y = {},
                                               const PairwiseMinkowskiOptions& options = {});

}  // namespace functional
}  // namespace metrics
