#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

#if defined(__clang__) && !defined(_OPENMP)
#define METRICS_REGIONS_OF_GOMP

#include <atomic>
#include <exception>

// What GCC makes of a parallel region. Weak, because a LibTorch without OpenMP brings none of them.
extern "C" {
[[gnu::weak]] void GOMP_parallel(void (*body)(void*), void* data, unsigned threads, unsigned flags);
[[gnu::weak]] int omp_get_num_threads();
[[gnu::weak]] int omp_get_thread_num();
}
#endif

namespace metrics::kernels {

/// Elements per task: below it, one thread is faster.
inline constexpr int64_t elements_per_task = 32768;

#ifdef METRICS_REGIONS_OF_GOMP
namespace detail {

/// What the threads of a region share: a loop of which each takes a part, and what the first of them threw.
template <class Body>
struct Region {
  int64_t count, grain;
  const Body& body;
  std::atomic_flag thrown = ATOMIC_FLAG_INIT;
  std::exception_ptr error{};

  void take_part() {
    const int64_t tasks = at::divup(count, std::max<int64_t>(1, grain));
    const int64_t size = at::divup(count, std::min<int64_t>(omp_get_num_threads(), tasks));
    const int64_t thread = omp_get_thread_num();
    if (thread * size >= count) return;
    try {
      const at::internal::ThreadIdGuard numbered(static_cast<int>(thread));
      const c10::ParallelGuard inside(true);
      body(thread * size, std::min(count, (thread + 1) * size));
    } catch (...) {
      if (!thrown.test_and_set()) error = std::current_exception();
    }
  }
};

}  // namespace detail
#endif

/// Calls body(begin, end) for parts of `count` things, not fewer than `grain` each, at once as far as there are
/// threads: at::parallel_for. Clang compiles that without OpenMP, because OpenMP would bring a second runtime; there
/// the threads are asked for as GCC would ask LibTorch's.
template <class Body>
void parallel_for(int64_t count, int64_t grain, const Body& body) {
#ifdef METRICS_REGIONS_OF_GOMP
  at::internal::lazy_init_num_threads();
  if (GOMP_parallel != nullptr && count > grain && count > 1 && !at::in_parallel_region() &&
      at::get_num_threads() > 1) {
    detail::Region<Body> region{count, grain, body};
    GOMP_parallel([](void* data) { static_cast<detail::Region<Body>*>(data)->take_part(); }, &region, 0, 0);
    if (region.error) std::rethrow_exception(region.error);
    return;
  }
#endif
  at::parallel_for(0, count, grain, body);
}

/// The same for parts of things that hold `cost` elements each, with as many in a part as are worth a task.
template <class Body>
void parallel(int64_t count, int64_t cost, const Body& body) {
  const int64_t grain = std::max<int64_t>(1, elements_per_task / std::max<int64_t>(1, cost));
  if (count <= grain) {
    body(int64_t{0}, count);
  } else {
    parallel_for(count, grain, body);
  }
}

}  // namespace metrics::kernels
