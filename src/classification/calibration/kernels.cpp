#include "kernels.h"

#include "classification/counts/elements.h"
#include "kernels/fastest.h"
#include "kernels/math.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <mutex>
#include <type_traits>
#include <utility>

// Compiled without care for floating-point exceptions, as the kernels of curves are: choices in loops need no branches.

namespace metrics::classification::calibration::kernels {
namespace {

using counts::kernels::Wide;
using counts::kernels::widen;

// Elements per step, so few that what one loop leaves to the next fits the nearest cache.
constexpr int64_t kBlock = 512;
// The sum of so many lanes in a fixed order is the sum of a row, whatever the vector width.
constexpr int64_t kLanes = 8;

struct Flags {
  int32_t outside = 0, nan = 0, invalid = 0;

  void fold_into(Seen& seen) const {
    seen.outside |= outside != 0;
    seen.nan |= nan != 0;
    seen.invalid |= invalid != 0;
  }
};

// --- Exponentials of numbers that are not above 0.

METRICS_INLINE double power_of(double below) {
  return exponential(below);
}

/// In float, with an error of about 1 ulp (Cephes' expf): of float scores the confidence is rounded to float, too, and
/// float takes half the time. What is below the least normal number is not told from it, beside a sum of at least 1.
METRICS_INLINE float power_of(float below) {
  constexpr float log2e = 1.44269504f, ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
  constexpr float round_shift = 0x1.8p23f, least = -87.0f;
  const float bounded = below > least ? below : least;
  const float shifted = bounded * log2e + round_shift;
  const float n = shifted - round_shift;
  const float r = (bounded - n * ln2_high) - n * ln2_low;
  float sum = 1.9875691500e-4f;
  sum = sum * r + 1.3981999507e-3f;
  sum = sum * r + 8.3334519073e-3f;
  sum = sum * r + 4.1665795894e-2f;
  sum = sum * r + 1.6666665459e-1f;
  sum = sum * r + 5.0000001201e-1f;
  const float of_rest = (sum * r * r + r) + 1.0f;
  const uint32_t power = (std::bit_cast<uint32_t>(shifted) << 23) + (uint32_t{127} << 23);
  return of_rest * std::bit_cast<float>(power);
}

// --- Questions.

template <class T>
METRICS_INLINE void take_questions(const T* x, const int64_t* target, int64_t count, Ignored ignored, int8_t* answers,
                                   Flags& flags) {
  int32_t outside = 0, nan = 0, invalid = 0;
  for (int64_t i = 0; i < count; ++i) {
    const bool asked = !ignored(target[i]), label = static_cast<uint64_t>(target[i]) <= 1;
    const bool is_nan = x[i] != x[i];
    invalid |= asked & !label;
    nan |= asked & is_nan;
    outside |= asked & label & ((x[i] < 0) | (x[i] > 1));
    answers[i] = (asked & label & !is_nan) ? static_cast<int8_t>(target[i]) : static_cast<int8_t>(kLeftOut);
  }
  flags.outside |= outside;
  flags.nan |= nan;
  flags.invalid |= invalid;
}

/// 1 / (1 + exp(-x)), rounded once to the type of the score.
template <class T>
METRICS_INLINE void sigmoids(const T* x, int64_t count, double* confidences) {
  for (int64_t i = 0; i < count; ++i) {
    confidences[i] = static_cast<double>(static_cast<T>(1.0 / (1.0 + exponential(-static_cast<double>(x[i])))));
  }
}

template <class E>
METRICS_INLINE Flags questions_of(const E* x, const int64_t* target, int64_t count, Ignored ignored,
                                  double* as_probability, double* as_logit, int8_t* answers) {
  Flags flags;
  std::array<Wide<E>, kBlock> buffer;
  for (int64_t i = 0; i < count; i += kBlock) {
    const int64_t n = std::min(kBlock, count - i);
    const Wide<E>* scores = widen(x + i, n, buffer.data());
    take_questions(scores, target + i, n, ignored, answers + i, flags);
    if (as_probability != nullptr) {
      for (int64_t k = 0; k < n; ++k) as_probability[i + k] = static_cast<double>(scores[k]);
    }
    if (as_logit != nullptr) sigmoids(scores, n, as_logit + i);
  }
  return flags;
}

// --- Classes.

/// The sum of a row from those of its lanes: lane(i) is that of the elements i, i + kLanes, ….
template <class Lane>
METRICS_INLINE double sum_of_lanes(const Lane& lane) {
  return ((lane(0) + lane(4)) + (lane(2) + lane(6))) + ((lane(1) + lane(5)) + (lane(3) + lane(7)));
}

template <class T>
struct Extremes {
  T greatest, least;
  int32_t nan;
};

template <class T>
METRICS_INLINE Extremes<T> extremes_of(const T* x, int64_t count) {
  T greatest = x[0], least = x[0];
  int32_t nan = 0;
#pragma omp simd reduction(max : greatest) reduction(min : least) reduction(| : nan)
  for (int64_t i = 0; i < count; ++i) {
    greatest = x[i] > greatest ? x[i] : greatest;
    least = x[i] < least ? x[i] : least;
    nan |= x[i] != x[i];
  }
  return {greatest, least, nan};
}

template <class T>
METRICS_INLINE bool occurs(const T* x, int64_t count, T number) {
  int32_t found = 0;
  for (int64_t i = 0; i < count; ++i) found |= x[i] == number;
  return found != 0;
}

/// The softmax of infinite scores: they share it, and it is that of equal scores where all are -infinity.
template <class T>
METRICS_INLINE double share_of_greatest(const T* x, int64_t count, int64_t stride, T greatest) {
  int64_t as_great = 0;
  for (int64_t i = 0; i < count; ++i) as_great += x[i * stride] == greatest;
  return 1.0 / static_cast<double>(as_great);
}

/// The sum over a row of exp(x - greatest), `greatest` being finite.
template <class T>
METRICS_INLINE double sum_of_powers(const T* x, int64_t count, T greatest) {
  constexpr int64_t kStep = 64;
  double lanes[kLanes] = {};
  T powers[kStep];
  int64_t i = 0;
  for (; i + kStep <= count; i += kStep) {
    for (int64_t k = 0; k < kStep; ++k) powers[k] = power_of(x[i + k] - greatest);
    for (int64_t k = 0; k < kStep; k += kLanes) {
      for (int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += static_cast<double>(powers[k + lane]);
    }
  }
  const int64_t rest = count - i;
  for (int64_t k = 0; k < rest; ++k) powers[k] = power_of(x[i + k] - greatest);
  for (int64_t k = 0; k < rest; ++k) lanes[k % kLanes] += static_cast<double>(powers[k]);
  return sum_of_lanes([&](int64_t lane) { return lanes[lane]; });
}

/// Whether the first of the greatest scores is the target's.
template <class T>
METRICS_INLINE bool is_first_greatest(const T* x, int64_t classes, int64_t target, T greatest) {
  if (static_cast<uint64_t>(target) >= static_cast<uint64_t>(classes) || x[target] != greatest) return false;
  return !occurs(x, target, greatest);
}

METRICS_INLINE Answer answer_of(int64_t target, int64_t classes, Ignored ignored, bool right, bool nan, bool outside,
                                Flags& flags) {
  if (ignored(target)) return kLeftOut;
  flags.invalid |= static_cast<uint64_t>(target) >= static_cast<uint64_t>(classes);
  flags.nan |= nan;
  flags.outside |= outside;
  if (nan) return kLeftOut;
  return right ? kRight : kWrong;
}

/// What is made of a row of any length.
template <class T>
METRICS_INLINE void take_row(const T* x, int64_t classes, int64_t target, Ignored ignored, double* as_probability,
                             double* as_logit, int8_t* answer, Flags& flags) {
  const Extremes<T> e = extremes_of(x, classes);
  if (as_probability != nullptr) *as_probability = static_cast<double>(e.greatest);
  if (as_logit != nullptr) {
    *as_logit = std::isfinite(e.greatest) ? 1.0 / sum_of_powers(x, classes, e.greatest)
                                          : share_of_greatest(x, classes, 1, e.greatest);
    *as_logit = static_cast<double>(static_cast<T>(*as_logit));
  }
  const bool right = is_first_greatest(x, classes, target, e.greatest);
  *answer = answer_of(target, classes, ignored, right, e.nan != 0, (e.least < 0) | (e.greatest > 1), flags);
}

// Rows of as many classes at most are too short for loops over their classes: so many rows are worked on beside each
// other, each of them in the order of its classes that a row alone has.
constexpr int64_t kFewClasses = 24;
constexpr int64_t kBeside = 16;

/// The same of at most kBeside rows of at most kFewClasses.
template <class T>
METRICS_INLINE void take_rows_beside(const T* x, int64_t rows, int64_t classes, const int64_t* target, Ignored ignored,
                                     double* as_probability, double* as_logit, int8_t* answers, Flags& flags) {
  T scores[kFewClasses][kBeside];
  for (int64_t r = 0; r < kBeside; ++r) {
    const T* row = x + std::min(r, rows - 1) * classes;  // the last one again where there are fewer
    for (int64_t c = 0; c < classes; ++c) scores[c][r] = row[c];
  }
  T greatest[kBeside], least[kBeside];
  int32_t nan[kBeside] = {}, best[kBeside] = {};
  for (int64_t r = 0; r < kBeside; ++r) greatest[r] = least[r] = scores[0][r];
  for (int64_t r = 0; r < kBeside; ++r) nan[r] = scores[0][r] != scores[0][r];
  for (int64_t c = 1; c < classes; ++c) {
    for (int64_t r = 0; r < kBeside; ++r) {
      const T score = scores[c][r];
      best[r] = score > greatest[r] ? static_cast<int32_t>(c) : best[r];
      greatest[r] = score > greatest[r] ? score : greatest[r];
      least[r] = score < least[r] ? score : least[r];
      nan[r] |= score != score;
    }
  }
  double sums[kLanes][kBeside] = {};
  if (as_logit != nullptr) {
    for (int64_t c = 0; c < classes; ++c) {
      double* sum = sums[c % kLanes];
      for (int64_t r = 0; r < kBeside; ++r) sum[r] += static_cast<double>(power_of(scores[c][r] - greatest[r]));
    }
  }
  for (int64_t r = 0; r < rows; ++r) {
    if (as_probability != nullptr) as_probability[r] = static_cast<double>(greatest[r]);
    if (as_logit != nullptr) {
      const double share = std::isfinite(greatest[r]) ? 1.0 / sum_of_lanes([&](int64_t lane) { return sums[lane][r]; })
                                                      : share_of_greatest(&scores[0][r], classes, kBeside, greatest[r]);
      as_logit[r] = static_cast<double>(static_cast<T>(share));
    }
    answers[r] = answer_of(target[r], classes, ignored, target[r] == best[r], nan[r] != 0,
                           (least[r] < 0) | (greatest[r] > 1), flags);
  }
}

template <class E>
METRICS_INLINE Flags classes_of(const E* x, const int64_t* target, int64_t rows, int64_t classes, Ignored ignored,
                                double* as_probability, double* as_logit, int8_t* answers, Wide<E>* buffer) {
  Flags flags;
  const int64_t step = classes <= kFewClasses ? kBeside : 1;
  const auto at = [](double* numbers, int64_t row) { return numbers == nullptr ? nullptr : numbers + row; };
  for (int64_t r = 0; r < rows; r += step) {
    const int64_t n = std::min(step, rows - r);
    const Wide<E>* scores = widen(x + r * classes, n * classes, buffer);
    double *const probability = at(as_probability, r), *const logit = at(as_logit, r);
    if (step == 1) {
      take_row(scores, classes, target[r], ignored, probability, logit, answers + r, flags);
    } else {
      take_rows_beside(scores, n, classes, target + r, ignored, probability, logit, answers + r, flags);
    }
  }
  return flags;
}

Confidences room_for(int64_t samples, Readings readings) {
  const auto size = static_cast<std::size_t>(samples);
  return {std::vector<double>(readings.probability ? size : 0), std::vector<double>(readings.logit ? size : 0),
          std::vector<int8_t>(size), Seen{}};
}

double* from(std::vector<double>& numbers, int64_t begin) {
  return numbers.empty() ? nullptr : numbers.data() + begin;
}

// --- Bins.

/// The bin of each confidence, and for those that are left out one more than there are.
METRICS_INLINE void find_bins(const double* confidences, const int8_t* answers, int64_t count, const double* least,
                              const double* next, int32_t bins, int32_t* found) {
  const auto last = static_cast<double>(bins - 1);
  for (int64_t i = 0; i < count; ++i) {
    const double place = confidences[i] * last;
    const double above = place > 0 ? place : 0;
    found[i] = static_cast<int32_t>(above < last ? above : last);
  }
  for (int64_t i = 0; i < count; ++i) {
    const int32_t bin = found[i];
    const int32_t up = confidences[i] >= next[bin], down = confidences[i] < least[bin];
    found[i] = answers[i] == kLeftOut ? bins : bin + (up - down);
  }
}

/// Corrects the bin of a confidence, one after the other.
void search_bin(double confidence, const BinEdges& edges, int32_t& bin) {
  if (bin == static_cast<int32_t>(edges.size())) return;
  while (confidence < edges.least()[bin]) --bin;
  while (confidence >= edges.next()[bin]) ++bin;
}

/// In so many bins of the same the samples are put in turn, because an addition has to wait for the one before.
constexpr int64_t kInTurn = 4;

}  // namespace

BinEdges::BinEdges(std::vector<double> edges) : begins_(std::move(edges)), least_(begins_), next_(begins_) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  least_.front() = -infinity;
  std::rotate(next_.begin(), next_.begin() + 1, next_.end());
  next_.back() = infinity;
}

void add_to_bins(const double* confidences, const int8_t* answers, int64_t count, const BinEdges& edges, InBin* bins) {
  // Added to a confidence it leaves so few of its bits that their sums are exact.
  constexpr double cut = 0x1.8p14;
  typedef double Numbers __attribute__((vector_size(16)));
  typedef int64_t Counts __attribute__((vector_size(16)));
  struct Bin {
    Numbers sums;   // upper and rest
    Counts counts;  // all, and those that are right
  };
  const auto width = static_cast<int64_t>(edges.size()) + 1;
  std::vector<Bin> in_turn(static_cast<std::size_t>(kInTurn * width));
  std::array<int32_t, kBlock> found;
  for (int64_t first = 0; first < count; first += kBlock) {
    const int64_t n = std::min(kBlock, count - first);
    fastest([&, to = found.data()]() METRICS_INLINED {
      find_bins(confidences + first, answers + first, n, edges.least(), edges.next(),
                static_cast<int32_t>(edges.size()), to);
    });
    if (edges.size() > BinEdges::most) {
      for (int64_t i = 0; i < n; ++i) search_bin(confidences[first + i], edges, found[static_cast<std::size_t>(i)]);
    }
    for (int64_t i = 0; i < n; ++i) {
      const double confidence = confidences[first + i];
      const double upper = (confidence + cut) - cut;
      Bin& bin = in_turn[static_cast<std::size_t>(i % kInTurn * width + found[static_cast<std::size_t>(i)])];
      bin.sums += Numbers{upper, confidence - upper};
      bin.counts += Counts{1, answers[first + i] & 1};
    }
  }
  for (int64_t turn = 0; turn < kInTurn; ++turn) {
    for (int64_t b = 0; b + 1 < width; ++b) {
      const Bin& bin = in_turn[static_cast<std::size_t>(turn * width + b)];
      bins[b].upper += bin.sums[0];
      bins[b].rest += bin.sums[1];
      bins[b].samples += bin.counts[0];
      bins[b].right += bin.counts[1];
    }
  }
}

Confidences of_questions(const void* scores, Element element, const int64_t* target, int64_t size, Ignored ignored,
                         Readings readings) {
  Confidences found = room_for(size, readings);
  std::mutex folding;
  with_element(scores, element, [&]<class E>(const E* x) {
    parallel(size, 1, [&](int64_t begin, int64_t end) {
      Flags flags;
      fastest([&]() METRICS_INLINED {
        flags = questions_of(x + begin, target + begin, end - begin, ignored, from(found.as_probability, begin),
                             from(found.as_logit, begin), found.answers.data() + begin);
      });
      const std::lock_guard lock(folding);
      flags.fold_into(found.seen);
    });
  });
  return found;
}

Confidences of_classes(const void* scores, Element element, const int64_t* target, int64_t rows, int64_t classes,
                       Ignored ignored, Readings readings) {
  Confidences found = room_for(rows, readings);
  std::mutex folding;
  with_element(scores, element, [&]<class E>(const E* x) {
    parallel(rows, classes, [&](int64_t begin, int64_t end) {
      const int64_t beside = classes <= kFewClasses ? kBeside : 1;
      std::vector<Wide<E>> buffer(counts::kernels::is_wide<E> ? 0 : static_cast<std::size_t>(beside * classes));
      Flags flags;
      fastest([&]() METRICS_INLINED {
        flags = classes_of(x + begin * classes, target + begin, end - begin, classes, ignored,
                           from(found.as_probability, begin), from(found.as_logit, begin), found.answers.data() + begin,
                           buffer.data());
      });
      const std::lock_guard lock(folding);
      flags.fold_into(found.seen);
    });
  });
  return found;
}

}  // namespace metrics::classification::calibration::kernels
