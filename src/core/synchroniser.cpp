#include <metrics/core/synchroniser.h>

#include <mutex>
#include <utility>

namespace metrics {

namespace {

std::mutex mutex;
std::weak_ptr<Synchroniser> current;

}  // namespace

Synchroniser::~Synchroniser() = default;

std::shared_ptr<Synchroniser> default_synchroniser() {
  const std::lock_guard lock(mutex);
  return current.lock();
}

void set_default_synchroniser(std::weak_ptr<Synchroniser> synchroniser) {
  const std::lock_guard lock(mutex);
  current = std::move(synchroniser);
}

}  // namespace metrics
