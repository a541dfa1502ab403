#include "matrix.h"
#include <metrics/core/errors.h>
#include <metrics/pairwise/minkowski.h>

#include <cmath>

namespace metrics::functional {

Tensor pairwise_minkowski_distance(const Tensor& x, const std::optional<Tensor>& y,
                                   const PairwiseMinkowskiOptions& options) {
  constexpr const char* name = "pairwise_minkowski_distance";
  if (!(options.exponent >= 1) || std::isinf(options.exponent)) {
    throw InvalidArgument(c10::str(name, ": option `exponent` expects a number of at least 1, got ", options.exponent));
  }
  const auto sides = pairwise::sides_of(name, x, y, subset<PairwiseOptions>(options), pairwise::OfIntegers::Floats);
  return pairwise::distances(sides, options.exponent);
}

}  // namespace metrics::functional
