#include "kernels.h"

#include "classification/counts/elements.h"
#include "kernels/math.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <mutex>
#include <type_traits>

// Compiled without contraction of floating point, so that all versions of a function give the same bits, and without
// care for floating-point exceptions, which nobody asks for, so that choices in loops need no branches.

namespace metrics::classification::curves::kernels {
namespace {

using counts::kernels::Wide;
using counts::kernels::widen;

// Elements per step, so few that what one loop leaves to the next fits the nearest cache.
constexpr int64_t kBlock = 512;

// --- Looking.

struct Flags {
  int32_t outside = 0, nan = 0, invalid = 0;

  void fold(const Flags& other) {
    outside |= other.outside;
    nan |= other.nan;
    invalid |= other.invalid;
  }
  explicit operator Seen() const { return {outside != 0, nan != 0, invalid != 0}; }
};

/// 1 for targets that are labels and not ignored, else 0, in the loops' 32-bit lanes.
METRICS_INLINE int32_t taken_targets(const int64_t* target, int64_t count, Ignored ignored, int32_t* taken) {
  int64_t invalid = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t label = static_cast<uint64_t>(target[i]) <= 1;
    const int64_t take = !ignored(target[i]);
    invalid |= take & !label;
    taken[i] = static_cast<int32_t>(take & label);
  }
  return invalid != 0;
}

template <class T>
METRICS_INLINE void look_at(const T* x, const int32_t* taken, int64_t count, Flags& flags) {
  int32_t outside = 0, nan = 0;
  for (int64_t i = 0; i < count; ++i) {
    outside |= ((x[i] < 0) | (x[i] > 1)) & taken[i];
    nan |= (x[i] != x[i]) & taken[i];
  }
  flags.outside |= outside;
  flags.nan |= nan;
}

template <class T>
METRICS_INLINE void look_at_all(const T* x, int64_t count, Flags& flags) {
  int32_t outside = 0, nan = 0;
  for (int64_t i = 0; i < count; ++i) {
    outside |= (x[i] < 0) | (x[i] > 1);
    nan |= x[i] != x[i];
  }
  flags.outside |= outside;
  flags.nan |= nan;
}

template <class E>
METRICS_INLINE Flags look_at_questions(const E* x, const int64_t* target, int64_t count, Ignored ignored) {
  Flags flags;
  std::array<int32_t, kBlock> taken;
  std::array<Wide<E>, kBlock> buffer;
  for (int64_t i = 0; i < count; i += kBlock) {
    const int64_t n = std::min(kBlock, count - i);
    flags.invalid |= taken_targets(target + i, n, ignored, taken.data());
    look_at(widen(x + i, n, buffer.data()), taken.data(), n, flags);
  }
  return flags;
}

template <class E>
METRICS_INLINE Flags look_at_scores(const E* x, int64_t count) {
  Flags flags;
  std::array<Wide<E>, kBlock> buffer;
  for (int64_t i = 0; i < count; i += kBlock) {
    const int64_t n = std::min(kBlock, count - i);
    look_at_all(widen(x + i, n, buffer.data()), n, flags);
  }
  return flags;
}

// --- Buckets of scores.

template <class T>
METRICS_INLINE void find_buckets(const T* x, int64_t count, const Lookup<T>& lookup, int32_t* bucket) {
  const T low = lookup.low, scale = lookup.scale, last = lookup.last;
  const int32_t* before = lookup.before.data();
  const T* cuts = lookup.cuts.data();
  for (int64_t i = 0; i < count; ++i) bucket[i] = before[Lookup<T>::cell(x[i], low, scale, last)];
  for (int32_t step = 0; step < lookup.steps; ++step) {
    for (int64_t i = 0; i < count; ++i) bucket[i] += x[i] >= cuts[bucket[i]];
  }
}

/// Twice the bucket of each score, and one more where the target is 1; `skipped` where that is left out.
template <class E>
METRICS_INLINE void find_slots(const E* x, const int64_t* target, int64_t count, const Lookup<Wide<E>>& lookup,
                               Ignored ignored, int32_t skipped, int32_t* slots) {
  std::array<Wide<E>, kBlock> buffer;
  std::array<int32_t, kBlock> labels;
  find_buckets(widen(x, count, buffer.data()), count, lookup, slots);
  for (int64_t i = 0; i < count; ++i) {
    const bool taken = !ignored(target[i]) & (static_cast<uint64_t>(target[i]) <= 1);
    labels[i] = taken ? static_cast<int32_t>(target[i]) : -1;
  }
  for (int64_t i = 0; i < count; ++i) slots[i] = labels[i] < 0 ? skipped : 2 * slots[i] + labels[i];
}

// --- The softmax of rows, in float64.

// The sum of this many lanes in a fixed order is the sum of a row, whatever the vector width.
constexpr int64_t kLanes = 8;

/// The greatest score of a row; NaN if one is.
template <class T>
METRICS_INLINE T greatest_of(const T* x, int64_t count) {
  T greatest = x[0];
  int32_t nan = 0;
#pragma omp simd reduction(max : greatest) reduction(| : nan)
  for (int64_t i = 0; i < count; ++i) {
    greatest = x[i] > greatest ? x[i] : greatest;
    nan |= x[i] != x[i];
  }
  return nan ? std::numeric_limits<T>::quiet_NaN() : greatest;
}

/// How far each score of a row is below the greatest: 0 for that, even if it is infinite.
template <class T>
METRICS_INLINE void subtract_greatest(const T* x, int64_t count, double* below) {
  const T greatest = greatest_of(x, count);
  const auto from = static_cast<double>(greatest);
  for (int64_t i = 0; i < count; ++i) {
    below[i] = x[i] == greatest ? 0.0 : static_cast<double>(x[i]) - from;
  }
}

/// The sum of a row from those of its lanes: lane(i) is that of the elements i, i + kLanes, ….
template <class Lane>
METRICS_INLINE double sum_of_lanes(const Lane& lane) {
  return ((lane(0) + lane(4)) + (lane(2) + lane(6))) + ((lane(1) + lane(5)) + (lane(3) + lane(7)));
}

METRICS_INLINE double sum_of_row(const double* x, int64_t count) {
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += x[i + lane];
  }
  for (int64_t lane = 0; i < count; ++i, ++lane) lanes[lane] += x[i];
  return sum_of_lanes([&](int64_t lane) { return lanes[lane]; });
}

