#include "counting_kernels.h"

#include "../core/half_formats.h"
#include "../core/multiversioned.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <limits>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

namespace metrics::counting::kernels {
namespace {

// Elements per task: below it, one thread is faster.
constexpr int64_t kGrain = 32768;

template <class Body>
void parallel(int64_t count, int64_t cost, const Body& body) {
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, cost));
  if (count <= grain) {
    body(int64_t{0}, count);
  } else {
    at::parallel_for(0, count, grain, body);
  }
}

// --- Element types: half types are widened, which is exact, and the loops below know float and double only.

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
constexpr bool is_wide = std::is_same_v<E, Wide<E>>;

// --- Predicted classes. NaN is the greatest score; among equals the lowest index comes first.

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

// A maximum and then a search for it: both vectorise, while a search for the maximum's place does not.
template <class T>
METRICS_INLINE int64_t argmax(const T* x, int64_t count) {
  T greatest = x[0];
  Lane<T> nan = 0;
#pragma omp simd reduction(max : greatest) reduction(| : nan)
  for (int64_t i = 0; i < count; ++i) {
    greatest = x[i] > greatest ? x[i] : greatest;
    nan |= x[i] != x[i];
  }
  if (nan) return first_nan(x, count);
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
METRICS_INLINE int64_t argmax_of_few(const T* x, int64_t count) {
  T greatest = x[0];
  int64_t index = 0;
  bool nan = greatest != greatest;
  for (int64_t i = 1; i < count; ++i) {
    const bool greater = x[i] > greatest;
    nan |= x[i] != x[i];
    index = greater ? i : index;
    greatest = greater ? x[i] : greatest;
  }
  return nan ? first_nan(x, count) : index;
}

// Returns whether fewer than `top_k` classes come before `target`.
template <class T>
METRICS_INLINE bool in_top(const T* x, int64_t count, int64_t target, int64_t top_k) {
  const T own = x[target];
  if (own != own) {
    int64_t before = 0;
    for (int64_t i = 0; i < target; ++i) before += x[i] != x[i];
    return before < top_k;
  }
  Lane<T> before = 0;
#pragma omp simd reduction(+ : before)
  for (int64_t i = 0; i < count; ++i) before += !(x[i] <= own);
  if (before >= top_k) return false;
#pragma omp simd reduction(+ : before)
  for (int64_t i = 0; i < target; ++i) before += x[i] == own;
  return before < top_k;
}

template <class E>
METRICS_INLINE void predict_rows(const E* x, int64_t row_stride, int64_t rows, int64_t classes, const int64_t* target,
                                 int64_t top_k, int64_t* predicted) {
  using T = Wide<E>;
  constexpr int64_t kFew = 16;
  std::vector<T> buffer(is_wide<E> ? 0 : classes);
  for (int64_t r = 0; r < rows; ++r) {
    const T* row = widen(x + r * row_stride, classes, buffer.data());
    if (top_k > 1 && target[r] >= 0 && target[r] < classes && in_top(row, classes, target[r], top_k)) {
      predicted[r] = target[r];
    } else {
      predicted[r] = classes <= kFew ? argmax_of_few(row, classes) : argmax(row, classes);
    }
  }
}

// The same with the positions next to each other: as many columns at once as fit the nearest cache.
constexpr int64_t kColumns = 256;

template <class E>
METRICS_INLINE void predict_columns(const E* x, int64_t class_stride, int64_t columns, int64_t classes,
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

  for (int64_t j = 0; j < columns; ++j) {
    if (!nan[j]) continue;
    std::vector<T> column(classes);
    for (int64_t c = 0; c < classes; ++c) {
      T element;
      column[c] = *widen(x + c * class_stride + j, 1, &element);
    }
    const bool hit =
        top_k > 1 && target[j] >= 0 && target[j] < classes && in_top(column.data(), classes, target[j], top_k);
    predicted[j] = hit ? target[j] : first_nan(column.data(), classes);
  }
}

#define METRICS_PREDICT(E)                                                                                             \
  METRICS_MULTIVERSIONED void rows_of(const E* x, int64_t row_stride, int64_t rows, int64_t classes, const int64_t* t, \
                                      int64_t top_k, int64_t* predicted) {                                             \
    predict_rows(x, row_stride, rows, classes, t, top_k, predicted);                                                   \
  }                                                                                                                    \
  METRICS_MULTIVERSIONED void columns_of(const E* x, int64_t class_stride, int64_t columns, int64_t classes,           \
                                         const int64_t* t, int64_t top_k, int64_t* predicted) {                        \
    predict_columns(x, class_stride, columns, classes, t, top_k, predicted);                                           \
  }
METRICS_PREDICT(float)
METRICS_PREDICT(double)
METRICS_PREDICT(BFloat16)
METRICS_PREDICT(Half)
#undef METRICS_PREDICT

template <class E>
void predict_as(const Scores& s, const int64_t* target, int64_t top_k, int64_t* predicted) {
  const auto* x = static_cast<const E*>(s.data);
  if (s.class_stride == 1) {
    parallel(s.samples * s.positions, s.classes, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end;) {
        const int64_t sample = row / s.positions;
        const int64_t position = row % s.positions;
        const bool even = s.positions == 1 || s.sample_stride == s.positions * s.position_stride;
        const int64_t stride = s.positions == 1 ? s.sample_stride : s.position_stride;
        const int64_t last = even ? end : std::min(end, (sample + 1) * s.positions);
        rows_of(x + sample * s.sample_stride + position * s.position_stride, stride, last - row, s.classes,
                target + row, top_k, predicted + row);
        row = last;
      }
    });
    return;
  }
  const int64_t blocks = (s.positions + kColumns - 1) / kColumns;
  parallel(s.samples * blocks, s.classes * std::min(s.positions, kColumns), [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t sample = block / blocks;
      const int64_t position = block % blocks * kColumns;
      const int64_t row = sample * s.positions + position;
      columns_of(x + sample * s.sample_stride + position, s.class_stride, std::min(kColumns, s.positions - position),
                 s.classes, target + row, top_k, predicted + row);
    }
  });
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

