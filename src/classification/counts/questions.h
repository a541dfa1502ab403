#pragma once

#include "elements.h"
#include "kernels.h"

#include <cstdint>
#include <type_traits>

// How an element of a yes-or-no question is read. Targets become codes first, so that the loop over the scores has
// 32-bit lanes only and no branches.

namespace metrics::classification::counts::kernels {

enum Code : int32_t { kIgnored = 0, kYes = 1, kNo = 2, kInvalid = 4 };

METRICS_INLINE void encode(const int64_t* target, int64_t count, Ignored ignored, int32_t* codes) {
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
inline constexpr int64_t kPacked = 1023;
inline constexpr int kAsProbability = 10;
inline constexpr int kAsLogit = 20;

template <class T>
struct ScoreComparison {
  T probability, logit;

  explicit ScoreComparison(Cutoffs cutoffs)
      : probability(static_cast<T>(cutoffs.probability)), logit(static_cast<T>(cutoffs.logit)) {}
  int32_t packed_if_yes(T x) const { return 1 | (x > probability) << kAsProbability | (x > logit) << kAsLogit; }
  int32_t packed_if_no(T x) const { return packed_if_yes(x); }
  int32_t outside(T x) const { return !((x >= T(0)) & (x <= T(1))); }
  int32_t invalid(T) const { return 0; }
  // The sum of scores is NaN where one is; else only where infinities meet. Adding costs a loop 2 %, comparing 8 %.
  T summed(T x) const { return x; }
};

// A predicted label other than 0 and 1 is wrong, whatever the target.
struct LabelComparison {
  explicit LabelComparison(Cutoffs) {}
  int32_t packed_if_yes(int64_t p) const { return p == 1 ? 1 | 1 << kAsProbability | 1 << kAsLogit : 1; }
  int32_t packed_if_no(int64_t p) const { return p != 0 ? 1 | 1 << kAsProbability | 1 << kAsLogit : 1; }
  int32_t outside(int64_t) const { return 0; }
  int32_t invalid(int64_t p) const { return (p != 0) & (p != 1); }
  float summed(int64_t) const { return 0; }
};

template <>
struct Widened<int64_t> {
  using type = int64_t;
};
template <class E>
using Prediction = std::conditional_t<std::is_same_v<E, int64_t>, LabelComparison, ScoreComparison<Wide<E>>>;

// Whether a score of a target 0 or 1 is NaN, which is looked for only where the sum of all is.
template <class T>
METRICS_INLINE int32_t any_nan(const T* x, const int32_t* codes, int64_t count, T sum) {
  if (sum == sum) return 0;
  int32_t nan = 0;
  for (int64_t i = 0; i < count; ++i) nan |= (codes[i] & (kYes | kNo)) && x[i] != x[i];
  return nan;
}
METRICS_INLINE int32_t any_nan(const int64_t*, const int32_t*, int64_t, float) {
  return 0;
}

struct Flags {
  int32_t outside = 0;
  int32_t invalid = 0;
};

// Elements per step, so few that what one loop leaves to the next fits the nearest cache.
inline constexpr int64_t kBlock = 256;

// Hands the predictions to `count` in their own type.
template <class Count>
Seen with_predictions(const Questions& questions, const Count& count) {
  if (questions.predicted) return count(questions.predicted);
  return with_element(questions.scores, questions.element, count);
}

}  // namespace metrics::classification::counts::kernels