// Rows of as many classes at most are too short for loops over their classes: so many rows are worked on beside each
// other, each of them in the order of its classes that a row alone has.
constexpr int64_t kFewClasses = 12;
constexpr int64_t kBeside = 16;

/// See softmax_rows: of at most kBeside rows of at most kFewClasses.
template <class T>
METRICS_INLINE void softmax_beside(const T* x, int64_t rows, int64_t classes, T* probabilities) {
  T scores[kFewClasses][kBeside];
  double powers[kFewClasses][kBeside];
  for (int64_t r = 0; r < kBeside; ++r) {
    const T* row = x + std::min(r, rows - 1) * classes;  // the last one again where there are fewer
    for (int64_t c = 0; c < classes; ++c) scores[c][r] = row[c];
  }
  T greatest[kBeside];
  int32_t nan[kBeside] = {};
  for (int64_t r = 0; r < kBeside; ++r) greatest[r] = scores[0][r];
  for (int64_t c = 0; c < classes; ++c) {
    for (int64_t r = 0; r < kBeside; ++r) {
      greatest[r] = scores[c][r] > greatest[r] ? scores[c][r] : greatest[r];
      nan[r] |= scores[c][r] != scores[c][r];
    }
  }
  for (int64_t r = 0; r < kBeside; ++r) greatest[r] = nan[r] ? std::numeric_limits<T>::quiet_NaN() : greatest[r];
  double sums[kLanes][kBeside] = {};
  for (int64_t c = 0; c < classes; ++c) {
    double* sum = sums[c % kLanes];
    for (int64_t r = 0; r < kBeside; ++r) {
      const T score = scores[c][r];
      const double below = score == greatest[r] ? 0.0 : static_cast<double>(score) - static_cast<double>(greatest[r]);
      powers[c][r] = below == below ? exponential(below) : below;
      sum[r] += powers[c][r];
    }
  }
  double whole[kBeside];
  for (int64_t r = 0; r < kBeside; ++r) whole[r] = sum_of_lanes([&](int64_t lane) { return sums[lane][r]; });
  for (int64_t c = 0; c < classes; ++c) {
    for (int64_t r = 0; r < kBeside; ++r) scores[c][r] = static_cast<T>(powers[c][r] / whole[r]);
  }
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < classes; ++c) probabilities[r * classes + c] = scores[c][r];
  }
}

