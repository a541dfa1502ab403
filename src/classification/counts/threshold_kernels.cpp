#include "kernels.h"
#include "questions.h"
#include "room.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>

namespace metrics::classification::counts::kernels {
namespace {

// Adds a block to packed counts: to those of all questions that are taken, and of those whose target is yes. `usual` is
// that of inspect.
template <bool usual, class Number>
METRICS_INLINE void pack(const Number* x, const int32_t* targets, int64_t count, Prediction<Number> prediction,
                         int32_t* all, int32_t* yes) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    const int32_t is_yes = if_yes(targets[i]);
    const int32_t packed = prediction.template packed<usual>(x[i], is_yes) & (usual ? -1 : if_taken(targets[i]));
    all[i] += packed;
    yes[i] += is_yes & packed;
  }
}

template <class Number>
void look_and_pack(const Number* x, const int32_t* targets, int64_t count, bool usual,
                   const Prediction<Number>& prediction, int32_t* all, int32_t* yes, Flags& flags) {
  fastest([&]() METRICS_INLINED {
    inspect(x, targets, count, usual, flags);
    if (usual) {
      pack<true, Number>(x, targets, count, prediction, all, yes);
    } else {
      pack<false, Number>(x, targets, count, prediction, all, yes);
    }
  });
}

// How questions are read, and what has been seen of them.
template <class Reader>
struct Reading {
  using Number = typename Reader::Number;

  Reader predictions;
  Labels target;
  Prediction<Number> prediction;
  Ignored ignored;
  Flags flags{};
  std::array<int32_t, kBlock> codes;
  std::array<Number, kBlock> buffer;

  Reading(const Reader& reader, const Questions& q, Cutoffs cutoffs, Ignored none)
      : predictions(reader), target(q.target), prediction(cutoffs), ignored(none) {}

  // Adds a line of elements to the packed counts of its columns.
  void pack_line(int64_t first, int64_t columns, int32_t* all, int32_t* yes) {
    for (int64_t i = 0; i < columns; i += kBlock) {
      const int64_t count = std::min(kBlock, columns - i);
      const bool usual = encode(target, first + i, count, ignored, codes.data());
      const auto read = predictions.read(first + i, count, buffer.data());
      look_and_pack<Number>(read.numbers, codes.data(), count, usual && read.usual, prediction, all + i, yes + i,
                            flags);
    }
  }
};

// Adds up lines of packed counts, which have room for it, in the first of them.
void fold_lines(int32_t* packed, int64_t lines, int64_t labels) {
  if (labels == 1) {
    int32_t sum = 0;
    for (int64_t line = 0; line < lines; ++line) sum += packed[line];
    packed[0] = sum;
    return;
  }
  for (int64_t line = 1; line < lines; ++line) {
    for (int64_t label = 0; label < labels; ++label) packed[label] += packed[line * labels + label];
  }
}

// A pair of tables [4, labels], one for each reading.
struct Tables {
  int64_t* probabilities;
  int64_t* logits;
  int64_t labels;

  // Adds packed counts of `count` labels, beginning with `label`.
  void add(const int32_t* all, const int32_t* yes, int64_t label, int64_t count) const {
    add_reading(probabilities + label, kAsProbability, all, yes, count);
    add_reading(logits + label, kAsLogit, all, yes, count);
  }

 private:
  void add_reading(int64_t* table, int reading, const int32_t* all, const int32_t* yes, int64_t count) const {
    int64_t* const __restrict tp = table;
    int64_t* const __restrict fp = table + labels;
    int64_t* const __restrict tn = table + 2 * labels;
    int64_t* const __restrict fn = table + 3 * labels;
    for (int64_t i = 0; i < count; ++i) {
      const int32_t no = all[i] - yes[i];
      const int64_t right = yes[i] >> reading & kPacked, wrong = no >> reading & kPacked;
      tp[i] += right;
      fp[i] += wrong;
      tn[i] += (no & kPacked) - wrong;
      fn[i] += (yes[i] & kPacked) - right;
    }
  }
};

