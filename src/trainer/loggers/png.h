#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace metrics::trainer {

/// A picture as the bytes of a PNG file. `pixels`: uint8 of [H, W, 3], contiguous on the CPU, neither side 0.
std::string png_of(const at::Tensor& pixels);

}  // namespace metrics::trainer
