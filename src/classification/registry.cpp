#include "../registry.h"

#include <metrics/core/define.h>

namespace metrics {

Domain classification_domain() {
  return {.name = "classification", .metrics = {}, .routers = {}};
}

}  // namespace metrics
