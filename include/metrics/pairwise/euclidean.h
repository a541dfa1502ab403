#pragma once

#include <metrics/pairwise/matrix.h>

namespace metrics::functional {

/// Computes the Euclidean distance of each row of `x` [N, D] from each of `y` [M, D], or of `x` where there is none:
/// [N, M], or with a `reduction` [N]. `x`: rows [N, D] of a real dtype; `y`: rows [M, D]; if None, those of `x`.
/// Distances are taken of differences, or of wide rows that are far from one another of products of what is left of
/// them beside their mean, so that near rows far from 0 lose nothing. Blocks, dtypes, gradients and errors are those of
/// pairwise_linear_similarity; of integers it is float32. Source: torchmetrics' pairwise_euclidean_distance.
METRICS_API Tensor pairwise_euclidean_distance(const Tensor& x, const std::optional<Tensor>& y = {},
                                               const PairwiseOptions& options = {});

}  // namespace metrics::functional