/// The softmax of rows, as scores of the type that they have. NaN in a row makes all of it NaN.
template <class T>
METRICS_INLINE void softmax_rows(const T* x, int64_t rows, int64_t classes, double* scratch, T* probabilities) {
  if (classes <= kFewClasses) {
    for (int64_t r = 0; r < rows; r += kBeside) {
      softmax_beside(x + r * classes, std::min(kBeside, rows - r), classes, probabilities + r * classes);
    }
    return;
  }
  for (int64_t r = 0; r < rows; ++r) subtract_greatest(x + r * classes, classes, scratch + r * classes);
  const int64_t count = rows * classes;
  for (int64_t i = 0; i < count; ++i) scratch[i] = scratch[i] == scratch[i] ? exponential(scratch[i]) : scratch[i];
  for (int64_t r = 0; r < rows; ++r) {
    const double* from = scratch + r * classes;
    T* to = probabilities + r * classes;
    const double sum = sum_of_row(from, classes);
    for (int64_t c = 0; c < classes; ++c) to[c] = static_cast<T>(from[c] / sum);
  }
}

/// The buckets of a few rows under each reading that is asked for.
template <class E>
METRICS_INLINE void find_class_buckets(const E* x, int64_t rows, int64_t classes, const Lookup<Wide<E>>& lookup,
                                       Wide<E>* wide_scores, double* scratch, Wide<E>* probabilities,
                                       int32_t* as_probability, int32_t* as_logit) {
  const int64_t count = rows * classes;
  const Wide<E>* scores = widen(x, count, wide_scores);
  if (as_probability) find_buckets(scores, count, lookup, as_probability);
  if (as_logit) {
    softmax_rows(scores, rows, classes, scratch, probabilities);
    find_buckets(probabilities, count, lookup, as_logit);
  }
}

/// A sum that keeps what rounding takes away, so that the order of its terms does not show.
struct Exact {
  double high = 0, low = 0;

  METRICS_INLINE void add(double x) {
    const double sum = high + x;
    const double part = sum - high;
    low += (high - (sum - part)) + (x - part);
    high = sum;
  }
};

template <class E>
METRICS_INLINE void norms_of(const E* x, int64_t rows, int64_t classes, Wide<E>* buffer, double* scratch,
                             RowNorm* norms) {
  for (int64_t r = 0; r < rows; ++r) {
    const Wide<E>* scores = widen(x + r * classes, classes, buffer);
    const Wide<E> greatest = greatest_of(scores, classes);
    subtract_greatest(scores, classes, scratch);
    for (int64_t c = 0; c < classes; ++c) scratch[c] = exponential(scratch[c]);
    // The greatest are counted and stay out of the sum, because what is small beside 1 would be lost in it.
    int64_t greatest_ones = 0;
    Exact rest;
    for (int64_t c = 0; c < classes; ++c) {
      greatest_ones += scores[c] == greatest;
      rest.add(scores[c] == greatest ? 0.0 : scratch[c]);
    }
    norms[r] = {static_cast<double>(greatest), static_cast<double>(greatest_ones - 1) + (rest.high + rest.low)};
  }
}

#define METRICS_CURVE_LOOPS(E)                                                                                        \
  METRICS_MULTIVERSIONED Flags look_questions(const E* x, const int64_t* target, int64_t count, Ignored ignored) {    \
    return look_at_questions(x, target, count, ignored);                                                              \
  }                                                                                                                   \
  METRICS_MULTIVERSIONED Flags look_scores(const E* x, int64_t count) {                                               \
    return look_at_scores(x, count);                                                                                  \
  }                                                                                                                   \
  METRICS_MULTIVERSIONED void slots_of(const E* x, const int64_t* target, int64_t count,                              \
                                       const Lookup<Wide<E>>& lookup, Ignored ignored, int32_t skipped,               \
                                       int32_t* slots) {                                                              \
    find_slots(x, target, count, lookup, ignored, skipped, slots);                                                    \
  }                                                                                                                   \
  METRICS_MULTIVERSIONED void class_buckets(const E* x, int64_t rows, int64_t classes, const Lookup<Wide<E>>& lookup, \
                                            Wide<E>* wide_scores, double* scratch, Wide<E>* probabilities,            \
                                            int32_t* as_probability, int32_t* as_logit) {                             \
    find_class_buckets(x, rows, classes, lookup, wide_scores, scratch, probabilities, as_probability, as_logit);      \
  }                                                                                                                   \
  METRICS_MULTIVERSIONED void norms(const E* x, int64_t rows, int64_t classes, Wide<E>* buffer, double* scratch,      \
                                    RowNorm* result) {                                                                \
    norms_of(x, rows, classes, buffer, scratch, result);                                                              \
  }
