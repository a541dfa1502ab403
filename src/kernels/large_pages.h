#pragma once

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <cstddef>
#include <cstdint>

namespace metrics::kernels {

inline constexpr std::size_t kLargePage = std::size_t{1} << 21;

#ifdef __linux__
/// Advises the system on the whole large pages in `memory`. Returns whether the system took the advice.
inline bool advise_large_pages(void* memory, std::size_t bytes, int advice) {
  const auto first = reinterpret_cast<std::uintptr_t>(memory);
  const std::uintptr_t begin = (first + kLargePage - 1) / kLargePage * kLargePage;
  const std::uintptr_t end = (first + bytes) / kLargePage * kLargePage;
  return madvise(reinterpret_cast<void*>(begin), end - begin, advice) == 0;
}
#endif

/// Asks for large pages where they are on request: writing to much fresh memory for the first time would spend more on
/// page faults, one for each 4 KiB, than on the writing.
inline void prefer_large_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (bytes < 2 * kLargePage) return;
  advise_large_pages(memory, bytes, MADV_HUGEPAGE);
#endif
}

/// Lets the system take the pages of `memory` when it runs short of them, because what is in it is not needed any more.
/// Until then the memory can be written to without page faults. Returns false for large memory that the system would
/// not take back: holding on to that would cost others.
inline bool leave_to_system([[maybe_unused]] void* memory, std::size_t bytes) {
  if (bytes < 2 * kLargePage) return true;
#if defined(__linux__) && defined(MADV_FREE)
  return advise_large_pages(memory, bytes, MADV_FREE);
#else
  return false;
#endif
}

}  // namespace metrics::kernels
