#include "../registry.h"

#include <metrics/core/define.h>
#include <metrics/text/wer.h>

namespace metrics {

Domain text_domain() {
  constexpr std::string_view domain = "text";
  return {.name = domain, .metrics = {entry<WordErrorRate>(domain)}, .routers = {}};
}

}  // namespace metrics
