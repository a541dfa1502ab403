#pragma once

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace metrics::kernels {

/// Copies what is not read again soon. Large copies go past the caches, because a write through them first reads the
/// memory that it replaces, which makes it cost twice as much.
inline void streamed_copy(void* to, const void* from, std::size_t bytes) {
#ifdef __SSE2__
  constexpr std::size_t much = std::size_t{1} << 18, line = 64, step = sizeof(__m128i);
  if (bytes >= much) {
    auto* target = static_cast<char*>(to);
    const auto* source = static_cast<const char*>(from);
    const std::size_t head = (line - reinterpret_cast<std::uintptr_t>(target) % line) % line;
    std::memcpy(target, source, head);
    std::size_t done = head;
    for (; done + line <= bytes; done += line) {
      for (std::size_t at = done; at < done + line; at += step) {
        const __m128i piece = _mm_loadu_si128(reinterpret_cast<const __m128i*>(source + at));
        _mm_stream_si128(reinterpret_cast<__m128i*>(target + at), piece);
      }
    }
    std::memcpy(target + done, source + done, bytes - done);
    return _mm_sfence();
  }
#endif
  std::memcpy(to, from, bytes);
}

}  // namespace metrics::kernels
