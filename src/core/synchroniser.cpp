#include <metrics/core/synchroniser.h>

#include <mutex>
#include <utility>

namespace metrics {

namespace {

std::mutex default_group_mutex;
std::weak_ptr<Synchroniser> default_group;

}  // namespace

Synchroniser::~Synchroniser() = default;

std::shared_ptr<Synchroniser> default_synchroniser() {
  const std::lock_guard lock(default_group_mutex);
  return default_group.lock();
}

void set_default_synchroniser(std::weak_ptr<Synchroniser> synchroniser) {
  const std::lock_guard lock(default_group_mutex);
  default_group = std::move(synchroniser);
}

}  // namespace metrics