struct Hits {
  int64_t kept, right;
};

METRICS_MULTIVERSIONED Hits count_hits(const int64_t* target, const int64_t* predicted, int64_t rows, Ignored ignored) {
  int64_t kept = 0;
  int64_t right = 0;
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t keep = !ignored(target[i]);
    kept += keep;
    right += keep & (target[i] == predicted[i]);
  }
  return {kept, right};
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
  int64_t kept = 0;
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t t = target[i];
    const int64_t p = predicted[i];
    if (ignored(t)) continue;
    ++kept;
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
  for (int64_t c = 0; c < classes; ++c) tn[c] += kept;
}

void count_pairs(int64_t* confusion, int64_t classes, const int64_t* target, const int64_t* predicted, int64_t rows,
                 Ignored ignored) {
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t t = target[i];
    const int64_t p = predicted[i];
    if (!ignored(t) && of_class(t, classes) && of_class(p, classes)) ++confusion[t * classes + p];
  }
}

bool is_exact(const int64_t* target, const int64_t* predicted, int64_t rows, Ignored ignored) {
  const auto [kept, right] = count_hits(target, predicted, rows, ignored);
  return kept == right;
}

// Counts rows into a table of `cells`: each thread into one of its own where there are many rows to a cell, then all
// are added.
template <class Count>
void count_in_parts(int64_t* table, int64_t cells, int64_t rows, const Count& count) {
  if (rows <= kGrain || rows < 8 * cells) {
    count(table, int64_t{0}, rows);
    return;
  }
  std::mutex adding;
  at::parallel_for(0, rows, kGrain, [&](int64_t begin, int64_t end) {
    std::vector<int64_t> part(cells, 0);
    count(part.data(), begin, end);
    const std::lock_guard lock(adding);
    for (int64_t i = 0; i < cells; ++i) table[i] += part[i];
  });
}

// --- Thresholds. Targets become codes first, so that the loop over the scores has 32-bit lanes only and no branches.

enum Code : int32_t { kIgnored = 0, kYes = 1, kNo = 2, kInvalid = 4 };

METRICS_MULTIVERSIONED void encode(const int64_t* target, int64_t count, Ignored ignored, int32_t* codes) {
  const int32_t one = ignored(1) ? kIgnored : kYes;
  const int32_t zero = ignored(0) ? kIgnored : kNo;
  const int32_t other = ignored.any ? kIgnored : kInvalid;
  for (int64_t i = 0; i < count; ++i) {
    const int32_t odd = target[i] == ignored.value ? other : kInvalid;
    codes[i] = target[i] == 1 ? one : target[i] == 0 ? zero : odd;
  }
}

