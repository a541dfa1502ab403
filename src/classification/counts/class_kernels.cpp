#include "elements.h"
#include "kernels.h"
#include "kernels/parallel.h"
#include "short_rows.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>
#include <mutex>
#include <type_traits>
#include <vector>

namespace metrics::classification::counts::kernels {
namespace {

// --- Predicted classes. NaN is the greatest score; among equals the lowest index comes first. Whoever meets NaN says
// so in `nan_seen`.

// An integer as wide as the score, so that flags and indices share its vector lanes.
template <class T>
using Lane = std::conditional_t<sizeof(T) == 8, int64_t, int32_t>;

template <class T>
METRICS_INLINE int64_t first_nan(const T* x, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    if (x[i] != x[i]) return i;
  }
  return count;
}

// A maximum and then a search for it, because both vectorise, while a search for the index of a maximum does not.
template <class T>
METRICS_INLINE int64_t argmax(const T* x, int64_t count, bool& nan_seen) {
  T greatest = x[0];
  Lane<T> nan = 0;
#pragma omp simd reduction(max : greatest) reduction(| : nan)
  for (int64_t i = 0; i < count; ++i) {
    greatest = x[i] > greatest ? x[i] : greatest;
    nan |= x[i] != x[i];
  }
  if (nan) {
    nan_seen = true;
    return first_nan(x, count);
  }
  constexpr int64_t kStep = 32;
  int64_t i = 0;
  for (; i + kStep <= count; i += kStep) {
    Lane<T> found = 0;
#pragma omp simd reduction(| : found)
    for (int64_t j = 0; j < kStep; ++j) found |= x[i + j] == greatest;
    if (found) break;
  }
  while (x[i] != greatest) ++i;
  return i;
}

template <class T>
METRICS_INLINE int64_t argmax_of_few(const T* x, int64_t count, bool& nan_seen) {
  T greatest = x[0];
  int64_t index = 0;
  bool nan = greatest != greatest;
  for (int64_t i = 1; i < count; ++i) {
    const bool greater = x[i] > greatest;
    nan |= x[i] != x[i];
    index = greater ? i : index;
    greatest = greater ? x[i] : greatest;
  }
  nan_seen |= nan;
  return nan ? first_nan(x, count) : index;
}

// Returns whether fewer than `top_k` classes come before `target`.
template <class T>
METRICS_INLINE bool in_top(const T* x, int64_t count, int64_t target, int64_t top_k, bool& nan_seen) {
  const T own = x[target];
  if (own != own) {
    nan_seen = true;
    int64_t before = 0;
    for (int64_t i = 0; i < target; ++i) before += x[i] != x[i];
    return before < top_k;
  }
  Lane<T> before = 0, nan = 0;
#pragma omp simd reduction(+ : before) reduction(| : nan)
  for (int64_t i = 0; i < count; ++i) {
    before += !(x[i] <= own);
    nan |= x[i] != x[i];
  }
  nan_seen |= nan != 0;
  if (before >= top_k) return false;
#pragma omp simd reduction(+ : before)
  for (int64_t i = 0; i < target; ++i) before += x[i] == own;
  return before < top_k;
}

template <class E>
METRICS_INLINE bool predict_rows(const E* x, int64_t row_stride, int64_t rows, int64_t classes, const int64_t* target,
                                 int64_t top_k, int64_t* predicted) {
  using T = Wide<E>;
  bool nan_seen = false;
  constexpr int64_t kFew = 16;
  std::vector<T> buffer(is_wide<E> ? 0 : classes);
  for (int64_t r = 0; r < rows; ++r) {
    const T* row = widen(x + r * row_stride, classes, buffer.data());
    if (top_k > 1 && target[r] >= 0 && target[r] < classes && in_top(row, classes, target[r], top_k, nan_seen)) {
      predicted[r] = target[r];
    } else {
      predicted[r] = classes <= kFew ? argmax_of_few(row, classes, nan_seen) : argmax(row, classes, nan_seen);
    }
  }
  return nan_seen;
}

// The same with the positions next to each other: as many columns at once as fit the nearest cache.
constexpr int64_t kColumns = 256;

template <class E>
METRICS_INLINE bool predict_columns(const E* x, int64_t class_stride, int64_t columns, int64_t classes,
                                    const int64_t* target, int64_t top_k, int64_t* predicted) {
  using T = Wide<E>;
  std::array<T, kColumns> buffer, greatest, own;
  std::array<Lane<T>, kColumns> index, nan, before, wanted;
  std::copy_n(widen(x, columns, buffer.data()), columns, greatest.data());
  for (int64_t j = 0; j < columns; ++j) {
    index[j] = 0;
    nan[j] = greatest[j] != greatest[j];
  }
  for (int64_t c = 1; c < classes; ++c) {
    const T* line = widen(x + c * class_stride, columns, buffer.data());
    for (int64_t j = 0; j < columns; ++j) {
      const bool greater = line[j] > greatest[j];
      nan[j] |= line[j] != line[j];
      index[j] = greater ? static_cast<Lane<T>>(c) : index[j];
      greatest[j] = greater ? line[j] : greatest[j];
    }
  }
  for (int64_t j = 0; j < columns; ++j) predicted[j] = index[j];

  if (top_k > 1) {
    for (int64_t j = 0; j < columns; ++j) {
      const bool of_a_class = target[j] >= 0 && target[j] < classes;
      wanted[j] = static_cast<Lane<T>>(of_a_class ? target[j] : 0);
      widen(x + wanted[j] * class_stride + j, 1, &own[j]);
      if constexpr (is_wide<E>) own[j] = x[wanted[j] * class_stride + j];
      before[j] = of_a_class ? 0 : std::numeric_limits<Lane<T>>::max() / 2;
    }
    for (int64_t c = 0; c < classes; ++c) {
      const T* line = widen(x + c * class_stride, columns, buffer.data());
      for (int64_t j = 0; j < columns; ++j) {
        before[j] += (line[j] > own[j]) | (line[j] != line[j]) | ((line[j] == own[j]) & (c < wanted[j]));
      }
    }
    for (int64_t j = 0; j < columns; ++j) {
      if (before[j] < top_k) predicted[j] = wanted[j];
    }
  }

  bool nan_seen = false;
  for (int64_t j = 0; j < columns; ++j) {
    if (!nan[j]) continue;
    nan_seen = true;
    std::vector<T> column(classes);
    for (int64_t c = 0; c < classes; ++c) {
      T element;
      column[c] = *widen(x + c * class_stride + j, 1, &element);
    }
    const bool hit = top_k > 1 && target[j] >= 0 && target[j] < classes &&
                     in_top(column.data(), classes, target[j], top_k, nan_seen);
    predicted[j] = hit ? target[j] : first_nan(column.data(), classes);
  }
  return nan_seen;
}

#define METRICS_PREDICT(E)                                                                                             \
  METRICS_MULTIVERSIONED bool rows_of(const E* x, int64_t row_stride, int64_t rows, int64_t classes, const int64_t* t, \
                                      int64_t top_k, int64_t* predicted) {                                             \
    return predict_rows(x, row_stride, rows, classes, t, top_k, predicted);                                            \
  }                                                                                                                    \
  METRICS_MULTIVERSIONED bool columns_of(const E* x, int64_t class_stride, int64_t columns, int64_t classes,           \
                                         const int64_t* t, int64_t top_k, int64_t* predicted) {                        \
    return predict_columns(x, class_stride, columns, classes, t, top_k, predicted);                                    \
  }
METRICS_PREDICT(float)
METRICS_PREDICT(double)
METRICS_PREDICT(BFloat16)
METRICS_PREDICT(Half)
#undef METRICS_PREDICT

template <class E>
bool predict_as(const Scores& s, const int64_t* target, int64_t top_k, int64_t* predicted) {
  const auto* x = static_cast<const E*>(s.data);
  std::atomic<bool> nan_seen = false;
  if (s.class_stride == 1) {
    parallel(s.samples * s.positions, s.classes, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end;) {
        const int64_t sample = row / s.positions;
        const int64_t position = row % s.positions;
        const bool even = s.positions == 1 || s.sample_stride == s.positions * s.position_stride;
        const int64_t stride = s.positions == 1 ? s.sample_stride : s.position_stride;
        const int64_t last = even ? end : std::min(end, (sample + 1) * s.positions);
        const bool nan = rows_of(x + sample * s.sample_stride + position * s.position_stride, stride, last - row,
                                 s.classes, target + row, top_k, predicted + row);
        if (nan) nan_seen = true;
        row = last;
      }
    });
    return nan_seen;
  }
  const int64_t blocks = (s.positions + kColumns - 1) / kColumns;
  parallel(s.samples * blocks, s.classes * std::min(s.positions, kColumns), [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t sample = block / blocks;
      const int64_t position = block % blocks * kColumns;
      const int64_t row = sample * s.positions + position;
      const bool nan =
          columns_of(x + sample * s.sample_stride + position, s.class_stride,
                     std::min(kColumns, s.positions - position), s.classes, target + row, top_k, predicted + row);
      if (nan) nan_seen = true;
    }
  });
  return nan_seen;
}

