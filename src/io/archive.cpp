#include "elements.h"
#include "states_of_metric.h"
#include <metrics/core/errors.h>
#include <metrics/io/archive.h>
#include <metrics/io/checkpoint.h>

#include <ATen/ops/empty.h>
#include <torch/serialize/input-archive.h>
#include <torch/serialize/output-archive.h>

#include <cstring>

namespace metrics {

namespace {

constexpr const char* kKey = "metrics";

}  // namespace

torch::serialize::OutputArchive& operator<<(torch::serialize::OutputArchive& archive, const Metric& metric) {
  io::write(archive, kKey, metric);
  return archive;
}

torch::serialize::InputArchive& operator>>(torch::serialize::InputArchive& archive, Metric& metric) {
  io::read(archive, kKey, metric);
  return archive;
}

namespace io {

void write(torch::serialize::OutputArchive& archive, const std::string& key, const Metric& metric) {
  const std::string bytes = torch_bytes(to_object(states_of(metric, "")));
  const Tensor tensor = at::empty({static_cast<int64_t>(bytes.size())}, at::kByte);
  std::memcpy(tensor.data_ptr(), bytes.data(), bytes.size());
  archive.write(key, tensor, /*is_buffer=*/true);
}

void read(torch::serialize::InputArchive& archive, const std::string& key, Metric& metric) {
  const std::string name = "archive key `" + key + "`";
  Tensor tensor;
  if (!archive.try_read(key, tensor, /*is_buffer=*/true)) throw FormatError(name + " is missing", name, -1);
  if (tensor.scalar_type() != at::kByte || tensor.dim() != 1)
    throw FormatError(name + " holds no states of a metric", name, -1);
  const Tensor bytes = plain_elements(tensor, key);
  load_states(metric, to_state_dict(parse_torch(bytes_of(bytes), name)), {.within = {}, .prefix = "", .strict = true},
              name);
}

}  // namespace io

}  // namespace metrics
