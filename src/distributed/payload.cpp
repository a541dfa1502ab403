#include "payload.h"

#include <metrics/core/unit.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <cstring>
#include <numeric>
#include <utility>

namespace metrics::distributed {
namespace {

std::vector<int64_t> full_shape(const StateEntry& entry, bool grows) {
  std::vector<int64_t> shape;
  if (grows) shape.push_back(entry.rows);
  shape.insert(shape.end(), entry.shape.begin(), entry.shape.end());
  return shape;
}

void write_tensor(const Tensor& tensor, Tensor& payload, int64_t offset) {
  if (tensor.numel() == 0) return;
  const auto bytes = static_cast<int64_t>(tensor.nbytes());
  if (payload.is_cpu() && tensor.is_cpu() && tensor.is_contiguous() && !tensor.is_conj() && !tensor.is_neg()) {
    std::memcpy(payload.mutable_data_ptr<uint8_t>() + offset, tensor.const_data_ptr(), static_cast<std::size_t>(bytes));
    return;
  }
  payload.narrow(0, offset, bytes).view(tensor.scalar_type()).view(tensor.sizes()).copy_(tensor);
}

/// A view of bytes as a tensor; on the CPU without the cost of three operators.
Tensor view_of(const Tensor& payload, int64_t offset, const std::vector<int64_t>& shape, at::ScalarType dtype) {
  const int64_t elements = std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
  if (elements == 0) return at::empty(shape, payload.options().dtype(dtype));
  if (payload.is_cpu())
    return at::from_blob(payload.mutable_data_ptr<uint8_t>() + offset, shape, at::TensorOptions().dtype(dtype));
  return payload.narrow(0, offset, elements * static_cast<int64_t>(c10::elementSize(dtype))).view(dtype).view(shape);
}

}  // namespace

PayloadLayout lay_out(const Table& table, std::span<const Route> routes, at::DeviceType wire) {
  PayloadLayout layout;
  layout.states.resize(table.states.size());
  for (std::size_t i = 0; i < table.states.size(); ++i) {
    if (routes[i] != Route::Gather || table.states[i].wire != wire) continue;
    layout.states[i].offset = layout.bytes;
    layout.bytes += table.states[i].payload_bytes();
  }
  return layout;
}

void write_payload(std::span<const SyncItem> items, const Table& table, const PayloadLayout& layout, Tensor& payload) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    std::size_t index = table.items[i].first_state;
    for (const State& state : *items[i].states) {
      const StateEntry& entry = table.states[index];
      int64_t offset = layout.states[index++].offset;
      if (offset < 0) continue;
      if (entry.has_value) write_tensor(state.tensor().detach(), payload, offset);
      offset += aligned(entry.value_bytes());
      if (entry.has_residual) write_tensor(state.residual().detach(), payload, offset);
      offset += aligned(entry.residual_bytes());
      if (entry.items > 0)
        write_tensor(at::from_blob(const_cast<int64_t*>(state.item_ends().data()), {entry.items},
                                   at::TensorOptions().dtype(at::kLong)),
                     payload, offset);
    }
  }
}

StateParts read_payload(const Tensor& payload, int64_t offset, const StateEntry& entry, const AgreedState& agreed,
                        const State& like, at::Device device) {
  StateParts parts;
  if (agreed.has_value) {
    if (entry.has_value && (!like.grows() || entry.rows > 0)) {
      parts.value = view_of(payload, offset, full_shape(entry, like.grows()), entry.dtype);
    } else {
      // This rank has no rows: those of the others say which dtype and shape they would have.
      std::vector<int64_t> shape{0};
      shape.insert(shape.end(), agreed.shape.begin(), agreed.shape.end());
      parts.value = at::empty(shape, payload.options().dtype(agreed.dtype));
    }
    if (like.is_count() && parts.value.scalar_type() != agreed.dtype) {  // another rank's rows have weights
      State counts = like.fresh(parts.value.device());
      counts.assign(parts.value.clone(), {}, {});
      counts.weigh();
      parts.value = counts.tensor();
      parts.residual = counts.residual().to(device);
    }
    if (parts.value.scalar_type() != agreed.dtype || parts.value.device() != device)
      parts.value = parts.value.to(at::TensorOptions().dtype(agreed.dtype).device(device));
  }
  offset += aligned(entry.value_bytes());
  if (entry.has_residual) {
    parts.residual = view_of(payload, offset, full_shape(entry, like.grows()), at::kDouble);
    if (parts.residual.device() != device) parts.residual = parts.residual.to(device);
  }
  offset += aligned(entry.residual_bytes());
  if (entry.items > 0) {
    parts.item_ends.resize(static_cast<std::size_t>(entry.items));
    const Tensor ends = view_of(payload, offset, {entry.items}, at::kLong).to(at::kCPU);
    std::memcpy(parts.item_ends.data(), ends.const_data_ptr(), parts.item_ends.size() * sizeof(int64_t));
  }
  return parts;
}

}  // namespace metrics::distributed
