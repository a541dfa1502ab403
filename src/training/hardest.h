#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace metrics::training {

/// Of each row of a batch the farthest one of its label, and the nearest of another.
struct Hardest {
  std::vector<int64_t> positives, negatives;
};

/// Finds them by distances in float64, the first of equal ones, of few candidates that a product in float32 leaves by a
/// margin for its rounding. `vectors`: [N, D], finite; `labels`: of each row one of the numbers that labels have, of
/// which there are two at least, with two rows each. Nothing where a product in float32 does not help: on another
/// device, of float64, and where squares leave what float32 can hold.
std::optional<Hardest> hardest_by_products(const at::Tensor& vectors, const std::vector<int32_t>& labels);

}  // namespace metrics::training
