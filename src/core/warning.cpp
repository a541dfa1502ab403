#include <metrics/core/warning.h>

#include <c10/util/Exception.h>

#include <mutex>
#include <utility>

namespace metrics {

namespace {

std::mutex handler_mutex;
WarningHandler current_handler;

}  // namespace

WarningHandler set_warning_handler(WarningHandler handler) {
  const std::lock_guard lock(handler_mutex);
  return std::exchange(current_handler, std::move(handler));
}

void warn(const std::string& message) {
  WarningHandler handler;
  {
    const std::lock_guard lock(handler_mutex);
    handler = current_handler;
  }
  if (handler) {
    handler(message);
  } else {
    TORCH_WARN(message);
  }
}

}  // namespace metrics
