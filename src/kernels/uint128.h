#pragma once

namespace metrics::kernels {

/// Wide enough for a product of two counts. The standard does not know it, g++ and clang do.
__extension__ typedef unsigned __int128 uint128;

}  // namespace metrics::kernels
