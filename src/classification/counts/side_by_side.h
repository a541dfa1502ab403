#pragma once

#include "elements.h"
#include "kernels/fastest.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

// The argmax of rows of few scores, as many rows at once as a vector has lanes: a row alone is too short for a loop
// with vectors, and what its maximum is and where would wait for each other. Of rows that fill some vectors, only what
// is left of each as one vector is worked on together.

namespace metrics::classification::counts::kernels::side_by_side {

/// What an argmax is asked for at once.
inline constexpr int64_t most_rows = 256, most_classes = 128;
/// Rows of more classes than these are read one after the other, because memory that is read at many places in turn
/// does not come in time.
inline constexpr int64_t most_in_step = 32;

/// Vectors of `bytes`: 32, or 16 for a machine of which nothing is known, because a compiler that lacks blends takes
/// wider ones to pieces. With 64 nothing gets faster.
template <class T, int bytes>
struct Lanes {
  using Index = std::conditional_t<sizeof(T) == 8, int64_t, int32_t>;
  typedef T Values __attribute__((vector_size(bytes)));
  typedef Index Indices __attribute__((vector_size(bytes)));
  /// The same wherever they lie.
  typedef T LooseValues __attribute__((vector_size(bytes), aligned(alignof(T)), may_alias));
  typedef Index LooseIndices __attribute__((vector_size(bytes), aligned(alignof(Index)), may_alias));
  static constexpr int count = bytes / sizeof(T);
  /// How many classes are taken together: those in 16 bytes.
  static constexpr int together = 16 / sizeof(T);
};

/// Results come in a lane each; there is room for a vector more than there are rows.
using Classes = std::array<int32_t, most_rows + 8>;

// Every second number of each 16 bytes of `a` and of `b`, in turn: the first ones, or from the middle on.
template <int from, class V, std::size_t... i>
METRICS_INLINE void interleave(V& into, const V& a, const V& b, std::index_sequence<i...>) {
  constexpr std::size_t size = sizeof...(i), part = 16 * size / sizeof(V);
  into = __builtin_shufflevector(a, b, (i / part * part + i % part / 2 + from * part / 2 + i % 2 * size)...);
}
template <int from, class V>
METRICS_INLINE void interleave(V& into, const V& a, const V& b) {
  interleave<from>(into, a, b, std::make_index_sequence<sizeof(V) / sizeof(a[0])>{});
}

// The 16 bytes at x, and for longer vectors the 16 at x + step behind them.
template <class T, int bytes>
METRICS_INLINE void load(typename Lanes<T, bytes>::Values& into, const T* x, int64_t step) {
  if constexpr (bytes == 16) {
    std::memcpy(&into, x, 16);
  } else {
    static_assert(bytes == 32);
    typename Lanes<T, 16>::Values low, high;
    std::memcpy(&low, x, 16);
    std::memcpy(&high, x + step, 16);
    if constexpr (sizeof(T) == 4) {
      into = __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7);
    } else {
      into = __builtin_shufflevector(low, high, 0, 1, 2, 3);
    }
  }
}

// Four classes (two of doubles) of as many rows as there are lanes: a vector each.
template <class T, int bytes>
METRICS_INLINE void transpose(typename Lanes<T, bytes>::Values* classes, const T* x, int64_t stride) {
  using Values = typename Lanes<T, bytes>::Values;
  if constexpr (sizeof(T) == 8) {
    Values even, odd;
    load<T, bytes>(even, x, 2 * stride);
    load<T, bytes>(odd, x + stride, 2 * stride);
    interleave<0>(classes[0], even, odd);
    interleave<1>(classes[1], even, odd);
  } else {
    using Pairs = typename Lanes<double, bytes>::Values;
    Values rows[4], low[2], high[2];
    for (int64_t r = 0; r < 4; ++r) load<T, bytes>(rows[r], x + r * stride, 4 * stride);
    for (int64_t r = 0; r < 2; ++r) {
      interleave<0>(low[r], rows[2 * r], rows[2 * r + 1]);
      interleave<1>(high[r], rows[2 * r], rows[2 * r + 1]);
    }
    Pairs pairs[4];
    interleave<0>(pairs[0], reinterpret_cast<Pairs>(low[0]), reinterpret_cast<Pairs>(low[1]));
    interleave<1>(pairs[1], reinterpret_cast<Pairs>(low[0]), reinterpret_cast<Pairs>(low[1]));
    interleave<0>(pairs[2], reinterpret_cast<Pairs>(high[0]), reinterpret_cast<Pairs>(high[1]));
    interleave<1>(pairs[3], reinterpret_cast<Pairs>(high[0]), reinterpret_cast<Pairs>(high[1]));
    for (int c = 0; c < 4; ++c) classes[c] = reinterpret_cast<Values>(pairs[c]);
  }
}

