#include "../registry.h"

#include <metrics/core/define.h>
#include <metrics/detection/iou.h>

namespace metrics {

Domain detection_domain() {
  constexpr std::string_view domain = "detection";
  return {.name = domain, .metrics = {entry<IntersectionOverUnion>(domain)}, .routers = {}};
}

}  // namespace metrics
