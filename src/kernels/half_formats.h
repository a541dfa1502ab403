#pragma once

#include "multiversioned.h"

#include <bit>
#include <cstdint>

// Half-precision numbers in memory, and their exact widening to float inside of multiversioned kernels.

namespace metrics::kernels {

struct BFloat16 {
  uint16_t bits;
};
struct Half {
  uint16_t bits;
};

METRICS_INLINE float wide(BFloat16 x) {
  return std::bit_cast<float>(uint32_t{x.bits} << 16);
}

// In integers because the compiler vectorises it without half instructions: the exponent is moved and corrected by a
// product.
METRICS_INLINE float wide(Half x) {
  const uint32_t magnitude = (x.bits & 0x7fffu) << 13;
  const uint32_t scaled = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f);
  const uint32_t special = (x.bits & 0x7c00u) == 0x7c00u ? 0x7f800000u : 0u;
  return std::bit_cast<float>(scaled | special | (x.bits & 0x8000u) << 16);
}

}  // namespace metrics::kernels
