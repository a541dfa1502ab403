#include "../registry.h"

#include <metrics/core/define.h>
#include <metrics/pairwise/cosine.h>
#include <metrics/pairwise/euclidean.h>
#include <metrics/pairwise/linear.h>
#include <metrics/pairwise/manhattan.h>
#include <metrics/pairwise/minkowski.h>

namespace metrics {

Domain pairwise_domain() {
  constexpr std::string_view domain = "pairwise";
  return {.name = domain,
          .metrics = {},
          .routers = {},
          .functionals = {
              function<&functional::pairwise_cosine_similarity>("pairwise_cosine_similarity", {"x", "y"}, domain),
              function<&functional::pairwise_euclidean_distance>("pairwise_euclidean_distance", {"x", "y"}, domain),
              function<&functional::pairwise_linear_similarity>("pairwise_linear_similarity", {"x", "y"}, domain),
              function<&functional::pairwise_manhattan_distance>("pairwise_manhattan_distance", {"x", "y"}, domain),
              function<&functional::pairwise_minkowski_distance>("pairwise_minkowski_distance", {"x", "y"}, domain)}};
}

}  // namespace metrics
