#include "kernels.h"
#include "questions.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <limits>
#include <mutex>
#include <type_traits>
#include <utility>

namespace metrics::classification::counts::kernels {
namespace {

// What is wrong is marked element by element first, a byte each, in loops that know nothing of samples: these are often
// a few elements long, too short for a loop with vectors of its own.

// Bits of a mark: what is wrong as a probability, and as a logit.
constexpr uint8_t kWrongProbability = 1, kWrongLogit = 2;

// Marks at a time.
constexpr int64_t kMarks = 2048;

// Marks labels that are wrong by their last bytes, and returns the greatest that is not ignored, where negative ones
// are greater than all others.
template <bool any_ignored, class T>
METRICS_INLINE std::make_unsigned_t<T> mark_bytes(const T* target, const T* predicted, int64_t count, T ignored,
                                                  uint8_t* __restrict wrong) {
  using Bits = std::make_unsigned_t<T>;
  Bits greatest = 0;
  for (int64_t i = 0; i < count; ++i) {
    const auto t = static_cast<Bits>(target[i]), p = static_cast<Bits>(predicted[i]);
    const Bits all = any_ignored && target[i] == ignored ? Bits{0} : static_cast<Bits>(~Bits{0});
    const auto greater = static_cast<Bits>((t > p ? t : p) & all);
    greatest = greater > greatest ? greater : greatest;
    wrong[i] = static_cast<uint8_t>((t ^ p) & all);
  }
  return greatest;
}

// The same by all that they are.
template <class T>
void mark_labels(const T* target, const T* predicted, int64_t count, Ignored ignored, uint8_t* wrong) {
  for (int64_t i = 0; i < count; ++i) wrong[i] = (target[i] != predicted[i]) & !ignored(target[i]);
}

// Marks labels that are wrong by any bits, and returns whether one that is not ignored is outside of [0, classes).
template <class T>
bool mark_labels(const T* target, const T* predicted, int64_t count, int64_t classes, Ignored ignored, uint8_t* wrong) {
  const auto last = static_cast<std::make_unsigned_t<T>>(std::min<int64_t>(classes - 1, std::numeric_limits<T>::max()));
  const bool occurs = ignored.any && std::in_range<T>(ignored.value);
  const auto left_out = static_cast<T>(occurs ? ignored.value : 0);
  std::make_unsigned_t<T> greatest = 0;
  fastest([&]() METRICS_INLINED {
    greatest = occurs ? mark_bytes<true>(target, predicted, count, left_out, wrong)
                      : mark_bytes<false>(target, predicted, count, left_out, wrong);
  });
  if (greatest > std::numeric_limits<uint8_t>::max()) mark_labels(target, predicted, count, ignored, wrong);
  return greatest > last;
}

// Adds the marks of a block of questions to those that are there.
template <class Number>
METRICS_INLINE void add_marks(const Number* x, const int32_t* targets, int64_t count, Prediction<Number> prediction,
                              uint8_t* __restrict wrong) {
  for (int64_t i = 0; i < count; ++i) {
    const int32_t is_yes = if_yes(targets[i]);
    const int32_t differs = (prediction.packed(x[i], is_yes) ^ is_yes) & if_taken(targets[i]);
    const int32_t probability = differs >> kAsProbability & 1, logit = differs >> kAsLogit & 1;
    wrong[i] |= static_cast<uint8_t>(probability * kWrongProbability | logit * kWrongLogit);
  }
}

template <class Number>
void look_and_mark(const Number* x, const int32_t* targets, int64_t count, bool usual,
                   const Prediction<Number>& prediction, uint8_t* wrong, Flags& flags) {
  fastest([&]() METRICS_INLINED {
    inspect(x, targets, count, usual, flags);
    add_marks<Number>(x, targets, count, prediction, wrong);
  });
}

template <class Reader>
void mark_questions(const Reader& reader, Labels target, int64_t first, int64_t count, Cutoffs cutoffs, Ignored ignored,
                    uint8_t* wrong, Flags& flags) {
  using Number = typename Reader::Number;
  const Prediction<Number> prediction(cutoffs);
  std::array<int32_t, kBlock> codes;
  std::array<Number, kBlock> buffer;
  for (int64_t i = 0; i < count; i += kBlock) {
    const int64_t n = std::min(kBlock, count - i);
    const bool usual = encode(target, first + i, n, ignored, codes.data());
    const auto read = reader.read(first + i, n, buffer.data());
    look_and_mark<Number>(read.numbers, codes.data(), n, usual && read.usual, prediction, wrong + i, flags);
  }
}

uint8_t any_of(const uint8_t* wrong, int64_t count) {
  uint8_t any = 0;
  for (int64_t i = 0; i < count; ++i) any |= wrong[i];
  return any;
}

// Samples as long as an integer.
template <class Word>
METRICS_INLINE void fold_words(const uint8_t* __restrict wrong, int64_t samples, uint8_t* __restrict any) {
  for (int64_t i = 0; i < samples; ++i) {
    Word word;
    std::memcpy(&word, wrong + i * static_cast<int64_t>(sizeof(Word)), sizeof(Word));
    for (std::size_t half = 4 * sizeof(Word); half >= 8; half /= 2) word |= static_cast<Word>(word >> half);
    any[i] = static_cast<uint8_t>(word);
  }
}

constexpr int64_t kWord = sizeof(uint64_t);

uint64_t word_at(const uint8_t* bytes) {
  uint64_t word;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

// Samples of any length, of whose last word the bytes of the next sample are left out.
void fold_samples(const uint8_t* wrong, int64_t samples, int64_t size, uint8_t* any) {
  const int64_t tail = size % kWord;
  const uint64_t of_tail = (uint64_t{1} << 8 * tail) - 1;
  for (int64_t i = 0; i < samples; ++i, wrong += size) {
    uint64_t word = word_at(wrong + size - tail) & of_tail;
    for (int64_t at = 0; at + kWord <= size; at += kWord) word |= word_at(wrong + at);
    fold_words<uint64_t>(reinterpret_cast<const uint8_t*>(&word), 1, any + i);
  }
}

// Writes the bits of all marks of each sample.
void fold(const uint8_t* wrong, int64_t samples, int64_t size, uint8_t* any) {
  fastest([&]() METRICS_INLINED {
    if (size == 2) return fold_words<uint16_t>(wrong, samples, any);
    if (size == 4) return fold_words<uint32_t>(wrong, samples, any);
    if (size == 8) return fold_words<uint64_t>(wrong, samples, any);
    fold_samples(wrong, samples, size, any);
  });
}

// Calls take(sample, wrong, samples) with the marks of samples [begin, end) of `size` elements, a byte each.
// mark(first, count, wrong) writes those of so many elements: of several samples together where they are small.
template <class Mark, class Take>
void each_sample(int64_t begin, int64_t end, int64_t size, const Mark& mark, const Take& take) {
  std::array<uint8_t, kMarks + kWord> wrong;
  std::array<uint8_t, kMarks> any;
  if (size > kMarks) {
    for (int64_t s = begin; s < end; ++s) {
      uint8_t of_sample = 0;
      for (int64_t i = 0; i < size; i += kMarks) {
        const int64_t count = std::min(kMarks, size - i);
        mark(s * size + i, count, wrong.data());
        of_sample |= any_of(wrong.data(), count);
      }
      take(s, &of_sample, int64_t{1});
    }
    return;
  }
  const int64_t together = kMarks / size;
  for (int64_t s = begin; s < end; s += together) {
    const int64_t samples = std::min(together, end - s);
    mark(s * size, samples * size, wrong.data());
    if (size == 1) {
      take(s, wrong.data(), samples);
    } else {
      fold(wrong.data(), samples, size, any.data());
      take(s, any.data(), samples);
    }
  }
}

int64_t count_right(const uint8_t* wrong, int64_t count, uint8_t bits) {
  int32_t right = 0;
  fastest([&]() METRICS_INLINED {
    int32_t part = 0;
    for (int64_t i = 0; i < count; ++i) part += (wrong[i] & bits) == 0;
    right = part;
  });
  return right;
}

// Counts of positions, in all or of each sample.
struct Exact {
  int64_t* probabilities;
  int64_t* logits;
  bool samplewise;
  int64_t all_probabilities = 0, all_logits = 0;

  // Of positions that are samples, one after the other.
  void take_samples(int64_t sample, const uint8_t* wrong, int64_t count) {
    if (!samplewise) return take(wrong, count, all_probabilities, all_logits);
    for (int64_t i = 0; i < count; ++i) take(wrong + i, 1, probabilities[sample + i], logits[sample + i]);
  }
  // Of one sample.
  void take_positions(int64_t sample, const uint8_t* wrong, int64_t count) {
    if (!samplewise) return take(wrong, count, all_probabilities, all_logits);
    take(wrong, count, probabilities[sample], logits[sample]);
  }

 private:
  static void take(const uint8_t* wrong, int64_t count, int64_t& probability, int64_t& logit) {
    probability += count_right(wrong, count, kWrongProbability);
    logit += count_right(wrong, count, kWrongLogit);
  }
};

// Adds lines of marks to the first of them.
void fold_labels(uint8_t* wrong, int64_t lines, int64_t columns) {
  for (int64_t line = 1; line < lines; ++line) {
    for (int64_t i = 0; i < columns; ++i) wrong[i] |= wrong[line * columns + i];
  }
}

template <class Reader>
void count_exact_positions(const Reader& reader, const Questions& q, int64_t begin, int64_t end, Cutoffs cutoffs,
                           Ignored ignored, Exact& exact, Flags& flags) {
  const auto mark = [&](int64_t first, int64_t count, uint8_t* wrong) {
    mark_questions(reader, q.target, first, count, cutoffs, ignored, wrong, flags);
  };
  if (q.positions == 1) {
    const auto mark_anew = [&](int64_t first, int64_t count, uint8_t* wrong) {
      std::fill_n(wrong, count, uint8_t{0});
      mark(first, count, wrong);
    };
    return each_sample(begin, end, q.labels, mark_anew, [&](int64_t sample, const uint8_t* wrong, int64_t count) {
      exact.take_samples(sample, wrong, count);
    });
  }
  std::array<uint8_t, kMarks> wrong;
  const int64_t size = q.labels * q.positions;
  for (int64_t s = begin; s < end; ++s) {
    if (size <= kMarks) {
      std::fill_n(wrong.data(), size, uint8_t{0});
      mark(s * size, size, wrong.data());
      fold_labels(wrong.data(), q.labels, q.positions);
      exact.take_positions(s, wrong.data(), q.positions);
      continue;
    }
    for (int64_t position = 0; position < q.positions; position += kMarks) {
      const int64_t count = std::min(kMarks, q.positions - position);
      std::fill_n(wrong.data(), count, uint8_t{0});
      for (int64_t label = 0; label < q.labels; ++label) {
        mark((s * q.labels + label) * q.positions + position, count, wrong.data());
      }
      exact.take_positions(s, wrong.data(), count);
    }
  }
}

}  // namespace

ExactLabels count_exact(int64_t* exact, const LabelPairs& pairs) {
  std::atomic<int64_t> all = 0;
  std::atomic<bool> no_class = false;
  with_labels(pairs.target, [&]<class T>(const T* target) {
    const auto* predicted = static_cast<const T*>(pairs.predicted);
    parallel(pairs.samples, pairs.positions, [&](int64_t begin, int64_t end) {
      int64_t part = 0;
      bool bad = false;
      const auto mark = [&](int64_t first, int64_t count, uint8_t* wrong) {
        bad |= mark_labels(target + first, predicted + first, count, pairs.classes, pairs.ignored, wrong);
      };
      each_sample(begin, end, pairs.positions, mark, [&](int64_t sample, const uint8_t* wrong, int64_t samples) {
        part += count_right(wrong, samples, 0xff);
        for (int64_t i = 0; exact != nullptr && i < samples; ++i) exact[sample + i] = wrong[i] == 0;
      });
      all += part;
      if (bad) no_class = true;
    });
  });
  return {all, no_class};
}

Seen add_exact_counts(int64_t* probabilities, int64_t* logits, bool samplewise, const Questions& questions,
                      Cutoffs cutoffs, Ignored ignored) {
  std::mutex adding;
  Flags seen;
  with_predictions(questions, [&](const auto& reader) {
    parallel(questions.samples, questions.labels * questions.positions, [&](int64_t begin, int64_t end) {
      Flags flags;
      Exact exact{probabilities, logits, samplewise};
      count_exact_positions(reader, questions, begin, end, cutoffs, ignored, exact, flags);
      const std::lock_guard lock(adding);
      if (!samplewise) {
        *probabilities += exact.all_probabilities;
        *logits += exact.all_logits;
      }
      seen.outside |= flags.outside;
      seen.invalid |= flags.invalid;
    });
  });
  return {seen.outside != 0, seen.invalid != 0};
}

}  // namespace metrics::classification::counts::kernels
