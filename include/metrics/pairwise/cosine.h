#pragma once

#include <metrics/pairwise/matrix.h>

namespace metrics::functional {

/// Computes the cosine of the angle between each row of `x` [N, D] and each of `y` [M, D], or of `x` where there is
/// none: [N, M], or with a `reduction` [N]; NaN of rows that are 0. `x`: rows [N, D] of a real dtype; `y`: rows [M, D];
/// if None, those of `x`. Blocks, dtypes, gradients and errors are those of pairwise_linear_similarity; of integers it
/// is float32. Source: torchmetrics' pairwise_cosine_similarity.
METRICS_API Tensor pairwise_cosine_similarity(const Tensor& x, const std::optional<Tensor>& y = {},
                                              const PairwiseOptions& options = {});

}  // namespace metrics::functional