// --- Counting labels. Loops of their own: labels are few beside scores, and all are checked before any is counted.

METRICS_MULTIVERSIONED bool targets_in_range(const int64_t* target, int64_t rows, int64_t classes, Ignored ignored) {
  int64_t bad = 0;
  for (int64_t i = 0; i < rows; ++i) {
    bad |= (static_cast<uint64_t>(target[i]) >= static_cast<uint64_t>(classes)) & !ignored(target[i]);
  }
  return bad == 0;
}

METRICS_MULTIVERSIONED bool pairs_in_range(const int64_t* target, const int64_t* predicted, int64_t rows,
                                           int64_t classes, Ignored ignored) {
  const auto bound = static_cast<uint64_t>(classes);
  int64_t bad = 0;
  for (int64_t i = 0; i < rows; ++i) {
    bad |= ((static_cast<uint64_t>(target[i]) >= bound) | (static_cast<uint64_t>(predicted[i]) >= bound)) &
           !ignored(target[i]);
  }
  return bad == 0;
}

METRICS_MULTIVERSIONED Hits hits_of(const int64_t* target, const int64_t* predicted, int64_t rows, Ignored ignored) {
  int64_t taken = 0;
  int64_t right = 0;
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t take = !ignored(target[i]);
    taken += take;
    right += take & (target[i] == predicted[i]);
  }
  return {taken, right};
}

