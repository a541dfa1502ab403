#pragma once

#include <metrics/core/rows.h>
#include <metrics/detection/boxes.h>

namespace metrics::detection {

/// Boxes as float64 [n, 4] in the format xyxy, contiguous, with their history.
Tensor corners(const Tensor& boxes, BoxFormat format);

/// Area of intersection over area of union of each pair of corners [n, 4] and [m, 4]: float64 [n, m]. NaN where both
/// boxes have no area.
Tensor pairwise_iou(const Tensor& preds, const Tensor& target);

}  // namespace metrics::detection
