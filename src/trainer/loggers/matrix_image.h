#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace metrics::trainer {

/// The most classes whose matrix is drawn.
constexpr int64_t kMostDrawnClasses = 1024;

/// Whether a value is a matrix of [C, C] that is drawn: of more than one class, and of real numbers.
bool is_drawn_matrix(const at::Tensor& value);

/// A picture of a confusion matrix, uint8 of [H, W, 3], its rows from above to below: a cell is as dark as its share of
/// its row's sum, white for none of it and dark blue for all; what is negative or no number is white. Where cells are
/// large enough, the numbers of the classes stand at the left and above.
at::Tensor matrix_image(const at::Tensor& matrix);

}  // namespace metrics::trainer
