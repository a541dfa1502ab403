#include "matrix.h"
#include <metrics/pairwise/manhattan.h>

namespace metrics::functional {

Tensor pairwise_manhattan_distance(const Tensor& x, const std::optional<Tensor>& y, const PairwiseOptions& options) {
  const auto sides = pairwise::sides_of("pairwise_manhattan_distance", x, y, options, pairwise::OfIntegers::Integers);
  return pairwise::distances(sides, 1);
}

}  // namespace metrics::functional