// The greatest scores so far, the first class that has each, and the sum of all, which is NaN where one is.
template <class T, int bytes>
struct Greatest {
  typename Lanes<T, bytes>::Values value, sum;
  typename Lanes<T, bytes>::Indices index;
};

// Of `used` classes from `first` on.
template <int used, class T, int bytes>
METRICS_INLINE void take_first(Greatest<T, bytes>& into, const typename Lanes<T, bytes>::Values* x, int64_t first) {
  using Indices = typename Lanes<T, bytes>::Indices;
  const Indices from = Indices{} + static_cast<typename Lanes<T, bytes>::Index>(first);
  const Indices second = x[1] > x[0];  // -1 where it is
  into.value = second ? x[1] : x[0];
  into.index = from - second;
  into.sum = x[0] + x[1];
  if constexpr (used == 3) {
    const Indices third = x[2] > into.value;
    into.value = third ? x[2] : into.value;
    into.index = third ? from + 2 : into.index;
    into.sum += x[2];
  }
  if constexpr (used == 4) {
    const Indices fourth = x[3] > x[2];
    const typename Lanes<T, bytes>::Values other = fourth ? x[3] : x[2];
    const Indices later = other > into.value;
    into.value = later ? other : into.value;
    into.index = later ? from + 2 - fourth : into.index;
    into.sum += x[2] + x[3];
  }
}

// And of classes behind those so far, or the same.
template <int used, class T, int bytes>
METRICS_INLINE void take(Greatest<T, bytes>& into, const typename Lanes<T, bytes>::Values* x, int64_t first) {
  Greatest<T, bytes> later;
  take_first<used>(later, x, first);
  const typename Lanes<T, bytes>::Indices greater = later.value > into.value;
  into.value = greater ? later.value : into.value;
  into.index = greater ? later.index : into.index;
  into.sum += later.sum;
}

template <class T, int bytes>
METRICS_INLINE bool any(const typename Lanes<T, bytes>::Indices& flags) {
  typename Lanes<T, bytes>::Index all = 0;
  for (int i = 0; i < Lanes<T, bytes>::count; ++i) all |= flags[i];
  return all != 0;
}

template <class T, int bytes>
METRICS_INLINE void store(int32_t* into, const typename Lanes<T, bytes>::Indices& index) {
  for (int i = 0; i < Lanes<T, bytes>::count; ++i) into[i] = static_cast<int32_t>(index[i]);
}

// Whole vectors of rows, of which 16 bytes can be read where only `used` classes are there.
template <int used, class T, int bytes>
METRICS_INLINE bool argmax_of_vectors(const T* x, int64_t stride, int64_t rows, int64_t classes, int32_t* into) {
  using L = Lanes<T, bytes>;
  typename L::Indices odd{};
  for (int64_t r = 0; r < rows; r += L::count) {
    const T* row = x + r * stride;
    typename L::Values scores[L::together];
    Greatest<T, bytes> best;
    transpose<T, bytes>(scores, row, stride);
    take_first<used>(best, scores, 0);
    if constexpr (used == L::together) {
      for (int64_t c = used; c < classes; c += used) {
        const int64_t first = std::min(c, classes - used);  // classes that are taken twice do no harm
        transpose<T, bytes>(scores, row + first, stride);
        take<used>(best, scores, first);
      }
    }
    odd |= best.sum != best.sum;
    store<T, bytes>(into + r, best.index);
  }
  return any<T, bytes>(odd);
}

// Every second number of `a` and then of `b`: the first ones, or from the second on.
template <int from, class V, std::size_t... i>
METRICS_INLINE void every_second(V& into, const V& a, const V& b, std::index_sequence<i...>) {
  into = __builtin_shufflevector(a, b, (2 * i + from)...);
}

// What `fold(into, other)` makes of the numbers in each of as many vectors as they have lanes: a lane each, in order.
template <class V, class F>
METRICS_INLINE void fold_lanes(V& into, V* each, const F& fold) {
  constexpr std::size_t lanes = sizeof(V) / sizeof(into[0]);
  for (std::size_t pairs = lanes / 2; pairs > 0; pairs /= 2) {
    for (std::size_t p = 0; p < pairs; ++p) {
      V first, second;
      every_second<0>(first, each[2 * p], each[2 * p + 1], std::make_index_sequence<lanes>{});
      every_second<1>(second, each[2 * p], each[2 * p + 1], std::make_index_sequence<lanes>{});
      fold(first, second);
      each[p] = first;
    }
  }
  into = each[0];
}