METRICS_CURVE_LOOPS(float)
METRICS_CURVE_LOOPS(double)
METRICS_CURVE_LOOPS(BFloat16)
METRICS_CURVE_LOOPS(Half)
#undef METRICS_CURVE_LOOPS

#define METRICS_SOFTMAX(T)                                                                                        \
  METRICS_MULTIVERSIONED void softmax_of(const T* x, int64_t rows, int64_t classes, double* scratch, T* result) { \
    softmax_rows(x, rows, classes, scratch, result);                                                              \
  }
METRICS_SOFTMAX(float)
METRICS_SOFTMAX(double)
#undef METRICS_SOFTMAX

METRICS_MULTIVERSIONED void encode(const int64_t* target, int64_t count, Ignored ignored, int8_t skipped,
                                   int8_t* codes) {
  for (int64_t i = 0; i < count; ++i) {
    const bool taken = !ignored(target[i]) & (static_cast<uint64_t>(target[i]) <= 1);
    codes[i] = taken ? static_cast<int8_t>(target[i]) : skipped;
  }
}

// --- Ranking.

#define METRICS_KEY_RANGE(T, Key)                                                                                     \
  METRICS_MULTIVERSIONED KeyRange<Key> range_of(const T* scores, int64_t count) {                                     \
    KeyRange<Key> range;                                                                                              \
    Key least = range.least, greatest = range.greatest;                                                               \
    Key below = range.below, above = range.above;                                                                     \
    _Pragma("omp simd reduction(min : least, above) reduction(max : greatest, below)") for (int64_t i = 0; i < count; \
                                                                                            ++i) {                    \
      const Key key = ordered_bits(scores[i]);                                                                        \
      const bool negative = key < range.kZero;                                                                        \
      least = std::min(least, key);                                                                                   \
      greatest = std::max(greatest, key);                                                                             \
      below = std::max(below, negative ? key : Key{0});                                                               \
      above = std::min(above, negative ? std::numeric_limits<Key>::max() : key);                                      \
    }                                                                                                                 \
    return {least, greatest, below, above};                                                                           \
  }
METRICS_KEY_RANGE(float, uint32_t)
METRICS_KEY_RANGE(double, uint64_t)
#undef METRICS_KEY_RANGE

#define METRICS_RANK(T, Key, Item)                                                                                  \
  METRICS_MULTIVERSIONED void rank_scores(const T* scores, const uint8_t* yes, int64_t count, Places<Key> to,       \
                                          Item* items) {                                                            \
    for (int64_t i = 0; i < count; ++i) items[i] = ranked<Item>(to.place_of(ordered_bits(scores[i])), yes[i] != 0); \
  }
METRICS_RANK(float, uint32_t, uint32_t)
METRICS_RANK(float, uint32_t, uint64_t)
METRICS_RANK(double, uint64_t, uint64_t)
METRICS_RANK(double, uint64_t, uint128)
#undef METRICS_RANK

/// Adds the ranks of the first `count` items, of which the first has rank `first`, and `left` are there in all. Returns
/// whether so few share a place that each was compared with all of its own.
template <class Item>
METRICS_INLINE bool add_ranks(const Item* items, int64_t first, int64_t count, int64_t left, RankSum& ranks) {
  constexpr int64_t kMostAtOnePlace = 8;
  uint32_t positives = 0, sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    const auto yes = static_cast<uint32_t>(items[i] & 1);
    positives += yes;
    sum += yes * static_cast<uint32_t>(i);
  }
  ranks.positives += positives;
  ranks.sum += static_cast<uint64_t>(first) * positives + sum;
  for (int64_t distance = 1; distance <= kMostAtOnePlace; ++distance) {
    const Item* others = items + distance;
    const int64_t pairs = std::min(count, left - distance);
    int32_t halves = 0, ties = 0;
    for (int64_t i = 0; i < pairs; ++i) {
      const int32_t tie = (items[i] ^ others[i]) < 2;
      halves += tie * (static_cast<int32_t>(items[i] & 1) - static_cast<int32_t>(others[i] & 1));
      ties |= tie;
    }
    ranks.halves += halves;
    if (ties == 0) return true;
  }
  return false;
}

#define METRICS_RANK_SUM(Item)                                                                   \
  METRICS_MULTIVERSIONED bool add_all_ranks(const Item* items, int64_t count, RankSum& ranks) {  \
    for (int64_t i = 0; i < count; i += kBlock) {                                                \
      if (!add_ranks(items + i, i, std::min(kBlock, count - i), count - i, ranks)) return false; \
    }                                                                                            \
    return true;                                                                                 \
  }