// Three counts in one integer, ten bits each: elements, those above as a probability, those above as a logit. So at
// most kPacked elements fit.
constexpr int64_t kPacked = 1023;
constexpr int kAsProbability = 10;
constexpr int kAsLogit = 20;

template <class T>
struct Scored {
  T probability, logit;

  explicit Scored(Cutoffs cutoffs)
      : probability(static_cast<T>(cutoffs.probability)), logit(static_cast<T>(cutoffs.logit)) {}
  int32_t packed_if_yes(T x) const { return 1 | (x > probability) << kAsProbability | (x > logit) << kAsLogit; }
  int32_t packed_if_no(T x) const { return packed_if_yes(x); }
  int32_t outside(T x) const { return !((x >= T(0)) & (x <= T(1))); }
  int32_t invalid(T) const { return 0; }
};

// A predicted label other than 0 and 1 is wrong, whatever the target.
struct Labelled {
  explicit Labelled(Cutoffs) {}
  int32_t packed_if_yes(int64_t p) const { return p == 1 ? 1 | 1 << kAsProbability | 1 << kAsLogit : 1; }
  int32_t packed_if_no(int64_t p) const { return p != 0 ? 1 | 1 << kAsProbability | 1 << kAsLogit : 1; }
  int32_t outside(int64_t) const { return 0; }
  int32_t invalid(int64_t p) const { return (p != 0) & (p != 1); }
};

template <>
struct Widened<int64_t> {
  using type = int64_t;
};
template <class E>
using Prediction = std::conditional_t<std::is_same_v<E, int64_t>, Labelled, Scored<Wide<E>>>;

// Packed counts of elements whose target is yes, and of those whose target is no.
struct Packed {
  int32_t yes = 0;
  int32_t no = 0;
};

struct Flags {
  int32_t outside = 0;
  int32_t invalid = 0;
};

constexpr int64_t kBlock = 256;

// Counts at most kPacked elements of one label.
template <class E>
METRICS_INLINE Packed pack_run(const E* x, const int64_t* target, int64_t count, Cutoffs cutoffs, Ignored ignored,
                               Flags& flags) {
  const Prediction<E> prediction(cutoffs);
  std::array<int32_t, kBlock> codes;
  std::array<Wide<E>, kBlock> buffer;
  int32_t yes = 0, no = 0, outside = 0, invalid = 0;
  for (int64_t i = 0; i < count; i += kBlock) {
    const int64_t n = std::min(kBlock, count - i);
    const auto* line = widen(x + i, n, buffer.data());
    encode(target + i, n, ignored, codes.data());
#pragma omp simd reduction(+ : yes, no) reduction(| : outside, invalid)
    for (int64_t j = 0; j < n; ++j) {
      const int32_t is_yes = -(codes[j] & kYes);
      const int32_t is_no = -(codes[j] >> 1 & 1);
      yes += is_yes & prediction.packed_if_yes(line[j]);
      no += is_no & prediction.packed_if_no(line[j]);
      outside |= (is_yes | is_no) & prediction.outside(line[j]);
      invalid |= (codes[j] & kInvalid) | ((is_yes | is_no) & prediction.invalid(line[j]));
    }
  }
  flags.outside |= outside;
  flags.invalid |= invalid;
  return {yes, no};
}

// Counts one element of each label.
template <class E>
METRICS_INLINE void pack_line(const E* x, const int64_t* target, int64_t labels, Cutoffs cutoffs, Ignored ignored,
                              int32_t* yes, int32_t* no, Flags& flags) {
  const Prediction<E> prediction(cutoffs);
  std::array<int32_t, kBlock> codes;
  std::array<Wide<E>, kBlock> buffer;
  int32_t outside = 0, invalid = 0;
  for (int64_t i = 0; i < labels; i += kBlock) {
    const int64_t n = std::min(kBlock, labels - i);
    const auto* line = widen(x + i, n, buffer.data());
    encode(target + i, n, ignored, codes.data());
#pragma omp simd reduction(| : outside, invalid)
    for (int64_t j = 0; j < n; ++j) {
      const int32_t is_yes = -(codes[j] & kYes);
      const int32_t is_no = -(codes[j] >> 1 & 1);
      yes[i + j] += is_yes & prediction.packed_if_yes(line[j]);
      no[i + j] += is_no & prediction.packed_if_no(line[j]);
      outside |= (is_yes | is_no) & prediction.outside(line[j]);
      invalid |= (codes[j] & kInvalid) | ((is_yes | is_no) & prediction.invalid(line[j]));
    }
  }
  flags.outside |= outside;
  flags.invalid |= invalid;
}

