#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

namespace metrics::kernels {

/// Elements per task: below it, one thread is faster.
inline constexpr int64_t elements_per_task = 32768;

/// Calls body(begin, end) for parts of `count` things that hold `cost` elements each, at once as far as there are
/// threads.
template <class Body>
void parallel(int64_t count, int64_t cost, const Body& body) {
  const int64_t grain = std::max<int64_t>(1, elements_per_task / std::max<int64_t>(1, cost));
  if (count <= grain) {
    body(int64_t{0}, count);
  } else {
    at::parallel_for(0, count, grain, body);
  }
}

}  // namespace metrics::kernels
