#include "matrix.h"
#include <metrics/pairwise/euclidean.h>

namespace metrics::functional {

Tensor pairwise_euclidean_distance(const Tensor& x, const std::optional<Tensor>& y, const PairwiseOptions& options) {
  const auto sides = pairwise::sides_of("pairwise_euclidean_distance", x, y, options, pairwise::OfIntegers::Floats);
  return pairwise::distances(sides, 2);
}

}  // namespace metrics::functional