#define METRICS_PACK(E)                                                                                             \
  METRICS_MULTIVERSIONED Packed packed_run(const E* x, const int64_t* t, int64_t count, Cutoffs cutoffs, Ignored i, \
                                           Flags& flags) {                                                          \
    return pack_run(x, t, count, cutoffs, i, flags);                                                                \
  }                                                                                                                 \
  METRICS_MULTIVERSIONED void packed_lines(const E* x, const int64_t* t, int64_t lines, int64_t labels,             \
                                           Cutoffs cutoffs, Ignored ignored, int32_t* yes, int32_t* no,             \
                                           Flags& flags) {                                                          \
    for (int64_t i = 0; i < lines; ++i) {                                                                           \
      pack_line(x + i * labels, t + i * labels, labels, cutoffs, ignored, yes, no, flags);                          \
    }                                                                                                               \
  }
METRICS_PACK(float)
METRICS_PACK(double)
METRICS_PACK(BFloat16)
METRICS_PACK(Half)
METRICS_PACK(int64_t)
#undef METRICS_PACK

// A pair of tables [4, labels], one for each reading.
struct Tables {
  int64_t* probabilities;
  int64_t* logits;
  int64_t labels;

  void add(Packed packed, int64_t label) const {
    add_reading(probabilities, kAsProbability, packed, label);
    add_reading(logits, kAsLogit, packed, label);
  }

 private:
  void add_reading(int64_t* table, int reading, Packed packed, int64_t label) const {
    const int64_t tp = packed.yes >> reading & kPacked;
    const int64_t fp = packed.no >> reading & kPacked;
    table[label] += tp;
    table[labels + label] += fp;
    table[2 * labels + label] += (packed.no & kPacked) - fp;
    table[3 * labels + label] += (packed.yes & kPacked) - tp;
  }
};

// Counts `count` elements of one label.
template <class E>
void count_run(const E* x, const int64_t* target, int64_t count, Cutoffs cutoffs, Ignored ignored, const Tables& tables,
               int64_t label, Flags& flags) {
  for (int64_t i = 0; i < count; i += kPacked) {
    tables.add(packed_run(x + i, target + i, std::min(kPacked, count - i), cutoffs, ignored, flags), label);
  }
}

// Counts lines of one element for each label. Several lines at a time where labels are few: they have the columns of
// one wide line.
template <class E>
void count_lines(const E* x, const int64_t* target, int64_t lines, Cutoffs cutoffs, Ignored ignored,
                 const Tables& tables, Flags& flags) {
  const int64_t together = std::clamp<int64_t>(kBlock / tables.labels, 1, lines);
  const int64_t columns = together * tables.labels;
  std::vector<int32_t> yes(columns), no(columns);
  const auto count = [&](int64_t first, int64_t wide_lines, int64_t width) {
    packed_lines(x + first, target + first, wide_lines, width, cutoffs, ignored, yes.data(), no.data(), flags);
    for (int64_t i = 0; i < width; ++i)
      tables.add({std::exchange(yes[i], 0), std::exchange(no[i], 0)}, i % tables.labels);
  };
  const int64_t wide_lines = lines / together;
  for (int64_t i = 0; i < wide_lines; i += kPacked) count(i * columns, std::min(kPacked, wide_lines - i), columns);
  const int64_t rest = lines % together;
  if (rest) count(wide_lines * columns, 1, rest * tables.labels);
}

// Counts samples [begin, end) into one pair of tables.
template <class E>
void count_samples(const E* x, const Questions& q, int64_t begin, int64_t end, Cutoffs cutoffs, Ignored ignored,
                   const Tables& tables, Flags& flags) {
  const int64_t size = q.labels * q.positions;
  if (q.labels == 1) {
    count_run(x + begin * size, q.target + begin * size, (end - begin) * size, cutoffs, ignored, tables, 0, flags);
  } else if (q.positions == 1) {
    count_lines(x + begin * size, q.target + begin * size, end - begin, cutoffs, ignored, tables, flags);
  } else {
    for (int64_t run = begin * q.labels; run < end * q.labels; ++run) {
      const int64_t first = run * q.positions;
      count_run(x + first, q.target + first, q.positions, cutoffs, ignored, tables, run % q.labels, flags);
    }
  }
}

