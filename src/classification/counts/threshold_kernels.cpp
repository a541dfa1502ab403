#include "kernels.h"
#include "questions.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

namespace metrics::classification::counts::kernels {
namespace {

// Packed counts of elements whose target is yes, and of those whose target is no.
struct Packed {
  int32_t yes = 0;
  int32_t no = 0;
};

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
    auto sum = prediction.summed(0);
#pragma omp simd reduction(+ : yes, no, sum) reduction(| : outside, invalid)
    for (int64_t j = 0; j < n; ++j) {
      const int32_t is_yes = -(codes[j] & kYes);
      const int32_t is_no = -(codes[j] >> 1 & 1);
      yes += is_yes & prediction.packed_if_yes(line[j]);
      no += is_no & prediction.packed_if_no(line[j]);
      outside |= (is_yes | is_no) & prediction.outside(line[j]);
      invalid |= (codes[j] & kInvalid) | ((is_yes | is_no) & prediction.invalid(line[j]));
      sum += prediction.summed(line[j]);
    }
    invalid |= any_nan(line, codes.data(), n, sum);
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
    auto sum = prediction.summed(0);
#pragma omp simd reduction(+ : sum) reduction(| : outside, invalid)
    for (int64_t j = 0; j < n; ++j) {
      const int32_t is_yes = -(codes[j] & kYes);
      const int32_t is_no = -(codes[j] >> 1 & 1);
      yes[i + j] += is_yes & prediction.packed_if_yes(line[j]);
      no[i + j] += is_no & prediction.packed_if_no(line[j]);
      outside |= (is_yes | is_no) & prediction.outside(line[j]);
      invalid |= (codes[j] & kInvalid) | ((is_yes | is_no) & prediction.invalid(line[j]));
      sum += prediction.summed(line[j]);
    }
    invalid |= any_nan(line, codes.data(), n, sum);
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
  // The samples of a binary metric may be few and long, so that threads take elements instead.
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

}  // namespace

Seen add_threshold_counts(int64_t* probabilities, int64_t* logits, bool samplewise, const Questions& questions,
                          Cutoffs cutoffs, Ignored ignored) {
  return with_predictions(questions, [&](const auto* x) {
    return samplewise ? count_by_sample(x, probabilities, logits, questions, cutoffs, ignored)
                      : count_together(x, probabilities, logits, questions, cutoffs, ignored);
  });
}

}  // namespace metrics::classification::counts::kernels
