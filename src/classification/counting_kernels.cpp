#include "counting_kernels.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <memory>
#include <mutex>
#include <type_traits>
#include <vector>

// Builds a function for AVX-512, AVX2 and any x86-64; the loader picks. ThreadSanitizer crashes on it at start.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define METRICS_MULTIVERSIONED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define METRICS_MULTIVERSIONED
#endif

// The body of a multiversioned function has to be compiled inside of it.
#define METRICS_INLINE inline __attribute__((always_inline))

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

struct BFloat16 {
  uint16_t bits;
};
struct Half {
  uint16_t bits;
};

METRICS_INLINE float wide(BFloat16 x) {
  return std::bit_cast<float>(uint32_t{x.bits} << 16);
}

// In integers because the compiler vectorises it without half instructions: the exponent is moved and corrected by a
// product.
METRICS_INLINE float wide(Half x) {
  const uint32_t magnitude = (x.bits & 0x7fffu) << 13;
  const uint32_t scaled = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f);
  const uint32_t special = (x.bits & 0x7c00u) == 0x7c00u ? 0x7f800000u : 0u;
  return std::bit_cast<float>(scaled | special | (x.bits & 0x8000u) << 16);
}

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
  constexpr int64_t kBlock = 32;
  int64_t i = 0;
  for (; i + kBlock <= count; i += kBlock) {
    Lane<T> found = 0;
#pragma omp simd reduction(| : found)
    for (int64_t j = 0; j < kBlock; ++j) found |= x[i + j] == greatest;
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

// --- Thresholds.

// Six counts in one integer, ten bits each, so that an element costs one addition however many there are: at most
// kPacked elements fit.
constexpr int64_t kPacked = 1023;
enum Field : int { kYes, kNo, kYesProbability, kNoProbability, kYesLogit, kNoLogit };

METRICS_INLINE int64_t field(Field f) {
  return int64_t{1} << (10 * f);
}
METRICS_INLINE int64_t field(int64_t packed, Field f) {
  return packed >> (10 * f) & kPacked;
}

struct Flags {
  int64_t outside = 0;
  int64_t invalid = 0;
};

template <class T>
METRICS_INLINE int64_t pack_score(T x, int64_t t, T probability, T logit, Ignored ignored, int64_t& outside,
                                  int64_t& invalid) {
  const bool keep = !ignored(t);
  const int64_t yes = (t == 1) & keep ? -1 : 0;
  const int64_t no = (t == 0) & keep ? -1 : 0;
  const int64_t in_yes =
      field(kYes) | (x > probability ? field(kYesProbability) : 0) | (x > logit ? field(kYesLogit) : 0);
  const int64_t in_no = field(kNo) | (x > probability ? field(kNoProbability) : 0) | (x > logit ? field(kNoLogit) : 0);
  outside |= (yes | no) & ((x >= T(0)) & (x <= T(1)) ? 0 : -1);
  invalid |= keep & (t != 0) & (t != 1);
  return (yes & in_yes) | (no & in_no);
}

METRICS_INLINE int64_t pack_label(int64_t p, int64_t t, Ignored ignored, int64_t& invalid) {
  const bool keep = !ignored(t);
  const int64_t yes = (t == 1) & keep ? -1 : 0;
  const int64_t no = (t == 0) & keep ? -1 : 0;
  const int64_t in_yes = field(kYes) | (p == 1 ? field(kYesProbability) | field(kYesLogit) : 0);
  const int64_t in_no = field(kNo) | (p != 0 ? field(kNoProbability) | field(kNoLogit) : 0);
  invalid |= keep & (((t != 0) & (t != 1)) | ((p != 0) & (p != 1)));
  return (yes & in_yes) | (no & in_no);
}

// `rows` x `width` elements, one above the other: adds each column to its packed count, or all to the first one with a
// width of one run.
template <class E>
METRICS_INLINE void pack_scores(const E* x, const int64_t* t, int64_t count, Cutoffs cutoffs, Ignored ignored,
                                int64_t* packed, Flags& flags) {
  using T = Wide<E>;
  std::array<T, 256> buffer;
  const auto probability = static_cast<T>(cutoffs.probability);
  const auto logit = static_cast<T>(cutoffs.logit);
  int64_t outside = 0;
  int64_t invalid = 0;
  for (int64_t i = 0; i < count; i += 256) {
    const int64_t n = std::min<int64_t>(256, count - i);
    const T* line = widen(x + i, n, buffer.data());
#pragma omp simd reduction(| : outside, invalid)
    for (int64_t j = 0; j < n; ++j) {
      packed[i + j] += pack_score(line[j], t[i + j], probability, logit, ignored, outside, invalid);
    }
  }
  flags.outside |= outside;
  flags.invalid |= invalid;
}

template <class E>
METRICS_INLINE int64_t pack_run(const E* x, const int64_t* t, int64_t count, Cutoffs cutoffs, Ignored ignored,
                                Flags& flags) {
  using T = Wide<E>;
  std::array<T, kPacked> buffer;
  const auto probability = static_cast<T>(cutoffs.probability);
  const auto logit = static_cast<T>(cutoffs.logit);
  int64_t outside = 0;
  int64_t invalid = 0;
  int64_t packed = 0;
  const T* line = widen(x, count, buffer.data());
#pragma omp simd reduction(| : outside, invalid) reduction(+ : packed)
  for (int64_t j = 0; j < count; ++j)
    packed += pack_score(line[j], t[j], probability, logit, ignored, outside, invalid);
  flags.outside |= outside;
  flags.invalid |= invalid;
  return packed;
}

#define METRICS_PACK(E)                                                                                                \
  METRICS_MULTIVERSIONED void pack_line(const E* x, const int64_t* t, int64_t count, Cutoffs cutoffs, Ignored ignored, \
                                        int64_t* packed, Flags& flags) {                                               \
    pack_scores(x, t, count, cutoffs, ignored, packed, flags);                                                         \
  }                                                                                                                    \
  METRICS_MULTIVERSIONED int64_t pack_all(const E* x, const int64_t* t, int64_t count, Cutoffs cutoffs,                \
                                          Ignored ignored, Flags& flags) {                                             \
    return pack_run(x, t, count, cutoffs, ignored, flags);                                                             \
  }
METRICS_PACK(float)
METRICS_PACK(double)
METRICS_PACK(BFloat16)
METRICS_PACK(Half)

METRICS_MULTIVERSIONED void pack_line(const int64_t* p, const int64_t* t, int64_t count, Cutoffs, Ignored ignored,
                                      int64_t* packed, Flags& flags) {
  int64_t invalid = 0;
#pragma omp simd reduction(| : invalid)
  for (int64_t j = 0; j < count; ++j) packed[j] += pack_label(p[j], t[j], ignored, invalid);
  flags.invalid |= invalid;
}

METRICS_MULTIVERSIONED int64_t pack_all(const int64_t* p, const int64_t* t, int64_t count, Cutoffs, Ignored ignored,
                                        Flags& flags) {
  int64_t invalid = 0;
  int64_t packed = 0;
#pragma omp simd reduction(| : invalid) reduction(+ : packed)
  for (int64_t j = 0; j < count; ++j) packed += pack_label(p[j], t[j], ignored, invalid);
  flags.invalid |= invalid;
  return packed;
}

// Adds packed counts to one label's cells of both tables.
void unpack(int64_t packed, int64_t* probabilities, int64_t* logits, int64_t label, int64_t labels) {
  const auto add = [&](int64_t* table, Field yes, Field no) {
    table[label] += field(packed, yes);
    table[labels + label] += field(packed, no);
    table[2 * labels + label] += field(packed, kNo) - field(packed, no);
    table[3 * labels + label] += field(packed, kYes) - field(packed, yes);
  };
  add(probabilities, kYesProbability, kNoProbability);
  add(logits, kYesLogit, kNoLogit);
}

// Counts samples [begin, end) into one pair of tables.
template <class P>
void count_samples(const P* p, const Questions& q, int64_t begin, int64_t end, Cutoffs cutoffs, Ignored ignored,
                   int64_t* probabilities, int64_t* logits, Flags& flags) {
  if (q.labels == 1 || q.positions > 1) {
    const int64_t runs_end = end * q.labels;
    // Samples of one label follow each other: one long run.
    const bool joined = q.labels == 1;
    const int64_t length = joined ? (end - begin) * q.positions : q.positions;
    for (int64_t run = begin * q.labels; run < runs_end; run += joined ? runs_end : 1) {
      const int64_t first = run * q.positions;
      for (int64_t i = 0; i < length; i += kPacked) {
        const int64_t n = std::min(kPacked, length - i);
        unpack(pack_all(p + first + i, q.target + first + i, n, cutoffs, ignored, flags), probabilities, logits,
               run % q.labels, q.labels);
      }
    }
    return;
  }
  std::vector<int64_t> packed(q.labels);
  for (int64_t sample = begin; sample < end;) {
    const int64_t stop = std::min(end, sample + kPacked);
    std::fill(packed.begin(), packed.end(), 0);
    for (; sample < stop; ++sample) {
      pack_line(p + sample * q.labels, q.target + sample * q.labels, q.labels, cutoffs, ignored, packed.data(), flags);
    }
    for (int64_t label = 0; label < q.labels; ++label) unpack(packed[label], probabilities, logits, label, q.labels);
  }
}

template <class P>
Seen threshold_counts_as(const P* p, int64_t* probabilities, int64_t* logits, bool samplewise, const Questions& q,
                         Cutoffs cutoffs, Ignored ignored) {
  const int64_t cells = 4 * q.labels;
  const int64_t cost = q.labels * q.positions;
  std::mutex adding;
  Seen seen;
  // A binary metric's samples may be few and long: then its elements are shared out instead.
  Questions flat = q;
  if (!samplewise && q.labels == 1) {
    flat.samples = q.samples * q.positions;
    flat.positions = 1;
  }
  parallel(flat.samples, flat.labels * flat.positions, [&](int64_t begin, int64_t end) {
    Flags flags;
    if (samplewise) {
      for (int64_t s = begin; s < end; ++s) {
        count_samples(p, flat, s, s + 1, cutoffs, ignored, probabilities + s * cells, logits + s * cells, flags);
      }
    } else if (begin == 0 && end == flat.samples) {
      count_samples(p, flat, begin, end, cutoffs, ignored, probabilities, logits, flags);
    } else {
      std::vector<int64_t> part(2 * cells, 0);
      count_samples(p, flat, begin, end, cutoffs, ignored, part.data(), part.data() + cells, flags);
      const std::lock_guard lock(adding);
      for (int64_t i = 0; i < cells; ++i) {
        probabilities[i] += part[i];
        logits[i] += part[cells + i];
      }
    }
    const std::lock_guard lock(adding);
    seen.outside |= flags.outside != 0;
    seen.invalid |= flags.invalid != 0;
  });
  static_cast<void>(cost);
  return seen;
}

}  // namespace

