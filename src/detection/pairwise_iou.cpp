#include "pairwise_iou.h"

#include "kernels/plain_tensor.h"

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

template <class T>
Corners corners_of(const T* box, BoxFormat format) {
  const double x = static_cast<double>(box[0]), y = static_cast<double>(box[1]);
  const double z = static_cast<double>(box[2]), w = static_cast<double>(box[3]);
  if (format == BoxFormat::Xyxy) return {x, y, z, w};
  const double left = format == BoxFormat::Xywh ? x : x - z / 2;
  const double top = format == BoxFormat::Xywh ? y : y - w / 2;
  return {left, top, left + z, top + w};
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

CornersOf::CornersOf(const Tensor& boxes, BoxFormat format) {
  const bool is_float = boxes.scalar_type() == at::kFloat;
  const bool is_readable = kernels::is_plain(boxes) && (is_float || boxes.scalar_type() == at::kDouble);
  const Tensor numbers = is_readable ? boxes : boxes.detach().to(at::kDouble).contiguous();
  const int64_t count = numbers.numel() / 4;
  corners_.reserve(static_cast<std::size_t>(count));
  const auto take = [&](const auto* first) {
    for (int64_t i = 0; i < count; ++i) corners_.push_back(corners_of(first + 4 * i, format));
  };
  is_readable&& is_float ? take(numbers.const_data_ptr<float>()) : take(numbers.const_data_ptr<double>());
}

Tensor pairwise_iou(const Tensor& preds, const Tensor& target) {
  const bool differentiable = at::GradMode::is_enabled() && (preds.requires_grad() || target.requires_grad());
  if (differentiable || !preds.is_cpu()) return pairwise_iou_of_tensors(preds, target);
  const int64_t n = preds.size(0);
  const int64_t m = target.size(0);
  Tensor values = at::empty({n, m}, at::kDouble);
  const CornersOf a(preds, BoxFormat::Xyxy), b(target, BoxFormat::Xyxy);
  double* value = values.mutable_data_ptr<double>();
  for (const Corners& x : a.all()) {
    for (const Corners& y : b.all()) *value++ = iou(x, y);
  }
  return values;
}

}  // namespace metrics::detection
