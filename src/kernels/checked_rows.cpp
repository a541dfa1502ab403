#include "checked_rows.h"

#include "multiversioned.h"
#include "parallel.h"

#include <atomic>

namespace metrics::kernels {
namespace {

constexpr int64_t rows_per_task = 1 << 17;

/// Whether `part(begin, end)` finds anything in any part of the rows.
template <class Part>
bool found(int64_t count, const Part& part) {
  if (count <= rows_per_task) return part(0, count);
  std::atomic<bool> any{false};
  kernels::parallel_for(count, rows_per_task, [&](int64_t begin, int64_t end) {
    if (part(begin, end)) any.store(true, std::memory_order_relaxed);
  });
  return any;
}

template <class T>
METRICS_INLINE bool any_nan_in(const T* numbers, int64_t begin, int64_t end) {
  int nan = 0;
  for (int64_t i = begin; i < end; ++i) nan |= numbers[i] != numbers[i];
  return nan != 0;
}

METRICS_MULTIVERSIONED bool nan_in(const float* numbers, int64_t begin, int64_t end) {
  return any_nan_in(numbers, begin, end);
}
METRICS_MULTIVERSIONED bool nan_in(const double* numbers, int64_t begin, int64_t end) {
  return any_nan_in(numbers, begin, end);
}

METRICS_MULTIVERSIONED bool narrowing_loses(const int64_t* __restrict from, int64_t begin, int64_t end,
                                            int32_t* __restrict to) {
  int64_t lost = 0;
  for (int64_t i = begin; i < end; ++i) {
    to[i] = static_cast<int32_t>(from[i]);
    lost |= from[i] ^ int64_t { to[i] };
  }
  return lost != 0;
}

METRICS_MULTIVERSIONED bool beyond(uint64_t most, const int64_t* __restrict from, int64_t begin, int64_t end,
                                   uint8_t* __restrict to) {
  uint64_t bits = 0;
  for (int64_t i = begin; i < end; ++i) {
    to[i] = static_cast<uint8_t>(from[i]);
    bits |= static_cast<uint64_t>(from[i]);
  }
  return bits > most;
}

}  // namespace

bool has_nan(const float* numbers, int64_t count) {
  return found(count, [&](int64_t begin, int64_t end) { return nan_in(numbers, begin, end); });
}

bool has_nan(const double* numbers, int64_t count) {
  return found(count, [&](int64_t begin, int64_t end) { return nan_in(numbers, begin, end); });
}

bool copy_narrowed(const int64_t* from, int64_t count, int32_t* to) {
  return !found(count, [&](int64_t begin, int64_t end) { return narrowing_loses(from, begin, end, to); });
}

bool copy_binary(const int64_t* from, int64_t count, uint8_t* to) {
  return !found(count, [&](int64_t begin, int64_t end) { return beyond(1, from, begin, end, to); });
}

bool copy_bytes(const int64_t* from, int64_t count, uint8_t* to) {
  return !found(count, [&](int64_t begin, int64_t end) { return beyond(255, from, begin, end, to); });
}

}  // namespace metrics::kernels
