#pragma once

#include <metrics/core/rows.h>
#include <metrics/detection/boxes.h>

#include <c10/util/SmallVector.h>

#include <algorithm>
#include <cstdint>
#include <span>

namespace metrics::detection {

/// Boxes as float64 [n, 4] in the format xyxy, contiguous, with their history.
Tensor corners(const Tensor& boxes, BoxFormat format);

/// The corners of one box.
struct Corners {
  double left, top, right, bottom;
};

/// Those of boxes on the CPU, as numbers.
class CornersOf {
 public:
  CornersOf(const Tensor& boxes, BoxFormat format);
  std::span<const Corners> all() const { return {corners_.data(), corners_.size()}; }

 private:
  c10::SmallVector<Corners, 32> corners_;
};

/// Area of intersection over area of union of two boxes; NaN where both have no area.
inline double iou(const Corners& a, const Corners& b) {
  const double width = std::max(std::min(a.right, b.right) - std::max(a.left, b.left), 0.0);
  const double height = std::max(std::min(a.bottom, b.bottom) - std::max(a.top, b.top), 0.0);
  const double both = width * height;
  const auto area = [](const Corners& box) { return (box.right - box.left) * (box.bottom - box.top); };
  return both / (area(a) + area(b) - both);
}

/// Area of intersection over area of union of each pair of corners [n, 4] and [m, 4]: float64 [n, m]. NaN where both
/// boxes have no area.
Tensor pairwise_iou(const Tensor& preds, const Tensor& target);

}  // namespace metrics::detection