template <class V>
METRICS_INLINE void keep_greater(V& into, const V& other) {
  into = other > into ? other : into;
}
template <class V>
METRICS_INLINE void keep_less(V& into, const V& other) {
  into = other < into ? other : into;
}

// Rows so long that it is worth reading each from its beginning to its end, in the order in which memory comes: for its
// greatest score, and, while it is near, for where that is.
template <class T, int bytes>
METRICS_INLINE bool argmax_of_long_rows(const T* x, int64_t stride, int64_t rows, int64_t classes, int32_t* into) {
  using L = Lanes<T, bytes>;
  using Values = typename L::Values;
  using Indices = typename L::Indices;
  using Loose = typename L::LooseValues;
  constexpr int64_t count = L::count;
  const int64_t last = classes - count;  // where the last vector begins: what is read twice does no harm
  Indices lane{}, odd{};
  for (int i = 0; i < count; ++i) lane[i] = i;
  for (int64_t r = 0; r < rows; r += count) {
    Values most[count], greatest;
    for (int64_t i = 0; i < count; ++i) {
      const T* row = x + (r + i) * stride;
      Values best = *reinterpret_cast<const Loose*>(row + last), sum = best;
      for (int64_t c = 0; c < last; c += count) {
        const Values scores = *reinterpret_cast<const Loose*>(row + c);
        keep_greater(best, scores);
        sum += scores;
      }
      most[i] = best;
      odd |= sum != sum;
    }
    fold_lanes(greatest, most, [](Values& a, const Values& b) METRICS_INLINED { keep_greater(a, b); });
    Indices first[count], index;
    for (int64_t i = 0; i < count; ++i) {
      const T* row = x + (r + i) * stride;
      const Values wanted = Values{} + greatest[i];
      Indices where = Indices{} + static_cast<typename L::Index>(classes);
      for (int64_t c = last; c > 0; c -= count) {
        const Values scores = *reinterpret_cast<const Loose*>(row + c);
        where = scores == wanted ? lane + static_cast<typename L::Index>(c) : where;
      }
      first[i] = *reinterpret_cast<const Loose*>(row) == wanted ? lane : where;
    }
    fold_lanes(index, first, [](Indices& a, const Indices& b) METRICS_INLINED { keep_less(a, b); });
    store<T, bytes>(into + r, index);
  }
  return any<T, bytes>(odd);
}

template <class T, int bytes>
METRICS_INLINE bool argmax_of_any(const T* x, int64_t stride, int64_t rows, int64_t classes, int32_t* into) {
  if constexpr (sizeof(T) == 4) {
    if (classes == 2) return argmax_of_vectors<2, T, bytes>(x, stride, rows, classes, into);
    if (classes == 3) return argmax_of_vectors<3, T, bytes>(x, stride, rows, classes, into);
  }
  if (classes > most_in_step) return argmax_of_long_rows<T, bytes>(x, stride, rows, classes, into);
  return argmax_of_vectors<Lanes<T, bytes>::together, T, bytes>(x, stride, rows, classes, into);
}

/// Writes the first greatest class of each row, whose classes lie next to each other, and returns whether a score may
/// be NaN: what is written of its row then says nothing. There are 2 to `most_classes` classes, and at most `most_rows`
/// rows.
template <int bytes, class E>
METRICS_INLINE bool argmax_of_rows(const E* x, int64_t stride, int64_t rows, int64_t classes, int32_t* into) {
  using T = Wide<E>;
  using L = Lanes<T, bytes>;
  // Behind the last row there may be nothing to read.
  constexpr int64_t behind = 4;
  bool odd = false;
  if constexpr (is_wide<E>) {
    const int64_t whole = (rows - (classes < L::together)) / L::count * L::count;
    odd = argmax_of_any<T, bytes>(x, stride, whole, classes, into);
    if (whole < rows) {
      T rest[L::count * most_classes + behind];
      for (int64_t r = whole; r < rows; ++r) std::copy_n(x + r * stride, classes, rest + (r - whole) * classes);
      std::fill_n(rest + (rows - whole) * classes, (L::count - (rows - whole)) * classes + behind, T{0});
      odd |= argmax_of_any<T, bytes>(rest, classes, L::count, classes, into + whole);
    }
  } else {
    T widened[4096 + behind];
    const int64_t fit = 4096 / classes / L::count * L::count;
    for (int64_t r = 0; r < rows; r += fit) {
      const int64_t some = std::min(fit, rows - r);
      if (stride == classes) {
        widen(x + r * stride, some * classes, widened);
      } else {
        for (int64_t i = 0; i < some; ++i) widen(x + (r + i) * stride, classes, widened + i * classes);
      }
      const int64_t lanes = (some + L::count - 1) / L::count * L::count;
      std::fill_n(widened + some * classes, (lanes - some) * classes + behind, T{0});
      odd |= argmax_of_any<T, bytes>(widened, classes, lanes, classes, into + r);
    }
  }
  return odd;
}

