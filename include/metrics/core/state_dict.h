#pragma once

#include <metrics/core/rows.h>
#include <metrics/export.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace metrics {

/// A state as torchmetrics saves it: a tensor, or for a state that grows the list of its tensors.
using StateValue = std::variant<Tensor, std::vector<Tensor>>;
using StatesByName = std::map<std::string, StateValue, std::less<>>;

/// The states of one or more metrics in memory, under `prefix + state`.
struct StateDict {
  using MetadataValue = std::variant<int64_t, std::string, Tensor>;
  using Metadata = std::map<std::string, MetadataValue, std::less<>>;

  StatesByName states;
  /// Per prefix (without its last dot, as in `torch.nn.Module`): what torchmetrics has no key for, such as the update
  /// count. Python's strict load accepts it there, and would fail on extra keys in `states`.
  std::map<std::string, Metadata, std::less<>> metadata;

  static constexpr const char* update_count_key = "metrics.update_count";
  static constexpr const char* options_key = "metrics.options";

  /// The metadata of what is saved under `prefix`.
  METRICS_API Metadata& metadata_of(const std::string& prefix);
  /// The same; null where there is none.
  METRICS_API const Metadata* find_metadata_of(const std::string& prefix) const;
  /// The update count that is saved under `prefix`, if there is one. Throws InvalidArgument for anything else.
  METRICS_API std::optional<int64_t> update_count_of(const std::string& prefix) const;
};

}  // namespace metrics