bool of_class(int64_t label, int64_t classes) {
  return static_cast<uint64_t>(label) < static_cast<uint64_t>(classes);
}

void count_rows(int64_t* counts, int64_t classes, const int64_t* target, const int64_t* predicted, int64_t rows,
                Ignored ignored) {
  int64_t* tp = counts;
  int64_t* fp = tp + classes;
  int64_t* tn = fp + classes;
  int64_t* fn = tn + classes;
  int64_t taken = 0;
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t t = target[i];
    const int64_t p = predicted[i];
    if (ignored(t)) continue;
    ++taken;
    if (t == p && of_class(t, classes)) {
      ++tp[t];
      --tn[t];
      continue;
    }
    if (of_class(p, classes)) {
      ++fp[p];
      --tn[p];
    }
    if (of_class(t, classes)) {
      ++fn[t];
      --tn[t];
    }
  }
  for (int64_t c = 0; c < classes; ++c) tn[c] += taken;
}

void count_pairs(int64_t* confusion, int64_t classes, const int64_t* target, const int64_t* predicted, int64_t rows,
                 Ignored ignored) {
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t t = target[i];
    const int64_t p = predicted[i];
    if (!ignored(t) && of_class(t, classes) && of_class(p, classes)) ++confusion[t * classes + p];
  }
}

// Counts rows into a table of `cells`: each thread into one of its own where there are many rows to a cell, then all
// are added.
template <class Count>
void count_in_parts(int64_t* table, int64_t cells, int64_t rows, const Count& count) {
  if (rows <= elements_per_task || rows < 8 * cells) {
    count(table, int64_t{0}, rows);
    return;
  }
  std::mutex adding;
  metrics::kernels::parallel_for(rows, elements_per_task, [&](int64_t begin, int64_t end) {
    std::vector<int64_t> part(cells, 0);
    count(part.data(), begin, end);
    const std::lock_guard lock(adding);
    for (int64_t i = 0; i < cells; ++i) table[i] += part[i];
  });
}

}  // namespace

bool predict(const Scores& scores, const int64_t* target, int64_t top_k, int64_t* predicted) {
  if (top_k == 1 && is_short(scores.classes)) return predict_short(scores, predicted);
  return with_element(scores.data, scores.element,
                      [&]<class E>(const E*) { return predict_as<E>(scores, target, top_k, predicted); });
}

bool labels_in_range(const int64_t* target, const int64_t* predicted, int64_t rows, int64_t classes, Ignored ignored) {
  return predicted ? pairs_in_range(target, predicted, rows, classes, ignored)
                   : targets_in_range(target, rows, classes, ignored);
}

Hits count_hits(const int64_t* target, const int64_t* predicted, int64_t rows, Ignored ignored) {
  return hits_of(target, predicted, rows, ignored);
}

void add_counts(int64_t* counts, int64_t classes, const int64_t* target, const int64_t* predicted, int64_t rows,
                Ignored ignored) {
  count_in_parts(counts, 4 * classes, rows, [&](int64_t* table, int64_t begin, int64_t end) {
    count_rows(table, classes, target + begin, predicted + begin, end - begin, ignored);
  });
}

void add_hits(int64_t* counts, int64_t classes, Hits hits) {
  const auto [taken, right] = hits;
  const int64_t wrong = taken - right;
  counts[0] += right;
  counts[1] += wrong;
  counts[2] += classes * taken - (right + 2 * wrong);
  counts[3] += wrong;
}

void add_micro_counts(int64_t* counts, int64_t classes, const int64_t* target, const int64_t* predicted, int64_t rows,
                      Ignored ignored) {
  add_hits(counts, classes, count_hits(target, predicted, rows, ignored));
}

void add_confusion(int64_t* confusion, int64_t classes, const int64_t* target, const int64_t* predicted, int64_t rows,
                   Ignored ignored) {
  count_in_parts(confusion, classes * classes, rows, [&](int64_t* table, int64_t begin, int64_t end) {
    count_pairs(table, classes, target + begin, predicted + begin, end - begin, ignored);
  });
}

}  // namespace metrics::classification::counts::kernels
