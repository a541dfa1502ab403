#pragma once

#include <metrics/core/metric.h>
#include <metrics/core/state_dict.h>
#include <metrics/export.h>
#include <metrics/io/files.h>

#include <filesystem>
#include <string>
#include <vector>

namespace metrics::io {

/// Where in a file states are.
struct StatesAt {
  /// The dicts on the way to them: `{"callbacks", "metrics"}`. Where it is not empty, classes that the reader does not
  /// know may stand elsewhere in the file.
  std::vector<std::string> within = {};
  /// What stands before the names of states: `"model.accuracy."`.
  std::string prefix = {};
  /// As in Python's `load_state_dict`.
  bool strict = true;
};

/// Writes a metric's states, whether it is persistent or not: as safetensors where the name ends so, else as torch.save
/// does. In Python, `torchmetrics` takes what `torch.load(file)` gives by its strict `load_state_dict`.
METRICS_API void save(const Metric& metric, const std::filesystem::path& file, const std::string& prefix = "");

/// Replaces a metric's states by those of a file, in either format, that this library or Python wrote. Throws
/// FormatError for what is no such file, InvalidArgument that names the key for states that are not the metric's; then
/// nothing has changed.
METRICS_API void load(Metric& metric, const std::filesystem::path& file, const StatesAt& at = {});

/// States of one or more metrics, as `Metric::save_state_dict` adds them.
METRICS_API void write_state_dict(const std::filesystem::path& file, const StateDict& dict);
/// The tensors and lists of tensors whose keys begin with the prefix, with what the file says beside them.
METRICS_API StateDict read_state_dict(const std::filesystem::path& file, const StatesAt& at = {});

/// An OrderedDict of tensors and lists, with its `_metadata`, for a place in a larger checkpoint.
METRICS_API Object to_object(const StateDict& dict);
/// The same back. Throws InvalidArgument for what is no dict, and names keys under the prefix that are neither tensors
/// nor lists of them.
METRICS_API StateDict to_state_dict(const Object& object, const std::string& prefix = "");

/// The tensor `i` of a list `key` becomes `key[i]`; what has no key of its own goes to the text `metrics`.
METRICS_API Safetensors to_safetensors(const StateDict& dict);
METRICS_API StateDict to_state_dict(const Safetensors& content, const std::string& prefix = "");

}  // namespace metrics::io
