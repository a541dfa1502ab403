#include "json_tensor.h"

#include <metrics/core/errors.h>

#include <ATen/ops/tensor.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace from_json {
namespace {

using nlohmann::json;

void flatten(const json& value, const std::vector<int64_t>& shape, size_t depth, std::vector<const json*>& leaves) {
  if (depth == shape.size()) {
    if (!value.is_number() && !value.is_boolean()) {
      throw metrics::InvalidArgument("a tensor holds numbers, got " + value.dump());
    }
    leaves.push_back(&value);
    return;
  }
  if (!value.is_array() || static_cast<int64_t>(value.size()) != shape[depth]) {
    throw metrics::InvalidArgument("a tensor's lists have equal lengths, expected " + std::to_string(shape[depth]) +
                                   " elements in " + value.dump());
  }
  for (const json& element : value) flatten(element, shape, depth + 1, leaves);
}

template <class T>
std::vector<T> values(const std::vector<const json*>& leaves) {
  std::vector<T> all;
  for (const json* leaf : leaves)
    all.push_back(leaf->is_boolean() ? static_cast<T>(leaf->get<bool>()) : leaf->get<T>());
  return all;
}

}  // namespace

at::Tensor tensor(const json& value) {
  std::vector<int64_t> shape;
  for (const json* list = &value; list->is_array(); list = &list->front()) {
    shape.push_back(static_cast<int64_t>(list->size()));
    if (list->empty()) break;
  }
  std::vector<const json*> leaves;
  flatten(value, shape, 0, leaves);
  const bool booleans =
      !leaves.empty() && std::ranges::all_of(leaves, [](const json* leaf) { return leaf->is_boolean(); });
  const bool whole =
      !leaves.empty() && std::ranges::none_of(leaves, [](const json* leaf) { return leaf->is_number_float(); });
  if (booleans) return at::tensor(values<int64_t>(leaves)).view(shape).to(at::kBool);
  if (whole) return at::tensor(values<int64_t>(leaves)).view(shape);
  return at::tensor(values<float>(leaves)).view(shape);
}

}  // namespace from_json
