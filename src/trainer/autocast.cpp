#include <metrics/trainer/autocast.h>

#include <ATen/autocast_mode.h>

namespace metrics::trainer {

Autocast::Autocast(c10::DeviceType device, std::optional<c10::ScalarType> dtype)
    : device_(device), on_(dtype.has_value()) {
  if (!on_) return;
  was_on_ = at::autocast::is_autocast_enabled(device_);
  before_ = at::autocast::get_autocast_dtype(device_);
  at::autocast::increment_nesting();
  at::autocast::set_autocast_dtype(device_, *dtype);
  at::autocast::set_autocast_enabled(device_, true);
}

Autocast::~Autocast() {
  if (!on_) return;
  // Weights that were cast are kept until the outermost one ends, because they change with the next step.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device_, was_on_);
  at::autocast::set_autocast_dtype(device_, before_);
}

}  // namespace metrics::trainer
