#pragma once

#include <metrics/pairwise/matrix.h>

namespace metrics::functional {

/// Computes the product of each row of `x` [N, D] with each of `y` [M, D], or of `x` where there is none: [N, M], or
/// with a `reduction` [N] of its rows, for which the whole matrix is never there. `x`: rows [N, D] of a real dtype;
/// `y`: rows [M, D]; if None, those of `x`. The dtype is that of both inputs: halves are multiplied in float32,
/// integers exactly up to 2^53, to int64 (their mean is float32). Differentiable. Throws InvalidArgument naming the
/// input for other shapes. Source: torchmetrics' pairwise_linear_similarity.
METRICS_API Tensor pairwise_linear_similarity(const Tensor& x, const std::optional<Tensor>& y = {},
                                              const PairwiseOptions& options = {});

}  // namespace metrics::functional
