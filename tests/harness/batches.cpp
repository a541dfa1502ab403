#include "batches.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <limits>
#include <numeric>

namespace metrics::testing {
namespace {

using at::Tensor;

template <class Function>
Batch mapped(const Batch& batch, const Function& function) {
  Batch result;
  for (const auto& [name, value] : batch)
    result.emplace(name, value.isTensor() ? c10::IValue(function(value.toTensor())) : value);
  return result;
}

Tensor rows_of_input(const c10::IValue& value) {
  const Tensor tensor =
      value.isTensor() ? value.toTensor() : at::scalar_tensor(value.toScalar(), at::TensorOptions().dtype(at::kFloat));
  return tensor.dim() == 0 ? tensor.reshape({1}) : tensor;
}

/// Rows that would be refused, or change any value, if they were looked at.
Tensor garbage_rows(const Tensor& like, int64_t count) {
  std::vector<int64_t> sizes = like.sizes().vec();
  sizes[0] = count;
  if (like.scalar_type() == at::kBool) return at::full(sizes, true, like.options());
  if (!like.is_floating_point()) return at::full(sizes, 99, like.options());
  Tensor rows = at::full(sizes, std::numeric_limits<double>::quiet_NaN(), like.options());
  if (count > 1) rows.narrow(0, 1, 1).fill_(-1e4);
  return rows;
}

}  // namespace

bool has_rows(const Batch& batch) {
  int64_t rows = -1;
  for (const auto& [name, value] : batch) {
    if (!value.isTensor() || value.toTensor().dim() == 0) return false;
    if (rows >= 0 && value.toTensor().size(0) != rows) return false;
    rows = value.toTensor().size(0);
  }
  return rows >= 0;
}

int64_t rows_of(const Batch& batch) {
  for (const auto& [name, value] : batch)
    if (value.isTensor() && value.toTensor().dim() > 0) return value.toTensor().size(0);
  return 1;
}

Batch joined(const std::vector<Batch>& batches) {
  Batch result;
  if (batches.empty()) return result;
  for (const auto& [name, first] : batches.front()) {
    std::vector<Tensor> parts;
    for (const auto& batch : batches) parts.push_back(rows_of_input(batch.at(name)));
    result.emplace(name, at::cat(parts));
  }
  return result;
}

std::vector<Batch> split(const Batch& whole, const std::vector<int64_t>& sizes) {
  std::vector<Batch> batches;
  int64_t begin = 0;
  for (const int64_t size : sizes) {
    batches.push_back(mapped(whole, [&](const Tensor& tensor) { return tensor.narrow(0, begin, size); }));
    begin += size;
  }
  return batches;
}

Batch taken(const Batch& batch, const Tensor& index) {
  return mapped(batch, [&](const Tensor& tensor) { return tensor.index_select(0, index); });
}

Batch kept(const Batch& batch, const Tensor& valid) {
  return taken(batch, valid.nonzero().reshape({-1}));
}

Batch with_dtype(const Batch& batch, at::ScalarType dtype) {
  return mapped(batch, [&](const Tensor& tensor) { return tensor.is_floating_point() ? tensor.to(dtype) : tensor; });
}

bool has_floats(const Batch& batch) {
  return std::any_of(batch.begin(), batch.end(), [](const auto& entry) {
    return entry.second.isTensor() && entry.second.toTensor().is_floating_point();
  });
}

Batch on_device(const Batch& batch, at::Device device) {
  return mapped(batch, [&](const Tensor& tensor) { return tensor.to(device); });
}

Batch copied(const Batch& batch) {
  return mapped(batch, [](const Tensor& tensor) { return tensor.clone(); });
}

PaddedBatch with_garbage(const Batch& batch) {
  const int64_t rows = rows_of(batch);
  const int64_t before = rows / 2;
  const auto padded = [&](const Tensor& tensor) {
    return at::cat({garbage_rows(tensor, 2), tensor.narrow(0, 0, before), garbage_rows(tensor, 1),
                    tensor.narrow(0, before, rows - before), garbage_rows(tensor, 2)});
  };
  Tensor valid = at::zeros({rows + 5}, at::TensorOptions().dtype(at::kBool));
  valid.narrow(0, 2, before).fill_(true);
  valid.narrow(0, 3 + before, rows - before).fill_(true);
  return {mapped(batch, padded), valid};
}

Tensor permutation(int64_t count) {
  Tensor order = at::empty({count}, at::TensorOptions().dtype(at::kLong));
  auto* index = order.mutable_data_ptr<int64_t>();
  std::iota(index, index + count, int64_t{0});
  uint64_t state = 0x9E3779B97F4A7C15ULL;
  for (int64_t i = count - 1; i > 0; --i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    std::swap(index[i], index[static_cast<int64_t>((state >> 33) % static_cast<uint64_t>(i + 1))]);
  }
  return order;
}

}  // namespace metrics::testing