template <class E>
Seen count_by_sample(const E* x, int64_t* probabilities, int64_t* logits, const Questions& q, Cutoffs cutoffs,
                     Ignored ignored) {
  const int64_t cells = 4 * q.labels;
  std::atomic<bool> outside = false, invalid = false;
  parallel(q.samples, q.labels * q.positions, [&](int64_t begin, int64_t end) {
    Flags flags;
    for (int64_t s = begin; s < end; ++s) {
      const Tables tables{probabilities + s * cells, logits + s * cells, q.labels};
      count_samples(x, q, s, s + 1, cutoffs, ignored, tables, flags);
    }
    if (flags.outside) outside = true;
    if (flags.invalid) invalid = true;
  });
  return {outside, invalid};
}

template <class E>
Seen count_together(const E* x, int64_t* probabilities, int64_t* logits, Questions q, Cutoffs cutoffs,
                    Ignored ignored) {
  // The samples of a binary metric may be few and long: its elements are shared out instead.
  if (q.labels == 1) q = {q.scores, q.element, q.predicted, q.target, q.samples * q.positions, 1, 1};
  const int64_t cells = 4 * q.labels;
  std::mutex adding;
  Flags seen;
  parallel(q.samples, q.labels * q.positions, [&](int64_t begin, int64_t end) {
    Flags flags;
    std::vector<int64_t> part(2 * cells, 0);
    count_samples(x, q, begin, end, cutoffs, ignored, {part.data(), part.data() + cells, q.labels}, flags);
    const std::lock_guard lock(adding);
    for (int64_t i = 0; i < cells; ++i) {
      probabilities[i] += part[i];
      logits[i] += part[cells + i];
    }
    seen.outside |= flags.outside;
    seen.invalid |= flags.invalid;
  });
  return {seen.outside != 0, seen.invalid != 0};
}

// --- Samples that are right as a whole, under each reading of their scores.

struct Exact {
  int64_t probabilities = 0;
  int64_t logits = 0;
};

// What is left of `right`, a bit for each reading, after more elements: all that are yes are found, and no others.
int32_t still_right(int32_t right, Packed packed) {
  const auto all_right = [&](int reading) {
    return (packed.yes >> reading & kPacked) == (packed.yes & kPacked) && (packed.no >> reading & kPacked) == 0;
  };
  return right & (all_right(kAsProbability) << kAsProbability | all_right(kAsLogit) << kAsLogit);
}

// A row of counts for all positions of a sample.
struct Positions {
  explicit Positions(int64_t count) : yes(count), no(count), right(count) {}
  std::vector<int32_t> yes, no, right;
};

template <class E>
Exact exact_positions(const E* x, const int64_t* target, const Questions& q, Cutoffs cutoffs, Ignored ignored,
                      Positions& positions, Flags& flags) {
  auto& [yes, no, right] = positions;
  right.assign(right.size(), 1 << kAsProbability | 1 << kAsLogit);
  for (int64_t label = 0; label < q.labels; label += kPacked) {
    const int64_t labels = std::min(kPacked, q.labels - label);
    const int64_t first = label * q.positions;
    if (q.positions == 1) {
      right[0] = still_right(right[0], packed_run(x + first, target + first, labels, cutoffs, ignored, flags));
      continue;
    }
    packed_lines(x + first, target + first, labels, q.positions, cutoffs, ignored, yes.data(), no.data(), flags);
    for (int64_t i = 0; i < q.positions; ++i)
      right[i] = still_right(right[i], {std::exchange(yes[i], 0), std::exchange(no[i], 0)});
  }
  Exact exact;
  for (const int32_t each : right) {
    exact.probabilities += each >> kAsProbability & 1;
    exact.logits += each >> kAsLogit & 1;
  }
  return exact;
}

