#pragma once

#include "elements.h"
#include "kernels.h"
#include "kernels/fastest.h"

#include <bit>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

// How elements of yes-or-no questions are read, a block at a time: targets and predicted labels as codes, scores as
// float or double. So the loops over blocks are made for three types of predictions, have no branches, and mostly
// 32-bit lanes.

namespace metrics::classification::counts::kernels {

enum Code : int32_t { kNo = 0, kYes = 1, kIgnored = 2, kInvalid = 4 };

// Elements per block, so few that what one loop leaves to the next fits the nearest cache.
inline constexpr int64_t kBlock = 512;

// Labels as they are, and whether all are 0 or 1.
template <class T>
METRICS_INLINE bool narrow(const T* labels, int64_t count, int32_t* codes) {
  T all = 0;
  for (int64_t i = 0; i < count; ++i) {
    codes[i] = static_cast<int32_t>(labels[i]);
    all = static_cast<T>(all | labels[i]);
  }
  return all == 0 || all == 1;
}

template <class T>
METRICS_INLINE bool encode(const T* labels, int64_t count, Ignored ignored, int32_t* codes) {
  if (!ignored.any && narrow(labels, count, codes)) return true;
  using Wider = std::conditional_t<sizeof(T) < sizeof(int32_t), int32_t, T>;
  const bool occurs = ignored.any && std::in_range<Wider>(ignored.value);
  const auto left_out = static_cast<Wider>(occurs ? ignored.value : 0);
  const int32_t other = occurs ? kIgnored : kInvalid;
  const int32_t none = occurs && (left_out == 0 || left_out == 1) ? static_cast<int32_t>(left_out) : kIgnored;
  int32_t all = 0;
  for (int64_t i = 0; i < count; ++i) {
    const Wider label = labels[i];
    const int32_t odd = label == left_out ? other : kInvalid;
    const int32_t code = (label & ~Wider{1}) == 0 ? static_cast<int32_t>(label) : odd;
    codes[i] = code == none ? kIgnored : code;
    all |= codes[i];
  }
  return all < kIgnored;
}

// Writes the codes of labels from the first on, and returns whether all are kYes or kNo.
inline bool encode(const Labels& labels, int64_t first, int64_t count, Ignored ignored, int32_t* codes) {
  bool usual = false;
  with_labels(labels, [&](const auto* data) {
    fastest([&]() METRICS_INLINED { usual = encode(data + first, count, ignored, codes); });
  });
  return usual;
}

template <class Number>
struct Predictions {
  const Number* numbers;
  bool usual;  // all are scores, or labels 0 and 1
};

// Read the predictions of a block, through `buffer` if they are not what the loops know.
template <class E>
struct ScoreReader {
  using Number = Wide<E>;
  const E* data;

  Predictions<Number> read(int64_t first, int64_t count, Number* buffer) const {
    if constexpr (is_wide<E>) {
      return {data + first, true};
    } else {
      fastest([&]() METRICS_INLINED { widen(data + first, count, buffer); });
      return {buffer, true};
    }
  }
};
struct LabelReader {
  using Number = int32_t;  // codes
  Labels labels;

  Predictions<Number> read(int64_t first, int64_t count, Number* buffer) const {
    const bool usual = encode(labels, first, count, Ignored(std::nullopt), buffer);
    return {buffer, usual};
  }
};

// Three counts in one integer, ten bits each: elements, those above as a probability, those above as a logit. So at
// most kPacked elements fit.
inline constexpr int64_t kPacked = 1023;
inline constexpr int kAsProbability = 10;
inline constexpr int kAsLogit = 20;
inline constexpr int32_t kAbove = 1 << kAsProbability | 1 << kAsLogit;

template <class T>
struct ScoreComparison {
  T probability, logit;

