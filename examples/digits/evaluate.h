#pragma once

#include "report.h"

#include <filesystem>

namespace digits {

/// Evaluates saved scores together with the other ranks that the environment names. Each rank takes every
/// `world_size`-th row, so that no row is left out and none is seen twice, whatever the number of ranks; all ranks
/// return the same report.
Report evaluate(const Array<float>& scores, std::span<const uint8_t> labels);

}  // namespace digits