METRICS_RANK_SUM(uint32_t)
METRICS_RANK_SUM(uint64_t)
#undef METRICS_RANK_SUM

template <class Item>
std::optional<RankSum> rank_sum_of(std::span<const Item> items) {
  RankSum ranks;
  const bool few = items.size() <= std::size_t{1} << 31;
  if (!few || !add_all_ranks(items.data(), static_cast<int64_t>(items.size()), ranks)) return std::nullopt;
  return ranks;
}

template <class Key, class T>
KeyRange<Key> parallel_range(std::span<const T> scores) {
  KeyRange<Key> range;
  std::mutex folding;
  parallel(static_cast<int64_t>(scores.size()), 1, [&](int64_t begin, int64_t end) {
    const KeyRange<Key> part = range_of(scores.data() + begin, end - begin);
    const std::lock_guard lock(folding);
    range.fold(part);
  });
  return range;
}

template <class Key, class T, class Item>
void parallel_rank(std::span<const T> scores, const uint8_t* yes, const Places<Key>& places, Item* items) {
  parallel(static_cast<int64_t>(scores.size()), 1, [&](int64_t begin, int64_t end) {
    rank_scores(scores.data() + begin, yes + begin, end - begin, places, items + begin);
  });
}

// --- Counting questions.

/// Where scores of one label are counted under each reading.
template <class T>
struct Commit {
  const ScoreLookup<T>& lookup;
  BucketTables tables;
  int64_t labels;

  /// Counts scores in a slot (see find_slots) of a label.
  void add(int64_t label, int32_t slot, int64_t count) const { add_to(tables, label, slot, count); }
  template <class Tables, class Number>
  void add_to(const Tables& to, int64_t label, int32_t slot, Number count) const {
    const auto bucket = static_cast<std::size_t>(slot >> 1);
    const int64_t target = slot & 1;
    if (to.as_probability) {
      BucketTable<Number>{to.as_probability, labels}.add(lookup.as_probability[bucket], label, target, count);
    }
    if (to.as_logit) BucketTable<Number>{to.as_logit, labels}.add(lookup.as_logit[bucket], label, target, count);
  }
};

/// Calls f(label) for each of the elements [begin, begin + count) in turn.
template <class F>
void each_label(int64_t begin, int64_t count, const Questions& q, const F& f) {
  int64_t position = begin % q.positions;
  int64_t label = begin / q.positions % q.labels;
  for (int64_t i = 0; i < count; ++i) {
    f(i, label);
    if (++position < q.positions) continue;
    position = 0;
    if (++label == q.labels) label = 0;
  }
}

/// Few elements: each goes to the tables directly.
template <class E>
void count_few(const E* x, const Questions& q, const Commit<Wide<E>>& commit) {
  std::array<int32_t, kBlock> slots;
  for (int64_t begin = 0; begin < q.size(); begin += kBlock) {
    const int64_t n = std::min(kBlock, q.size() - begin);
    slots_of(x + begin, q.target + begin, n, commit.lookup.lookup, q.ignored, -1, slots.data());
    each_label(begin, n, q, [&](int64_t i, int64_t label) {
      if (slots[static_cast<std::size_t>(i)] >= 0) commit.add(label, slots[static_cast<std::size_t>(i)], 1);
    });
  }
}

/// Many elements: each thread counts slots into a table of its own. A single label has several copies of it, so that
/// equal scores one after the other do not wait for each other.
template <class E>
void count_many(const E* x, const Questions& q, const Commit<Wide<E>>& commit) {
  constexpr int64_t kCopies = 4;
  const int64_t copies = q.labels == 1 ? kCopies : 1;
  const int64_t slots_a_label = 2 * commit.lookup.lookup.buckets() + 1;
  const auto skipped = static_cast<int32_t>(slots_a_label - 1);
  std::mutex adding;
  parallel(q.size(), 1, [&](int64_t first, int64_t last) {
    std::vector<uint32_t> part(static_cast<std::size_t>(q.labels * slots_a_label * copies), 0);
    uint32_t* counts = part.data();
    std::array<int32_t, kBlock> slots;
    for (int64_t begin = first; begin < last; begin += kBlock) {
      const int64_t n = std::min(kBlock, last - begin);
      slots_of(x + begin, q.target + begin, n, commit.lookup.lookup, q.ignored, skipped, slots.data());
      if (copies > 1) {
        for (int64_t i = 0; i < n; ++i) ++counts[slots[static_cast<std::size_t>(i)] * kCopies + i % kCopies];
      } else {
        each_label(begin, n, q, [&](int64_t i, int64_t label) {
          ++counts[label * slots_a_label + slots[static_cast<std::size_t>(i)]];
        });
      }
    }
    const std::lock_guard lock(adding);
    for (int64_t label = 0; label < q.labels; ++label) {
      for (int32_t slot = 0; slot < skipped; ++slot) {
        const uint32_t* count = counts + (label * slots_a_label + slot) * copies;
        int64_t sum = 0;
        for (int64_t copy = 0; copy < copies; ++copy) sum += count[copy];
        if (sum) commit.add(label, slot, sum);
      }
    }
  });
}

