#include <metrics/core/warning.h>

#include <c10/util/Exception.h>

#include <mutex>
#include <utility>

namespace metrics {

namespace {

std::mutex mutex;
WarningHandler current;

}  // namespace

WarningHandler set_warning_handler(WarningHandler handler) {
  const std::lock_guard lock(mutex);
  return std::exchange(current, std::move(handler));
}

void warn(const std::string& message) {
  WarningHandler handler;
  {
    const std::lock_guard lock(mutex);
    handler = current;
  }
  if (handler) {
    handler(message);
  } else {
    TORCH_WARN(message);
  }
}

}  // namespace metrics
