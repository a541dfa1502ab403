#include "../registry.h"

#include "../core/functional_entry.h"
#include <metrics/image/fid.h>
#include <metrics/image/psnr.h>

namespace metrics {

Domain image_domain() {
  constexpr std::string_view domain = "image";
  return {.name = domain,
          .metrics = {entry<FrechetInceptionDistance>(domain),
                      functional_entry<PeakSignalNoiseRatio, functional::peak_signal_noise_ratio>(domain)},
          .routers = {}};
}

}  // namespace metrics
