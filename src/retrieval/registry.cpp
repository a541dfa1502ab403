#include "../registry.h"

#include <metrics/core/define.h>
#include <metrics/retrieval/hit_rate.h>
#include <metrics/retrieval/reciprocal_rank.h>

namespace metrics {

Domain retrieval_domain() {
  constexpr std::string_view domain = "retrieval";
  return {.name = domain, .metrics = {entry<RetrievalHitRate>(domain), entry<RetrievalMRR>(domain)}, .routers = {}};
}

}  // namespace metrics
