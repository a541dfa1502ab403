#include "matrix.h"
#include <metrics/pairwise/linear.h>

namespace metrics::functional {

Tensor pairwise_linear_similarity(const Tensor& x, const std::optional<Tensor>& y, const PairwiseOptions& options) {
  const auto sides = pairwise::sides_of("pairwise_linear_similarity", x, y, options, pairwise::OfIntegers::Integers);
  return pairwise::products(sides);
}

}  // namespace metrics::functional
