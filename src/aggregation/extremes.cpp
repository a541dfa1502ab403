#include "extremes.h"

#include "kernels/multiversioned.h"

#include <type_traits>

namespace metrics::aggregation {
namespace {

template <class T>
METRICS_INLINE bool is_nan(T number) {
  if constexpr (std::is_floating_point_v<T>) return number != number;
  return false;
}

// NaN is better than any number, and no number is better than NaN.
struct Higher {
  template <class T>
  METRICS_INLINE T operator()(T held, T given) const {
    return given > held || is_nan(given) ? given : held;
  }
};
struct Lower {
  template <class T>
  METRICS_INLINE T operator()(T held, T given) const {
    return given < held || is_nan(given) ? given : held;
  }
};

/// In lanes, because each comparison waits for the one before it.
template <class Better, class T>
METRICS_INLINE double extreme_of_all(const T* values, int64_t n) {
  constexpr int64_t lanes = 16;
  const Better better{};
  T best[lanes];
  for (T& each : best) each = values[0];
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
#pragma omp simd
    for (int64_t lane = 0; lane < lanes; ++lane) best[lane] = better(best[lane], values[i + lane]);
  }
  for (; i < n; ++i) best[0] = better(best[0], values[i]);
  for (int64_t lane = 1; lane < lanes; ++lane) best[0] = better(best[0], best[lane]);
  return static_cast<double>(best[0]);
}

}  // namespace

METRICS_MULTIVERSIONED double greatest(const float* values, int64_t n) {
  return extreme_of_all<Higher>(values, n);
}
METRICS_MULTIVERSIONED double greatest(const double* values, int64_t n) {
  return extreme_of_all<Higher>(values, n);
}
METRICS_MULTIVERSIONED double greatest(const int64_t* values, int64_t n) {
  return extreme_of_all<Higher>(values, n);
}

METRICS_MULTIVERSIONED double least(const float* values, int64_t n) {
  return extreme_of_all<Lower>(values, n);
}
METRICS_MULTIVERSIONED double least(const double* values, int64_t n) {
  return extreme_of_all<Lower>(values, n);
}
METRICS_MULTIVERSIONED double least(const int64_t* values, int64_t n) {
  return extreme_of_all<Lower>(values, n);
}

}  // namespace metrics::aggregation
