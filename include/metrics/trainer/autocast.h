#pragma once

#include <metrics/export.h>

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <optional>

namespace metrics::trainer {

/// While it lives, operators that autocast knows compute in this dtype on a device, as under `torch.autocast` in
/// Python; nothing changes without a dtype.
class METRICS_API Autocast {
 public:
  Autocast(c10::DeviceType device, std::optional<c10::ScalarType> dtype);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  c10::DeviceType device_;
  bool on_;
  bool was_on_ = false;
  c10::ScalarType before_ = c10::ScalarType::Float;
};

}  // namespace metrics::trainer