// --- Counting classes.

/// How many rows are worked on together.
int64_t rows_together(int64_t rows, int64_t classes) {
  return std::clamp<int64_t>(2 * kBlock / classes, 1, std::max<int64_t>(1, rows));
}

/// Room for the rows that are worked on together; what is in it before does not matter.
template <class T>
struct Room {
  explicit Room(int64_t count)
      : scores(room_for<T>(count)),
        probabilities(room_for<T>(count)),
        scratch(room_for<double>(count)),
        as_probability(room_for<int32_t>(count)),
        as_logit(room_for<int32_t>(count)) {}

  template <class Item>
  static std::unique_ptr<Item[]> room_for(int64_t count) {
    return std::make_unique_for_overwrite<Item[]>(static_cast<std::size_t>(count));
  }

  std::unique_ptr<T[]> scores, probabilities;
  std::unique_ptr<double[]> scratch;
  std::unique_ptr<int32_t[]> as_probability, as_logit;
};

/// Calls f(target, buckets as probabilities, buckets as logits, row) for each row whose target is a class.
template <class E, class Tables, class F>
void each_class_row(const E* x, const ClassRows& q, int64_t begin, int64_t end, const Lookup<Wide<E>>& lookup,
                    const Tables& tables, const F& f) {
  const int64_t together = rows_together(end - begin, q.classes);
  Room<Wide<E>> room(together * q.classes);
  for (int64_t first = begin; first < end; first += together) {
    const int64_t rows = std::min(together, end - first);
    class_buckets(x + first * q.classes, rows, q.classes, lookup, room.scores.get(), room.scratch.get(),
                  room.probabilities.get(), tables.as_probability ? room.as_probability.get() : nullptr,
                  tables.as_logit ? room.as_logit.get() : nullptr);
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t target = q.target[first + r];
      if (q.ignored(target) || static_cast<uint64_t>(target) >= static_cast<uint64_t>(q.classes)) continue;
      f(target, room.as_probability.get() + r * q.classes, room.as_logit.get() + r * q.classes, first + r);
    }
  }
}

template <class T>
void parallel_softmax(const T* x, int64_t rows, int64_t classes, T* probabilities) {
  parallel(rows, classes, [&](int64_t begin, int64_t end) {
    const int64_t together = rows_together(end - begin, classes);
    std::vector<double> scratch(static_cast<std::size_t>(together * classes));
    for (int64_t first = begin; first < end; first += together) {
      const int64_t at = first * classes;
      softmax_of(x + at, std::min(together, end - first), classes, scratch.data(), probabilities + at);
    }
  });
}

template <class E>
void count_few(const E* x, const ClassRows& q, const Lookup<Wide<E>>& lookup, BucketTables tables) {
  const auto add = [&](int64_t* counts, int64_t target, const int32_t* buckets) {
    const BucketTable<int64_t> table{counts, q.classes};
    for (int64_t c = 0; c < q.classes; ++c) table.add(buckets[c], c, c == target, 1);
  };
  each_class_row(x, q, 0, q.rows, lookup, tables, [&](int64_t target, const int32_t* p, const int32_t* l, int64_t) {
    if (tables.as_probability) add(tables.as_probability, target, p);
    if (tables.as_logit) add(tables.as_logit, target, l);
  });
}

/// Counts of buckets [classes, buckets]: of all rows, and of those whose target is the class.
struct Histograms {
  std::vector<uint32_t> all, of_class;
  int64_t classes, buckets;

  Histograms(int64_t class_count, int64_t bucket_count)
      : all(static_cast<std::size_t>(class_count * bucket_count), 0),
        of_class(all.size(), 0),
        classes(class_count),
        buckets(bucket_count) {}

