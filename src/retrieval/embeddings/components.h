#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

namespace metrics::retrieval::embeddings {

using at::Tensor;

/// Returns for each share r of the variance one more than the number of principal components that together explain at
/// most r, divided by the number of columns; NaN where LAPACK does not find them. `embeddings`: [N, D]; of them the
/// rows given, or all.
std::vector<double> components_for(const Tensor& embeddings, const std::optional<std::vector<int64_t>>& rows,
                                   const std::vector<double>& shares);

}  // namespace metrics::retrieval::embeddings
