#include "../registry.h"

#include <metrics/core/define.h>
#include <metrics/shape/procrustes.h>

namespace metrics {

Domain shape_domain() {
  constexpr std::string_view domain = "shape";
  return {.name = domain, .metrics = {entry<ProcrustesDisparity>(domain)}, .routers = {}};
}

}  // namespace metrics
