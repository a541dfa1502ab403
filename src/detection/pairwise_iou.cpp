#include "pairwise_iou.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <c10/core/GradMode.h>

#include <algorithm>

namespace metrics::detection {

namespace {

/// The same in tensors, for gradients and for devices.
Tensor pairwise_iou_of_tensors(const Tensor& preds, const Tensor& target) {
  const auto area = [](const Tensor& box) {
    return (box.select(-1, 2) - box.select(-1, 0)) * (box.select(-1, 3) - box.select(-1, 1));
  };
  const Tensor rows = preds.unsqueeze(1);
  const Tensor columns = target.unsqueeze(0);
  const Tensor first = at::maximum(rows.narrow(-1, 0, 2), columns.narrow(-1, 0, 2));
  const Tensor last = at::minimum(rows.narrow(-1, 2, 2), columns.narrow(-1, 2, 2));
  const Tensor sides = (last - first).clamp_min(0);
  const Tensor both = sides.select(-1, 0) * sides.select(-1, 1);
  return both / (area(rows) + area(columns) - both);
}

double iou(const double* a, const double* b) {
  const double width = std::max(std::min(a[2], b[2]) - std::max(a[0], b[0]), 0.0);
  const double height = std::max(std::min(a[3], b[3]) - std::max(a[1], b[1]), 0.0);
  const double both = width * height;
  return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both);
}

}  // namespace

Tensor corners(const Tensor& boxes, BoxFormat format) {
  const Tensor given = boxes.numel() == 0 ? boxes.reshape({0, 4}) : boxes;
  const Tensor wide = given.to(at::kDouble).contiguous();
  if (format == BoxFormat::Xyxy) return wide;
  const Tensor position = wide.narrow(1, 0, 2);
  const Tensor size = wide.narrow(1, 2, 2);
  const Tensor first = format == BoxFormat::Xywh ? position : position - size / 2;
  return at::cat({first, first + size}, 1);
}

Tensor pairwise_iou(const Tensor& preds, const Tensor& target) {
  const bool differentiable = at::GradMode::is_enabled() && (preds.requires_grad() || target.requires_grad());
  if (differentiable || !preds.is_cpu()) return pairwise_iou_of_tensors(preds, target);
  const int64_t n = preds.size(0);
  const int64_t m = target.size(0);
  Tensor values = at::empty({n, m}, at::kDouble);
  const double* a = preds.const_data_ptr<double>();
  const double* b = target.const_data_ptr<double>();
  double* value = values.mutable_data_ptr<double>();
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < m; ++j) *value++ = iou(a + 4 * i, b + 4 * j);
  }
  return values;
}

}  // namespace metrics::detection