// Counts lines of one element for each of `labels` labels, beginning with `label`. Several lines at a time where labels
// are few: they have the columns of one wide line.
template <class Reader>
void count_lines(Reading<Reader>& reading, int64_t first, int64_t lines, int64_t label, int64_t labels,
                 const Tables& tables) {
  const int64_t together = std::clamp<int64_t>(kBlock / labels, 1, lines);
  const int64_t columns = together * labels;
  Room<int32_t, 2 * kBlock> room(2 * columns);
  const int64_t end = first + lines * labels;
  while (first < end) {
    int32_t *const all = room.data(), *const yes = all + columns;
    std::fill_n(all, 2 * columns, 0);
    int64_t wide_lines = 0;
    for (; first < end && wide_lines < kPacked; ++wide_lines, first += columns) {
      reading.pack_line(first, std::min(columns, end - first), all, yes);
    }
    const int64_t foldable = kPacked / wide_lines;
    for (int64_t line = 0; line < together; line += foldable) {
      const int64_t begin = line * labels, folded = std::min(foldable, together - line);
      fold_lines(all + begin, folded, labels);
      fold_lines(yes + begin, folded, labels);
      tables.add(all + begin, yes + begin, label, labels);
    }
  }
}

// Counts samples [begin, end) into one pair of tables.
template <class Reader>
void count_samples(Reading<Reader>& reading, const Questions& q, int64_t begin, int64_t end, const Tables& tables) {
  if (begin == end) return;
  const int64_t size = q.labels * q.positions;
  if (q.labels == 1) return count_lines(reading, begin * size, (end - begin) * size, 0, 1, tables);
  if (q.positions == 1) return count_lines(reading, begin * size, end - begin, 0, q.labels, tables);
  for (int64_t run = begin * q.labels; run < end * q.labels; ++run) {
    count_lines(reading, run * q.positions, q.positions, run % q.labels, 1, tables);
  }
}

template <class Reader>
Seen count_by_sample(const Reader& reader, int64_t* probabilities, int64_t* logits, const Questions& q, Cutoffs cutoffs,
                     Ignored ignored) {
  const int64_t cells = 4 * q.labels;
  std::atomic<bool> outside = false, invalid = false;
  parallel(q.samples, q.labels * q.positions, [&](int64_t begin, int64_t end) {
    Reading<Reader> reading(reader, q, cutoffs, ignored);
    for (int64_t s = begin; s < end; ++s) {
      count_samples(reading, q, s, s + 1, {probabilities + s * cells, logits + s * cells, q.labels});
    }
    if (reading.flags.outside) outside = true;
    if (reading.flags.invalid) invalid = true;
  });
  return {outside, invalid};
}

template <class Reader>
Seen count_together(const Reader& reader, int64_t* probabilities, int64_t* logits, Questions q, Cutoffs cutoffs,
                    Ignored ignored) {
  // The samples of a binary metric may be few and long, so that threads take elements instead.
  if (q.labels == 1) q = {q.scores, q.element, q.predicted, q.target, q.samples * q.positions, 1, 1};
  const int64_t cells = 4 * q.labels;
  std::mutex adding;
  Flags seen;
  parallel(q.samples, q.labels * q.positions, [&](int64_t begin, int64_t end) {
    Reading<Reader> reading(reader, q, cutoffs, ignored);
    const bool alone = begin == 0 && end == q.samples;
    Room<int64_t, 128> part(alone ? 0 : 2 * cells);
    const Tables own{part.data(), part.data() + cells, q.labels};
    if (!alone) std::fill_n(part.data(), 2 * cells, int64_t{0});
    count_samples(reading, q, begin, end, alone ? Tables{probabilities, logits, q.labels} : own);
    const std::lock_guard lock(adding);
    for (int64_t i = 0; !alone && i < cells; ++i) {
      probabilities[i] += own.probabilities[i];
      logits[i] += own.logits[i];
    }
    seen.outside |= reading.flags.outside;
    seen.invalid |= reading.flags.invalid;
  });
  return {seen.outside != 0, seen.invalid != 0};
}

}  // namespace

Seen add_threshold_counts(int64_t* probabilities, int64_t* logits, bool samplewise, const Questions& questions,
                          Cutoffs cutoffs, Ignored ignored) {
  return with_predictions(questions, [&](const auto& reader) {
    return samplewise ? count_by_sample(reader, probabilities, logits, questions, cutoffs, ignored)
                      : count_together(reader, probabilities, logits, questions, cutoffs, ignored);
  });
}

}  // namespace metrics::classification::counts::kernels
