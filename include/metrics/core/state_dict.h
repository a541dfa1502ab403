#pragma once

#include <metrics/core/rows.h>

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace metrics {

/// A state as torchmetrics saves it: a tensor, or for a state that grows the list of its tensors.
using StateValue = std::variant<Tensor, std::vector<Tensor>>;

/// The states of one or more metrics in memory, under `prefix + state`.
struct StateDict {
  using MetadataValue = std::variant<int64_t, std::string, Tensor>;
  using Metadata = std::map<std::string, MetadataValue, std::less<>>;

  std::map<std::string, StateValue, std::less<>> states;
  /// Per prefix (without its last dot, as in `torch.nn.Module`): what torchmetrics has no key for, such as the update
  /// count. Python's strict load accepts it there, and would fail on extra keys in `states`.
  std::map<std::string, Metadata, std::less<>> metadata;
};

}  // namespace metrics
