#include "batches.h"

#include "value.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>

namespace metrics::testing {
namespace {

using at::Tensor;
using c10::IValue;

/// Calls `function` for each input that has rows; the others stay.
template <class Function>
Batch with_rows_by(const Batch& batch, const Function& function) {
  Batch result;
  for (const auto& [name, value] : batch)
    result.emplace(name, value.isTensor() || value.isList() ? function(value, name) : value);
  return result;
}

bool is_of_whole_batch(const IValue& value) {
  return value.isBool() || value.isNone();
}

std::optional<int64_t> row_count(const IValue& value) {
  if (value.isList()) return static_cast<int64_t>(value.toListRef().size());
  if (value.isTensor() && value.toTensor().dim() > 0) return value.toTensor().size(0);
  return std::nullopt;
}

IValue as_row(const IValue& value) {
  if (is_of_whole_batch(value) || row_count(value)) return value;
  if (value.isTensor()) return value.toTensor().reshape({1});
  if (value.isScalar()) return at::scalar_tensor(value.toScalar(), at::TensorOptions().dtype(at::kFloat)).reshape({1});
  return list_of({value});
}

IValue taken_rows(const IValue& value, const Tensor& index) {
  if (value.isTensor()) return value.toTensor().index_select(0, index);
  std::vector<IValue> elements;
  const auto all = value.toListRef();
  for (int64_t i = 0; i < index.numel(); ++i)
    elements.push_back(all[static_cast<std::size_t>(index[i].item<int64_t>())]);
  return list_of(elements);
}

/// The parts of an input in a row; nothing where they are of the whole batch and differ.
std::optional<IValue> joined_inputs(const std::vector<IValue>& parts) {
  const IValue& first = parts.front();
  if (is_of_whole_batch(first)) {
    const bool same = std::all_of(parts.begin(), parts.end(), [&](const IValue& part) { return part == first; });
    return same ? std::optional(first) : std::nullopt;
  }
  std::vector<Tensor> tensors;
  std::vector<IValue> elements;
  for (const auto& part : parts) {
    const IValue rows = as_row(part);
    if (rows.isTensor())
      tensors.push_back(rows.toTensor());
    else
      for (const auto& element : rows.toListRef()) elements.push_back(element);
  }
  return tensors.empty() ? list_of(elements) : IValue(at::cat(tensors));
}

/// Rows that would be refused, or change any value, if they were looked at.
Tensor garbage_rows(const Tensor& like, int64_t count) {
  std::vector<int64_t> sizes = like.sizes().vec();
  if (!sizes.empty()) sizes[0] = count;
  if (like.scalar_type() == at::kBool) return at::full(sizes, true, like.options());
  if (!like.is_floating_point()) return at::full(sizes, 99, like.options());
  Tensor rows = at::full(sizes, std::numeric_limits<double>::quiet_NaN(), like.options());
  if (count > 1 && !sizes.empty()) rows.narrow(0, 1, 1).fill_(-1e4);
  return rows;
}

/// A value of the kind of `like` that means nothing; strings differ between the inputs, which `name` tells apart.
IValue garbage_like(const IValue& like, const std::string& name) {
  if (like.isTensor()) return garbage_rows(like.toTensor(), 2);
  if (like.isString()) return "garbage \xff in " + name;
  if (like.isInt()) return int64_t{99};
  if (like.isDouble()) return std::numeric_limits<double>::quiet_NaN();
  if (like.isList()) {
    std::vector<IValue> elements;
    for (const auto& element : like.toListRef()) elements.push_back(garbage_like(element, name));
    return list_of(elements);
  }
  if (like.isGenericDict()) {
    c10::impl::GenericDict entries(c10::StringType::get(), c10::AnyType::get());
    for (const auto& entry : like.toGenericDict()) entries.insert(entry.key(), garbage_like(entry.value(), name));
    return entries;
  }
  return like;
}

/// `count` rows of garbage as `rows`, a tensor or a list, would have them.
IValue garbage_rows_like(const IValue& rows, int64_t count, const std::string& name) {
  if (rows.isTensor()) return garbage_rows(rows.toTensor(), count);
  return list_of(std::vector<IValue>(static_cast<std::size_t>(count), garbage_like(rows.toListRef().front(), name)));
}

IValue slice(const IValue& rows, int64_t begin, int64_t size) {
  if (rows.isTensor()) return rows.toTensor().narrow(0, begin, size);
  const auto all = rows.toListRef().slice(static_cast<std::size_t>(begin), static_cast<std::size_t>(size));
  return list_of(all.vec());
}

}  // namespace

bool has_rows(const Batch& batch) {
  std::optional<int64_t> rows;
  for (const auto& [name, value] : batch) {
    if (is_of_whole_batch(value)) continue;
    const auto count = row_count(value);
    if (!count || (rows && *count != *rows)) return false;
    rows = count;
  }
  return rows.has_value();
}

bool has_one_row(const Batch& batch) {
  const auto whole = [](const auto& input) { return is_of_whole_batch(input.second); };
  const auto rows = [](const auto& input) { return row_count(input.second).has_value(); };
  return !std::all_of(batch.begin(), batch.end(), whole) && std::none_of(batch.begin(), batch.end(), rows);
}

int64_t rows_of(const Batch& batch) {
  for (const auto& [name, value] : batch)
    if (const auto count = row_count(value)) return *count;
  return 1;
}

Batch as_rows(const Batch& batch) {
  Batch result;
  for (const auto& [name, value] : batch) result.emplace(name, as_row(value));
  return result;
}

std::optional<Batch> joined(const std::vector<Batch>& batches) {
  Batch result;
  if (batches.empty()) return result;
  for (const auto& [name, first] : batches.front()) {
    std::vector<IValue> parts;
    for (const auto& batch : batches) parts.push_back(batch.at(name));
    auto whole = joined_inputs(parts);
    if (!whole) return std::nullopt;
    result.emplace(name, std::move(*whole));
  }
  return result;
}

std::vector<Batch> split(const Batch& whole, const std::vector<int64_t>& sizes) {
  std::vector<Batch> batches;
  int64_t begin = 0;
  for (const int64_t size : sizes) {
    batches.push_back(
        with_rows_by(whole, [&](const IValue& rows, const std::string&) { return slice(rows, begin, size); }));
    begin += size;
  }
  return batches;
}

Batch taken(const Batch& batch, const Tensor& index) {
  return with_rows_by(batch, [&](const IValue& rows, const std::string&) { return taken_rows(rows, index); });
}

Batch kept(const Batch& batch, const Tensor& valid) {
  return taken(batch, valid.nonzero().reshape({-1}));
}

Batch with_tensors(const Batch& batch, const std::function<Tensor(const Tensor&)>& function) {
  Batch result;
  for (const auto& [name, value] : batch) result.emplace(name, with_tensors(value, function));
  return result;
}

Batch with_dtype(const Batch& batch, at::ScalarType dtype) {
  return with_tensors(batch, [&](const Tensor& t) { return t.is_floating_point() ? t.to(dtype) : t; });
}

bool has_floats(const Batch& batch) {
  bool found = false;
  with_tensors(batch, [&](const Tensor& tensor) {
    found = found || tensor.is_floating_point();
    return tensor;
  });
  return found;
}

Batch on_device(const Batch& batch, at::Device device) {
  return with_tensors(batch, [&](const Tensor& tensor) { return tensor.to(device); });
}

Batch copied(const Batch& batch) {
  return with_tensors(batch, [](const Tensor& tensor) { return tensor.clone(); });
}

PaddedBatch with_garbage(const Batch& batch) {
  const int64_t rows = rows_of(batch);
  const int64_t before = rows / 2;
  const bool nothing_to_imitate =
      rows == 0 && std::any_of(batch.begin(), batch.end(), [](const auto& input) { return input.second.isList(); });
  if (nothing_to_imitate) return {batch, at::ones({0}, at::TensorOptions().dtype(at::kBool))};
  const auto padded = [&](const IValue& all, const std::string& name) {
    return *joined_inputs({garbage_rows_like(all, 2, name), slice(all, 0, before), garbage_rows_like(all, 1, name),
                           slice(all, before, rows - before), garbage_rows_like(all, 2, name)});
  };
  Tensor valid = at::zeros({rows + 5}, at::TensorOptions().dtype(at::kBool));
  valid.narrow(0, 2, before).fill_(true);
  valid.narrow(0, 3 + before, rows - before).fill_(true);
  return {with_rows_by(batch, padded), valid};
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

void update(Metric& metric, const Batch& batch, const std::optional<Tensor>& valid) {
  metric.update({}, inputs_of(batch), rows_with(batch, valid));
}

IValue forward(Metric& metric, const Batch& batch, const std::optional<Tensor>& valid) {
  return metric.forward({}, inputs_of(batch), rows_with(batch, valid));
}

Kwargs inputs_of(const Batch& batch) {
  Kwargs inputs;
  std::map<std::string, c10::impl::GenericDict> dicts;
  for (const auto& [name, value] : batch) {
    if (name == ids_name || name == weights_name) continue;
    const std::size_t slash = name.find('/');
    if (slash == std::string::npos) {
      inputs.emplace(name, value);
      continue;
    }
    const auto dict = dicts.try_emplace(name.substr(0, slash), c10::StringType::get(), c10::AnyType::get()).first;
    dict->second.insert(name.substr(slash + 1), value);
  }
  for (const auto& [name, entries] : dicts) inputs.emplace(name, entries);
  return inputs;
}

Rows rows_with(const Batch& batch, const std::optional<Tensor>& valid) {
  const auto found = [&](std::string_view name) {
    const auto tensor = batch.find(name);
    return tensor == batch.end() ? std::nullopt : std::optional(tensor->second.toTensor());
  };
  return {.valid = valid, .ids = found(ids_name), .weights = found(weights_name)};
}

bool has_queries(const Batch& batch) {
  const auto indexes = batch.find("indexes");
  return indexes != batch.end() && indexes->second.isTensor() && indexes->second.toTensor().scalar_type() == at::kLong;
}

Batch with_a_document_each(const Batch& batch) {
  if (batch.at("indexes").toTensor().dim() == 1) return batch;
  return with_tensors(batch, [](const Tensor& tensor) { return tensor.reshape({-1}); });
}

Batch of_other_queries(const Batch& batch, int64_t copy) {
  constexpr int64_t far = 0x5851F42D4C957F2D;  // indexes may be any numbers: the sum wraps
  Batch moved = batch;
  const auto offset = static_cast<int64_t>(static_cast<uint64_t>(far) * static_cast<uint64_t>(copy));
  moved.insert_or_assign("indexes", batch.at("indexes").toTensor() + offset);
  return moved;
}

Batch weighted(const Batch& batch, const Tensor& weights) {
  Batch with_weights = batch;
  with_weights.insert_or_assign(std::string(weights_name), weights);
  return with_weights;
}

}  // namespace metrics::testing