  explicit ScoreComparison(Cutoffs cutoffs)
      : probability(static_cast<T>(cutoffs.probability)), logit(static_cast<T>(cutoffs.logit)) {}
  template <bool usual = false>
  METRICS_INLINE int32_t packed(T x, int32_t) const {
    return 1 | (x > probability) << kAsProbability | (x > logit) << kAsLogit;
  }
};

// A predicted label other than 0 and 1 is wrong, whatever the target.
struct LabelComparison {
  explicit LabelComparison(Cutoffs) {}
  template <bool usual = false>
  METRICS_INLINE int32_t packed(int32_t code, int32_t is_yes) const {
    if constexpr (usual) return 1 | (-code & kAbove);
    const int32_t above = -(code & kYes), neither = -static_cast<int32_t>(code == kInvalid);
    return 1 | ((above | (neither & ~is_yes)) & kAbove);
  }
};

template <class Number>
using Prediction = std::conditional_t<std::is_same_v<Number, int32_t>, LabelComparison, ScoreComparison<Number>>;

// All bits where a target is yes, and where it is yes or no. Masks, because the compiler does not vectorise comparisons
// of scores that only some elements need.
METRICS_INLINE int32_t if_yes(int32_t code) {
  return -(code & kYes);
}
METRICS_INLINE int32_t if_taken(int32_t code) {
  return -static_cast<int32_t>(code < kIgnored);
}

struct Flags {
  int32_t outside = 0;
  int32_t invalid = 0;
};

template <class T>
using BitsOf = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;

// The greatest bits of a score that is taken, and all codes in one. As an integer each number in [0, 1] is at most 1's,
// and all others are greater, NaN and -0 too.
template <bool all_taken, class T>
METRICS_INLINE std::pair<BitsOf<T>, int32_t> greatest_bits(const T* scores, const int32_t* targets, int64_t count) {
  using Bits = BitsOf<T>;
  Bits greatest = 0;
  int32_t codes = 0;
#pragma omp simd reduction(max : greatest) reduction(| : codes)
  for (int64_t i = 0; i < count; ++i) {
    Bits bits = std::bit_cast<Bits>(scores[i]);
    if constexpr (!all_taken) {
      bits &= static_cast<Bits>(std::make_signed_t<Bits>{if_taken(targets[i])});
      codes |= targets[i];
    }
    greatest = bits > greatest ? bits : greatest;
  }
  return {greatest, codes};
}

// Looks at a block for what is to be known of all that is counted; `usual` says that all of its targets and predicted
// labels are 0 or 1, and none is ignored.
template <class T>
METRICS_INLINE void inspect(const T* scores, const int32_t* targets, int64_t count, bool usual, Flags& flags) {
  const auto [greatest, codes] =
      usual ? greatest_bits<true>(scores, targets, count) : greatest_bits<false>(scores, targets, count);
  flags.invalid |= codes & kInvalid;
  if (greatest <= std::bit_cast<BitsOf<T>>(T(1))) return;
  int32_t outside = 0, nan = 0;
  if (usual && flags.outside) {
#pragma omp simd reduction(| : nan)
    for (int64_t i = 0; i < count; ++i) nan |= scores[i] != scores[i];
  } else {
#pragma omp simd reduction(| : outside, nan)
    for (int64_t i = 0; i < count; ++i) {
      const T x = scores[i];
      const int32_t taken = if_taken(targets[i]);
      outside |= taken & !((x >= T(0)) & (x <= T(1)));
      nan |= taken & (x != x);
    }
  }
  flags.outside |= outside;
  flags.invalid |= nan;
}
METRICS_INLINE void inspect(const int32_t* predicted, const int32_t* targets, int64_t count, bool usual, Flags& flags) {
  if (usual) return;
  int32_t invalid = 0;
#pragma omp simd reduction(| : invalid)
  for (int64_t i = 0; i < count; ++i) {
    invalid |= (targets[i] & kInvalid) | (targets[i] < kIgnored ? predicted[i] & kInvalid : 0);
  }
  flags.invalid |= invalid;
}

// Hands a reader of the predictions to `count`.
template <class Count>
auto with_predictions(const Questions& questions, const Count& count) {
  if (questions.predicted) return count(LabelReader{*questions.predicted});
  return with_element(questions.scores, questions.element,
                      [&]<class E>(const E* data) { return count(ScoreReader<E>{data}); });
}

}  // namespace metrics::classification::counts::kernels
