#include "kernels.h"
#include "questions.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <vector>

namespace metrics::classification::counts::kernels {
namespace {

// What is wrong is marked element by element first, in loops that know nothing of samples: these are often a few
// elements long, too short for a loop with vectors of its own.

// Marks bits of an element that is wrong, as a probability or as a logit.
constexpr int32_t kWrong = 1 << kAsProbability | 1 << kAsLogit;

METRICS_MULTIVERSIONED void mark_labels(const int64_t* target, const int64_t* predicted, int64_t count, Ignored ignored,
                                        int32_t* wrong) {
  for (int64_t i = 0; i < count; ++i) wrong[i] = ((target[i] != predicted[i]) & !ignored(target[i])) ? kWrong : 0;
}

template <class E>
METRICS_INLINE void mark_line(const E* x, const int64_t* target, int64_t count, Cutoffs cutoffs, Ignored ignored,
                              int32_t* wrong, Flags& flags) {
  const Prediction<E> prediction(cutoffs);
  std::array<int32_t, kBlock> codes;
  std::array<Wide<E>, kBlock> buffer;
  int32_t outside = 0, invalid = 0;
  for (int64_t i = 0; i < count; i += kBlock) {
    const int64_t n = std::min(kBlock, count - i);
    const auto* line = widen(x + i, n, buffer.data());
    encode(target + i, n, ignored, codes.data());
    auto sum = prediction.summed(0);
#pragma omp simd reduction(+ : sum) reduction(| : outside, invalid)
    for (int64_t j = 0; j < n; ++j) {
      const int32_t is_yes = -(codes[j] & kYes);
      const int32_t is_no = -(codes[j] >> 1 & 1);
      const int32_t missed = is_yes & ~prediction.packed_if_yes(line[j]);
      const int32_t found = is_no & prediction.packed_if_no(line[j]);
      wrong[i + j] |= (missed | found) & kWrong;
      outside |= (is_yes | is_no) & prediction.outside(line[j]);
      invalid |= (codes[j] & kInvalid) | ((is_yes | is_no) & prediction.invalid(line[j]));
      sum += prediction.summed(line[j]);
    }
    invalid |= any_nan(line, codes.data(), n, sum);
  }
  flags.outside |= outside;
  flags.invalid |= invalid;
}

// Marks the columns of `lines` lines in which something is wrong.
#define METRICS_MARK(E)                                                                                        \
  METRICS_MULTIVERSIONED void mark_questions(const E* x, const int64_t* t, int64_t lines, int64_t columns,     \
                                             Cutoffs cutoffs, Ignored ignored, int32_t* wrong, Flags& flags) { \
    std::fill_n(wrong, columns, 0);                                                                            \
    for (int64_t i = 0; i < lines; ++i) {                                                                      \
      mark_line(x + i * columns, t + i * columns, columns, cutoffs, ignored, wrong, flags);                    \
    }                                                                                                          \
  }
METRICS_MARK(float)
METRICS_MARK(double)
METRICS_MARK(BFloat16)
METRICS_MARK(Half)
METRICS_MARK(int64_t)
#undef METRICS_MARK

int32_t any_wrong(const int32_t* wrong, int64_t count) {
  int32_t any = 0;
  for (int64_t i = 0; i < count; ++i) any |= wrong[i];
  return any;
}

// Calls take(sample, wrong) for samples [begin, end) of `size` elements. mark(first, count, wrong) marks so many
// elements: of several samples together where they are small.
template <class Mark, class Take>
void each_sample(int64_t begin, int64_t end, int64_t size, const Mark& mark, const Take& take) {
  const int64_t together = std::clamp<int64_t>(kBlock / size, 1, end - begin);
  std::vector<int32_t> wrong(static_cast<size_t>(together * size));
  for (int64_t s = begin; s < end; s += together) {
    const int64_t samples = std::min(together, end - s);
    mark(s * size, samples * size, wrong.data());
    for (int64_t i = 0; i < samples; ++i) take(s + i, any_wrong(wrong.data() + i * size, size));
  }
}

// The same for samples of labels.
template <class Take>
void each_sample_of_labels(const int64_t* target, const int64_t* predicted, int64_t begin, int64_t end,
                           int64_t positions, Ignored ignored, const Take& take) {
  const auto mark = [&](int64_t first, int64_t count, int32_t* wrong) {
    mark_labels(target + first, predicted + first, count, ignored, wrong);
  };
  each_sample(begin, end, positions, mark, take);
}

// The same for samples of questions, and each position of them.
template <class E, class Take>
void each_position(const E* x, const Questions& q, int64_t begin, int64_t end, Cutoffs cutoffs, Ignored ignored,
                   Flags& flags, const Take& take) {
  const auto mark = [&](int64_t first, int64_t lines, int64_t columns, int32_t* wrong) {
    mark_questions(x + first, q.target + first, lines, columns, cutoffs, ignored, wrong, flags);
  };
  if (q.positions == 1) {
    const auto line = [&](int64_t first, int64_t count, int32_t* wrong) { mark(first, 1, count, wrong); };
    return each_sample(begin, end, q.labels, line, take);
  }
  std::vector<int32_t> wrong(static_cast<size_t>(q.positions));
  for (int64_t s = begin; s < end; ++s) {
    mark(s * q.labels * q.positions, q.labels, q.positions, wrong.data());
    for (const int32_t each : wrong) take(s, each);
  }
}

struct Exact {
  int64_t probabilities = 0;
  int64_t logits = 0;