  void add(int64_t target, const int32_t* row) {
    uint32_t* counts = all.data();
    for (int64_t c = 0; c < classes; ++c) ++counts[c * buckets + row[c]];
    ++of_class[static_cast<std::size_t>(target * buckets + row[target])];
  }
  void add_to(int64_t* table) const {
    const BucketTable<int64_t> counts{table, classes};
    for (int64_t c = 0; c < classes; ++c) {
      for (int64_t k = 0; k < buckets; ++k) {
        const auto i = static_cast<std::size_t>(c * buckets + k);
        if (all[i] == 0) continue;
        counts.add(k, c, 0, int64_t{all[i]} - of_class[i]);
        counts.add(k, c, 1, of_class[i]);
      }
    }
  }
};

template <class E>
void count_many(const E* x, const ClassRows& q, const Lookup<Wide<E>>& lookup, BucketTables tables) {
  std::mutex adding;
  parallel(q.rows, q.classes, [&](int64_t begin, int64_t end) {
    Histograms probabilities(tables.as_probability ? q.classes : 0, lookup.buckets());
    Histograms logits(tables.as_logit ? q.classes : 0, lookup.buckets());
    each_class_row(x, q, begin, end, lookup, tables, [&](int64_t target, const int32_t* p, const int32_t* l, int64_t) {
      if (tables.as_probability) probabilities.add(target, p);
      if (tables.as_logit) logits.add(target, l);
    });
    const std::lock_guard lock(adding);
    if (tables.as_probability) probabilities.add_to(tables.as_probability);
    if (tables.as_logit) logits.add_to(tables.as_logit);
  });
}

// --- Adding up weights, in the order of the rows: what comes of it does not depend on how many threads there are.

template <class E, class Number>
void weigh_questions(const E* x, const Questions& q, const Commit<Wide<E>>& commit, RowsWeights<Number> weights,
                     WeightTables<Number> tables) {
  const int64_t together = q.labels * q.positions;
  std::array<int32_t, kBlock> slots;
  for (int64_t begin = 0; begin < q.size(); begin += kBlock) {
    const int64_t n = std::min(kBlock, q.size() - begin);
    slots_of(x + begin, q.target + begin, n, commit.lookup.lookup, q.ignored, -1, slots.data());
    int64_t sample = begin / together, left = (sample + 1) * together - begin;
    each_label(begin, n, q, [&](int64_t i, int64_t label) {
      const int32_t slot = slots[static_cast<std::size_t>(i)];
      if (slot >= 0) commit.add_to(tables, label, slot, weights[sample]);
      if (--left > 0) return;
      ++sample;
      left = together;
    });
  }
}

}  // namespace

template <class Number>
void add_weights(const Questions& q, const CurvePlan::Bins& bins, RowsWeights<Number> weights,
                 WeightTables<Number> tables) {
  with_element(q.scores, q.element, [&](const auto* x) {
    using T = Wide<std::remove_cvref_t<decltype(*x)>>;
    weigh_questions(x, q, Commit<T>{bins.scores<T>(), {}, q.labels}, weights, tables);
  });
}

template <class Number>
void add_weights(const ClassRows& q, const CurvePlan::Bins& bins, RowsWeights<Number> weights,
                 WeightTables<Number> tables) {
  const auto add = [&](Number* sums, int64_t target, const int32_t* buckets, Number weight) {
    if (sums == nullptr) return;
    const BucketTable<Number> table{sums, q.classes};
    for (int64_t c = 0; c < q.classes; ++c) table.add(buckets[c], c, c == target, weight);
  };
  with_element(q.scores, q.element, [&](const auto* x) {
    const auto& lookup = bins.probabilities<Wide<std::remove_cvref_t<decltype(*x)>>>();
    each_class_row(x, q, 0, q.rows, lookup, tables, [&](int64_t target, const int32_t* p, const int32_t* l, int64_t row) {
      add(tables.as_probability, target, p, weights[row]);
      add(tables.as_logit, target, l, weights[row]);
    });
  });
}

template void add_weights(const Questions&, const CurvePlan::Bins&, RowsWeights<int64_t>, WeightTables<int64_t>);
template void add_weights(const Questions&, const CurvePlan::Bins&, RowsWeights<double>, WeightTables<double>);
template void add_weights(const ClassRows&, const CurvePlan::Bins&, RowsWeights<int64_t>, WeightTables<int64_t>);
template void add_weights(const ClassRows&, const CurvePlan::Bins&, RowsWeights<double>, WeightTables<double>);

Seen look(const Questions& q) {
  return with_element(q.scores, q.element, [&](const auto* x) {
    Flags seen;
    std::mutex adding;
    parallel(q.size(), 1, [&](int64_t begin, int64_t end) {
      const Flags flags = look_questions(x + begin, q.target + begin, end - begin, q.ignored);
      const std::lock_guard lock(adding);
      seen.fold(flags);
    });
    return Seen(seen);
  });
}