template <class E>
Seen count_exact_positions(const E* x, int64_t* probabilities, int64_t* logits, bool samplewise, const Questions& q,
                           Cutoffs cutoffs, Ignored ignored) {
  const int64_t size = q.labels * q.positions;
  std::mutex adding;
  Flags seen;
  parallel(q.samples, size, [&](int64_t begin, int64_t end) {
    Flags flags;
    Positions positions(q.positions);
    Exact all;
    for (int64_t s = begin; s < end; ++s) {
      const Exact exact = exact_positions(x + s * size, q.target + s * size, q, cutoffs, ignored, positions, flags);
      if (samplewise) {
        probabilities[s] += exact.probabilities;
        logits[s] += exact.logits;
      } else {
        all.probabilities += exact.probabilities;
        all.logits += exact.logits;
      }
    }
    const std::lock_guard lock(adding);
    if (!samplewise) {
      probabilities[0] += all.probabilities;
      logits[0] += all.logits;
    }
    seen.outside |= flags.outside;
    seen.invalid |= flags.invalid;
  });
  return {seen.outside != 0, seen.invalid != 0};
}

// Hands the predictions to `count` in their own type.
template <class Count>
Seen with_predictions(const Questions& questions, const Count& count) {
  if (questions.predicted) return count(questions.predicted);
  return with_element(questions.scores, questions.element, count);
}

}  // namespace

void predict(const Scores& scores, const int64_t* target, int64_t top_k, int64_t* predicted) {
  with_element(scores.data, scores.element,
               [&]<class E>(const E*) { predict_as<E>(scores, target, top_k, predicted); });
}

bool labels_in_range(const int64_t* target, const int64_t* predicted, int64_t rows, int64_t classes, Ignored ignored) {
  return predicted ? pairs_in_range(target, predicted, rows, classes, ignored)
                   : targets_in_range(target, rows, classes, ignored);
}

void add_counts(int64_t* counts, int64_t classes, const int64_t* target, const int64_t* predicted, int64_t rows,
                Ignored ignored) {
  count_in_parts(counts, 4 * classes, rows, [&](int64_t* table, int64_t begin, int64_t end) {
    count_rows(table, classes, target + begin, predicted + begin, end - begin, ignored);
  });
}

void add_micro_counts(int64_t* counts, int64_t classes, const int64_t* target, const int64_t* predicted, int64_t rows,
                      Ignored ignored) {
  const auto [kept, right] = count_hits(target, predicted, rows, ignored);
  const int64_t wrong = kept - right;
  counts[0] += right;
  counts[1] += wrong;
  counts[2] += classes * kept - (right + 2 * wrong);
  counts[3] += wrong;
}

void add_confusion(int64_t* confusion, int64_t classes, const int64_t* target, const int64_t* predicted, int64_t rows,
                   Ignored ignored) {
  count_in_parts(confusion, classes * classes, rows, [&](int64_t* table, int64_t begin, int64_t end) {
    count_pairs(table, classes, target + begin, predicted + begin, end - begin, ignored);
  });
}

int64_t count_exact(const int64_t* target, const int64_t* predicted, int64_t samples, int64_t positions,
                    Ignored ignored) {
  if (positions == 1) {
    const auto [kept, right] = count_hits(target, predicted, samples, ignored);
    return samples - (kept - right);
  }
  std::atomic<int64_t> exact = 0;
  parallel(samples, positions, [&](int64_t begin, int64_t end) {
    int64_t part = 0;
    for (int64_t s = begin; s < end; ++s)
      part += is_exact(target + s * positions, predicted + s * positions, positions, ignored);
    exact += part;
  });
  return exact;
}

void mark_exact(int64_t* exact, const int64_t* target, const int64_t* predicted, int64_t samples, int64_t positions,
                Ignored ignored) {
  parallel(samples, positions, [&](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; ++s)
      exact[s] = is_exact(target + s * positions, predicted + s * positions, positions, ignored);
  });
}

Seen add_threshold_counts(int64_t* probabilities, int64_t* logits, bool samplewise, const Questions& questions,
                          Cutoffs cutoffs, Ignored ignored) {
  return with_predictions(questions, [&](const auto* x) {
    return samplewise ? count_by_sample(x, probabilities, logits, questions, cutoffs, ignored)
                      : count_together(x, probabilities, logits, questions, cutoffs, ignored);
  });
}

Seen add_exact_counts(int64_t* probabilities, int64_t* logits, bool samplewise, const Questions& questions,
                      Cutoffs cutoffs, Ignored ignored) {
  return with_predictions(questions, [&](const auto* x) {
    return count_exact_positions(x, probabilities, logits, samplewise, questions, cutoffs, ignored);
  });
}

}  // namespace metrics::counting::kernels
