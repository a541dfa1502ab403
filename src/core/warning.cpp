#include "warning_scope.h"
#include <metrics/core/warning.h>

#include <c10/util/Exception.h>

#include <mutex>
#include <utility>

namespace metrics {

namespace {

std::mutex handler_mutex;
WarningHandler current_handler;

thread_local WarningScope* current_scope = nullptr;

}  // namespace

WarningScope::WarningScope() : outermost_(current_scope == nullptr) {
  if (outermost_) current_scope = this;
}

WarningScope::~WarningScope() {
  if (outermost_) current_scope = nullptr;
}

bool WarningScope::has_given(const std::string& message) {
  return current_scope != nullptr && !current_scope->given_.insert(message).second;
}

WarningHandler set_warning_handler(WarningHandler handler) {
  const std::lock_guard lock(handler_mutex);
  return std::exchange(current_handler, std::move(handler));
}

void warn(const std::string& message) {
  if (WarningScope::has_given(message)) return;
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