Seen look(const ClassRows& q) {
  return with_element(q.scores, q.element, [&](const auto* x) {
    Flags seen;
    std::mutex adding;
    parallel(q.rows, q.classes, [&](int64_t begin, int64_t end) {
      Flags flags;
      int64_t run = begin;  // where a run of rows begins that are taken
      for (int64_t r = begin; r < end; ++r) {
        const bool ignored = q.ignored(q.target[r]);
        const bool label = static_cast<uint64_t>(q.target[r]) < static_cast<uint64_t>(q.classes);
        flags.invalid |= !ignored && !label;
        if (label && !ignored) continue;
        flags.fold(look_scores(x + run * q.classes, (r - run) * q.classes));
        run = r + 1;
      }
      flags.fold(look_scores(x + run * q.classes, (end - run) * q.classes));
      const std::lock_guard lock(adding);
      seen.fold(flags);
    });
    return Seen(seen);
  });
}

void count_buckets(const Questions& q, const CurvePlan::Bins& bins, BucketTables tables) {
  with_element(q.scores, q.element, [&](const auto* x) {
    using T = Wide<std::remove_cvref_t<decltype(*x)>>;
    const Commit<T> commit{bins.scores<T>(), tables, q.labels};
    if (q.size() < 2 * q.labels * commit.lookup.lookup.buckets()) {
      count_few(x, q, commit);
    } else {
      count_many(x, q, commit);
    }
  });
}

void count_buckets(const ClassRows& q, const CurvePlan::Bins& bins, BucketTables tables) {
  with_element(q.scores, q.element, [&](const auto* x) {
    const auto& lookup = bins.probabilities<Wide<std::remove_cvref_t<decltype(*x)>>>();
    if (q.rows < lookup.buckets()) {
      count_few(x, q, lookup, tables);
    } else {
      count_many(x, q, lookup, tables);
    }
  });
}

void encode_questions(const int64_t* target, int64_t count, Ignored ignored, int8_t skipped, int8_t* codes) {
  encode(target, count, ignored, skipped, codes);
}

KeyRange<uint32_t> key_range(std::span<const float> scores) {
  return parallel_range<uint32_t>(scores);
}
KeyRange<uint64_t> key_range(std::span<const double> scores) {
  return parallel_range<uint64_t>(scores);
}

void rank(std::span<const float> scores, const uint8_t* yes, const Places<uint32_t>& places, uint32_t* items) {
  parallel_rank(scores, yes, places, items);
}
void rank(std::span<const float> scores, const uint8_t* yes, const Places<uint32_t>& places, uint64_t* items) {
  parallel_rank(scores, yes, places, items);
}
void rank(std::span<const double> scores, const uint8_t* yes, const Places<uint64_t>& places, uint64_t* items) {
  parallel_rank(scores, yes, places, items);
}
void rank(std::span<const double> scores, const uint8_t* yes, const Places<uint64_t>& places, uint128* items) {
  parallel_rank(scores, yes, places, items);
}

std::optional<RankSum> rank_sum(std::span<const uint32_t> items) {
  return rank_sum_of(items);
}
std::optional<RankSum> rank_sum(std::span<const uint64_t> items) {
  return rank_sum_of(items);
}

void softmax(const float* scores, int64_t rows, int64_t classes, float* probabilities) {
  parallel_softmax(scores, rows, classes, probabilities);
}
void softmax(const double* scores, int64_t rows, int64_t classes, double* probabilities) {
  parallel_softmax(scores, rows, classes, probabilities);
}

std::vector<RowNorm> row_norms(const void* scores, Element element, int64_t rows, int64_t classes) {
  std::vector<RowNorm> result(static_cast<std::size_t>(rows));
  with_element(scores, element, [&](const auto* x) {
    using T = Wide<std::remove_cvref_t<decltype(*x)>>;
    parallel(rows, classes, [&](int64_t begin, int64_t end) {
      std::vector<T> buffer(static_cast<std::size_t>(classes));
      std::vector<double> scratch(static_cast<std::size_t>(classes));
      RowNorm* to = result.data() + begin;
      norms(x + begin * classes, end - begin, classes, buffer.data(), scratch.data(), to);
      for (int64_t r = 0; r < end - begin; ++r) to[r].excess = logarithm_of_one_plus(to[r].excess);
    });
  });
  return result;
}

}  // namespace metrics::classification::curves::kernels
