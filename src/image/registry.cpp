#include "../registry.h"

#include <metrics/core/define.h>
#include <metrics/image/fid.h>
#include <metrics/image/psnr.h>

namespace metrics {

Domain image_domain() {
  constexpr std::string_view domain = "image";
  return {.name = domain,
          .metrics = {entry<FrechetInceptionDistance>(domain), entry<PeakSignalNoiseRatio>(domain)},
          .routers = {}};
}

}  // namespace metrics
