#include "matrix.h"
#include <metrics/pairwise/cosine.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_vector_norm.h>

namespace metrics::functional {

namespace {

/// Rows of length 1. They are divided by their greatest number first, whose square might be no number.
Tensor of_length_one(const Tensor& rows) {
  if (rows.size(1) == 0) return rows;
  const Tensor wide = rows.to(at::kDouble);
  const Tensor scaled = wide / wide.detach().abs().amax(1, true);
  return (scaled / at::linalg_vector_norm(scaled, 2, 1, true)).to(rows.scalar_type());
}

}  // namespace

Tensor pairwise_cosine_similarity(const Tensor& x, const std::optional<Tensor>& y, const PairwiseOptions& options) {
  auto sides = pairwise::sides_of("pairwise_cosine_similarity", x, y, options, pairwise::OfIntegers::Floats);
  sides.x = of_length_one(sides.x);
  sides.y = y ? of_length_one(sides.y) : sides.x;
  return pairwise::products(sides);
}

}  // namespace metrics::functional