void predict(const Scores& scores, const int64_t* target, int64_t top_k, int64_t* predicted) {
  switch (scores.element) {
    case Element::Float:
      return predict_as<float>(scores, target, top_k, predicted);
    case Element::Double:
      return predict_as<double>(scores, target, top_k, predicted);
    case Element::BFloat16:
      return predict_as<BFloat16>(scores, target, top_k, predicted);
    case Element::Half:
      return predict_as<Half>(scores, target, top_k, predicted);
  }
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

Seen add_threshold_counts(int64_t* probabilities, int64_t* logits, bool samplewise, const Questions& questions,
                          Cutoffs cutoffs, Ignored ignored) {
  const auto count = [&](const auto* predictions) {
    return threshold_counts_as(predictions, probabilities, logits, samplewise, questions, cutoffs, ignored);
  };
  if (questions.predicted) return count(questions.predicted);
  switch (questions.element) {
    case Element::Float:
      return count(static_cast<const float*>(questions.scores));
    case Element::Double:
      return count(static_cast<const double*>(questions.scores));
    case Element::BFloat16:
      return count(static_cast<const BFloat16*>(questions.scores));
    case Element::Half:
      return count(static_cast<const Half*>(questions.scores));
  }
  return {};
}

}  // namespace metrics::counting::kernels
