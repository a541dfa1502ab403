#include "groups.h"

#include <metrics/core/codec.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <unordered_map>

namespace metrics::eval {
namespace {

std::optional<int64_t> as_integer(const std::string& name) {
  int64_t value = 0;
  const char* const end = name.data() + name.size();
  const auto [at, error] = std::from_chars(name.data(), end, value);
  return error == std::errc() && at == end ? std::optional(value) : std::nullopt;
}

/// What each rank gives, in rank order; all of one size.
std::vector<at::Tensor> gathered(ProcessGroup& group, const at::Tensor& own) {
  std::vector<std::vector<at::Tensor>> all(1);
  for (int64_t rank = 0; rank < group.world_size(); ++rank) all[0].push_back(at::empty_like(own));
  std::vector<at::Tensor> given = {own};
  group.c10d()->allgather(all, given)->wait();
  return std::move(all[0]);
}

/// Names with their numbers as bytes: a number, the length of the name, the name.
std::string packed(const std::map<std::string, int64_t>& numbers) {
  std::string bytes;
  const auto put = [&](int64_t number) { bytes.append(reinterpret_cast<const char*>(&number), sizeof(number)); };
  for (const auto& [name, number] : numbers) {
    put(number);
    put(static_cast<int64_t>(name.size()));
    bytes += name;
  }
  return bytes;
}

void add_packed(std::string_view bytes, std::map<std::string, int64_t>& numbers) {
  const auto take = [&] {
    int64_t number = 0;
    std::memcpy(&number, bytes.data(), sizeof(number));
    bytes.remove_prefix(sizeof(number));
    return number;
  };
  while (!bytes.empty()) {
    const int64_t number = take();
    const auto length = static_cast<std::size_t>(take());
    numbers[std::string(bytes.substr(0, length))] += number;
    bytes.remove_prefix(length);
  }
}

}  // namespace

std::vector<std::pair<std::string, at::Tensor>> rows_by_value(const std::vector<std::string>& values) {
  std::unordered_map<std::string_view, std::size_t> known;
  std::vector<std::pair<std::string, std::vector<int64_t>>> rows;
  for (std::size_t row = 0; row < values.size(); ++row) {
    const auto [place, is_new] = known.try_emplace(values[row], rows.size());
    if (is_new) rows.emplace_back(values[row], std::vector<int64_t>());
    rows[place->second].second.push_back(static_cast<int64_t>(row));
  }
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const auto& [value, indices] : rows) {
    at::Tensor tensor = at::empty({static_cast<int64_t>(indices.size())}, at::TensorOptions().dtype(at::kLong));
    std::copy(indices.begin(), indices.end(), tensor.mutable_data_ptr<int64_t>());
    tensors.emplace_back(value, std::move(tensor));
  }
  return tensors;
}

c10::IValue select_rows(const c10::IValue& column, const at::Tensor& rows) {
  if (column.isTensor()) return at::index_select(column.toTensor(), 0, rows);
  const std::vector<c10::IValue> elements = *metrics::detail::elements_of(column);
  std::vector<c10::IValue> chosen;
  const int64_t* indices = rows.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < rows.numel(); ++i) chosen.push_back(elements[static_cast<std::size_t>(indices[i])]);
  return metrics::detail::list_of(std::move(chosen));
}

Rows select_rows(const Rows& all, const at::Tensor& rows) {
  const auto chosen = [&](const std::optional<at::Tensor>& column) {
    return column ? std::optional(at::index_select(*column, 0, rows)) : std::nullopt;
  };
  return {.valid = chosen(all.valid), .ids = chosen(all.ids), .weights = chosen(all.weights)};
}

std::vector<std::pair<std::string, int64_t>> added_over_ranks(ProcessGroup& group,
                                                              const std::map<std::string, int64_t>& own) {
  std::map<std::string, int64_t> added;
  const std::string bytes = packed(own);
  if (group.world_size() == 1) {
    added = own;
  } else {
    // Sizes first, because Gloo ends the process when ranks disagree on them.
    const std::vector<at::Tensor> sizes =
        gathered(group, at::full({1}, static_cast<int64_t>(bytes.size()), at::TensorOptions().dtype(at::kLong)));
    int64_t most = 1;
    for (const at::Tensor& size : sizes) most = std::max(most, size.const_data_ptr<int64_t>()[0]);
    const at::Tensor padded = at::zeros({most}, at::TensorOptions().dtype(at::kByte));
    std::memcpy(padded.mutable_data_ptr<uint8_t>(), bytes.data(), bytes.size());
    const std::vector<at::Tensor> all = gathered(group, padded);
    for (std::size_t rank = 0; rank < all.size(); ++rank) {
      const auto size = static_cast<std::size_t>(sizes[rank].const_data_ptr<int64_t>()[0]);
      add_packed({reinterpret_cast<const char*>(all[rank].const_data_ptr<uint8_t>()), size}, added);
    }
  }
  std::vector<std::pair<std::string, int64_t>> sorted(added.begin(), added.end());
  const bool integers =
      std::all_of(sorted.begin(), sorted.end(), [](const auto& each) { return as_integer(each.first); });
  if (integers) {
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const auto& a, const auto& b) { return *as_integer(a.first) < *as_integer(b.first); });
  }
  return sorted;
}

}  // namespace metrics::eval