// A line of positions, and at least a vector of them: where it lies or a copy in `room`.
template <int bytes, class E>
METRICS_INLINE const Wide<E>* readable_line(const E* x, int64_t positions, Wide<E>* room) {
  constexpr int64_t count = Lanes<Wide<E>, bytes>::count;
  if constexpr (is_wide<E>) {
    if (positions >= count) return x;
    std::copy_n(x, positions, room);
  } else {
    widen(x, positions, room);
  }
  if (positions < count) std::fill_n(room + positions, count - positions, Wide<E>{0});
  return room;
}

template <int used, int bytes, class E>
METRICS_INLINE bool argmax_of_lines(const E* x, int64_t class_stride, int64_t positions, int64_t classes,
                                    int32_t* into) {
  using T = Wide<E>;
  using L = Lanes<T, bytes>;
  T value[most_rows], sum[most_rows], room[used][most_rows];
  typename L::Index index[most_rows];
  for (int64_t c = 0; c < classes; c += used) {
    const int64_t first = std::min(c, classes - used);
    const T* lines[used];
    for (int i = 0; i < used; ++i) {
      lines[i] = readable_line<bytes>(x + (first + i) * class_stride, positions, room[i]);
    }
    // The last vector begins earlier, because what is taken twice does no harm.
    const int64_t last = std::max<int64_t>(0, positions - L::count);
    for (int64_t j = 0; j < positions; j += L::count) {
      const int64_t at = std::min(j, last);
      auto& values = *reinterpret_cast<typename L::LooseValues*>(value + at);
      auto& sums = *reinterpret_cast<typename L::LooseValues*>(sum + at);
      auto& indices = *reinterpret_cast<typename L::LooseIndices*>(index + at);
      typename L::Values scores[used];
      for (int i = 0; i < used; ++i) scores[i] = *reinterpret_cast<const typename L::LooseValues*>(lines[i] + at);
      Greatest<T, bytes> best;
      if (c == 0) {
        take_first<used>(best, scores, first);
      } else {
        best = {values, sums, indices};
        take<used>(best, scores, first);
      }
      values = best.value;
      sums = best.sum;
      indices = best.index;
    }
  }
  typename L::Index odd = 0;
  for (int64_t j = 0; j < positions; ++j) {
    odd |= sum[j] != sum[j];
    into[j] = static_cast<int32_t>(index[j]);
  }
  return odd != 0;
}

/// The same where positions lie next to each other.
template <int bytes, class E>
METRICS_INLINE bool argmax_of_columns(const E* x, int64_t class_stride, int64_t positions, int64_t classes,
                                      int32_t* into) {
  if (classes == 2) return argmax_of_lines<2, bytes>(x, class_stride, positions, classes, into);
  if (classes == 3) return argmax_of_lines<3, bytes>(x, class_stride, positions, classes, into);
  return argmax_of_lines<4, bytes>(x, class_stride, positions, classes, into);
}

/// The same for `machine`.
template <class E>
bool argmax(Machine machine, bool rows_of_classes, const E* x, int64_t stride, int64_t rows, int64_t classes,
            int32_t* into) {
  bool odd = false;
  if (machine == Machine::Any) {
    odd = rows_of_classes ? argmax_of_rows<16>(x, stride, rows, classes, into)
                          : argmax_of_columns<16>(x, stride, rows, classes, into);
  } else {
    compiled_for(machine, [&]() METRICS_INLINED {
      odd = rows_of_classes ? argmax_of_rows<32>(x, stride, rows, classes, into)
                            : argmax_of_columns<32>(x, stride, rows, classes, into);
    });
  }
  return odd;
}

}  // namespace metrics::classification::counts::kernels::side_by_side