  void take(int32_t wrong) {
    probabilities += ~wrong >> kAsProbability & 1;
    logits += ~wrong >> kAsLogit & 1;
  }
};

template <class E>
Seen count_exact_positions(const E* x, int64_t* probabilities, int64_t* logits, bool samplewise, const Questions& q,
                           Cutoffs cutoffs, Ignored ignored) {
  std::mutex adding;
  Flags seen;
  parallel(q.samples, q.labels * q.positions, [&](int64_t begin, int64_t end) {
    Flags flags;
    std::vector<Exact> exact(static_cast<size_t>(samplewise ? end - begin : 1));
    each_position(x, q, begin, end, cutoffs, ignored, flags, [&](int64_t s, int32_t wrong) {
      exact[static_cast<size_t>(samplewise ? s - begin : 0)].take(wrong);
    });
    const std::lock_guard lock(adding);
    for (size_t i = 0; i < exact.size(); ++i) {
      const size_t row = samplewise ? static_cast<size_t>(begin) + i : 0;
      probabilities[row] += exact[i].probabilities;
      logits[row] += exact[i].logits;
    }
    seen.outside |= flags.outside;
    seen.invalid |= flags.invalid;
  });
  return {seen.outside != 0, seen.invalid != 0};
}

}  // namespace

int64_t count_exact(const int64_t* target, const int64_t* predicted, int64_t samples, int64_t positions,
                    Ignored ignored) {
  if (positions == 1) {
    const auto [taken, right] = count_hits(target, predicted, samples, ignored);
    return samples - (taken - right);
  }
  std::atomic<int64_t> exact = 0;
  parallel(samples, positions, [&](int64_t begin, int64_t end) {
    int64_t part = 0;
    each_sample_of_labels(target, predicted, begin, end, positions, ignored,
                          [&](int64_t, int32_t wrong) { part += wrong == 0; });
    exact += part;
  });
  return exact;
}

void mark_exact(int64_t* exact, const int64_t* target, const int64_t* predicted, int64_t samples, int64_t positions,
                Ignored ignored) {
  parallel(samples, positions, [&](int64_t begin, int64_t end) {
    each_sample_of_labels(target, predicted, begin, end, positions, ignored,
                          [&](int64_t s, int32_t wrong) { exact[s] = wrong == 0; });
  });
}

Seen add_exact_counts(int64_t* probabilities, int64_t* logits, bool samplewise, const Questions& questions,
                      Cutoffs cutoffs, Ignored ignored) {
  return with_predictions(questions, [&](const auto* x) {
    return count_exact_positions(x, probabilities, logits, samplewise, questions, cutoffs, ignored);
  });
}

}  // namespace metrics::classification::counts::kernels
