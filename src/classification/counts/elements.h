#pragma once

#include "kernels.h"
#include "kernels/half_formats.h"
#include "kernels/multiversioned.h"
#include "kernels/parallel.h"

#include <cstdint>
#include <type_traits>

// What the loops of the counting and the curve kernels share: tasks for threads, and elements as the loops read them.

namespace metrics::classification::counts::kernels {

using namespace metrics::kernels;

// Half types are widened, which is exact: the loops know float and double only.

template <class E>
struct Widened {
  using type = float;
};
template <>
struct Widened<double> {
  using type = double;
};
template <class E>
using Wide = typename Widened<E>::type;

// Returns `count` elements as float or double, through `buffer` if they are not that already.
template <class E>
METRICS_INLINE const Wide<E>* widen(const E* from, int64_t count, Wide<E>* buffer) {
  if constexpr (std::is_same_v<E, Wide<E>>) {
    return from;
  } else {
    for (int64_t i = 0; i < count; ++i) buffer[i] = wide(from[i]);
    return buffer;
  }
}

template <class E>
inline constexpr bool is_wide = std::is_same_v<E, Wide<E>>;

// Calls f(labels) with the type that they have.
template <class F>
void with_labels(const Labels& labels, const F& f) {
  switch (labels.type) {
    case LabelType::Int64:
      return f(static_cast<const int64_t*>(labels.data));
    case LabelType::Int32:
      return f(static_cast<const int32_t*>(labels.data));
    case LabelType::Int16:
      return f(static_cast<const int16_t*>(labels.data));
    case LabelType::Int8:
      return f(static_cast<const int8_t*>(labels.data));
    case LabelType::UInt8:
      return f(static_cast<const uint8_t*>(labels.data));
  }
}

}  // namespace metrics::classification::counts::kernels
