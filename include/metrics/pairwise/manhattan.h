#pragma once

#include <metrics/pairwise/matrix.h>

namespace metrics::functional {

/// Computes the sum of absolute differences of each row of `x` [N, D] and each of `y` [M, D], or of `x` where there is
/// none: [N, M], or with a `reduction` [N]. `x`: rows [N, D] of a real dtype; `y`: rows [M, D]; if None, those of `x`.
/// Blocks, dtypes, gradients and errors are those of pairwise_linear_similarity. Source: torchmetrics'
/// pairwise_manhattan_distance.
METRICS_API Tensor pairwise_manhattan_distance(const Tensor& x, const std::optional<Tensor>& y = {},
                                               const PairwiseOptions& options = {});

}  // namespace metrics::functional
