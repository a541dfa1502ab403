#pragma once

#include <metrics/core/metric.h>
#include <metrics/export.h>

#include <string>

namespace torch::serialize {
class InputArchive;
class OutputArchive;
}  // namespace torch::serialize

namespace metrics {

/// Adds a metric's states, persistent or not, to an archive of LibTorch, so that `torch::save(metric, path)` takes one.
/// They are one tensor of bytes under the key `metrics`, a file of `torch.save`.
METRICS_API torch::serialize::OutputArchive& operator<<(torch::serialize::OutputArchive& archive, const Metric& metric);
/// Replaces them by those of an archive, so that `torch::load(metric, path)` does. Throws FormatError or
/// InvalidArgument for what is no state of the metric; then nothing has changed.
METRICS_API torch::serialize::InputArchive& operator>>(torch::serialize::InputArchive& archive, Metric& metric);

namespace io {

/// The same beside a module's parameters in an archive, under a key.
METRICS_API void write(torch::serialize::OutputArchive& archive, const std::string& key, const Metric& metric);
METRICS_API void read(torch::serialize::InputArchive& archive, const std::string& key, Metric& metric);

}  // namespace io

}  // namespace metrics
