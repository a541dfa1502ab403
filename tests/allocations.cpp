#include "allocations.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

#ifdef METRICS_SANITIZED

std::optional<int64_t> allocations() {
  return std::nullopt;
}

std::optional<std::size_t> largest_allocation() {
  return std::nullopt;
}

#else

namespace {

thread_local int64_t count = 0;
thread_local std::size_t largest = 0;

}  // namespace

std::optional<int64_t> allocations() {
  return count;
}

std::optional<std::size_t> largest_allocation() {
  return std::exchange(largest, 0);
}

void* operator new(std::size_t size) {
  ++count;
  largest = std::max(largest, size);
  if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

#endif
