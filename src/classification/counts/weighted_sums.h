#pragma once

#include "kernels/fastest.h"
#include "kernels/lanes.h"
#include "kernels/plain_tensor.h"
#include "room.h"
#include <metrics/core/double_double.h>
#include <metrics/core/state.h>
#include <metrics/core/weights.h>

#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

// Sums of weights: int64, or double-double from sums of numbers that no addition rounds.

namespace metrics::classification::counts {

/// A number in two parts, of which each adds up without rounding, or nearly so.
struct TwoParts {
  double upper, rest;

  TwoParts& operator+=(const TwoParts& other) {
    upper += other.upper;
    rest += other.rest;
    return *this;
  }
};

/// Floating weights as numbers that have a last bit in common, so that all sums of them are exact, and what they lack;
/// mostly that is nothing, as of float32 weights that are not too far apart.
class Parts {
 public:
  /// Each is added `times` times at most.
  Parts(const Weights& given, int64_t times) : upper_(numbers_of(given)) {
    const double* const weights = upper_;
    const int64_t rows = given.rows();
    const Weights::Bits& look = given.bits();
    const int additions = std::bit_width(static_cast<uint64_t>(std::max<int64_t>(1, rows * times)));
    // The last bit that sums of them have room for is so much below the one of this power of two.
    const int power = std::max(exponent_of(look.greatest), -900) + additions;
    if (power > 1022) return;  // their sum is infinite, or nearly so
    if (last_bit_of(look) > power - 53) return;
    // Added to a number it leaves none of the bits below that.
    const double cut = std::bit_cast<double>(static_cast<uint64_t>(1023 + power) << 52 | uint64_t{1} << 51);
    if (all_whole(weights, rows, cut)) return;
    double* const upper = room_for_parts(rows);
    double* const rest = upper + rows;
    metrics::kernels::fastest([&]() METRICS_INLINED { split(weights, rows, cut, upper, rest); });
    upper_ = upper;
    rest_ = rest;
  }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  ~Parts() {
    if (own_.size() > kept().size() && own_.size() <= most_kept) kept() = std::move(own_);
  }

  const double* upper() const { return upper_; }
  /// Null where there is none.
  const double* rest() const { return rest_; }
  /// Both of a row.
  TwoParts operator[](int64_t row) const { return {upper_[row], rest_[row]}; }

 private:
  /// Float64, of few rows in place.
  const double* numbers_of(const Weights& given) {
    if (given.floats() == nullptr || given.rows() > few) return given.reals();
    std::copy_n(given.floats(), given.rows(), few_.data());
    return few_.data();
  }
  double* room_for_parts(int64_t rows) {
    if (rows <= few) return few_.data() + few;
    own_ = std::exchange(kept(), {});
    if (std::ssize(own_) < 2 * rows) own_.resize(static_cast<std::size_t>(2 * rows));
    return own_.data();
  }
  /// Memory of the parts of the last batch, because fresh pages cost more than what is written to them.
  static std::vector<double>& kept() {
    thread_local std::vector<double> numbers;
    return numbers;
  }
  static constexpr std::size_t most_kept = std::size_t{1} << 20;

  static int exponent_of(int64_t bits) { return static_cast<int>(bits >> 52) - 1023; }
  /// A bit that is not above the last one of any weight, none of them being 0.
  static int last_bit_of(const Weights::Bits& look) {
    const int zeros = std::countr_zero(static_cast<uint64_t>(look.any) | uint64_t{1} << 52);
    return exponent_of(look.least) - 52 + zeros;
  }
  static bool all_whole(const double* weights, int64_t rows, double cut) {
    int64_t lacking = 0;
    metrics::kernels::fastest([&]() METRICS_INLINED {
      int64_t seen = 0;
      for (int64_t row = 0; row < rows; ++row) seen |= (weights[row] + cut) - cut != weights[row];
      lacking = seen;
    });
    return lacking == 0;
  }
  METRICS_INLINE static void split(const double* weights, int64_t rows, double cut, double* __restrict upper,
                                   double* __restrict rest) {
    for (int64_t row = 0; row < rows; ++row) {
      const double whole = (weights[row] + cut) - cut;
      upper[row] = whole;
      rest[row] = weights[row] - whole;
    }
  }

  static constexpr int64_t few = 128;
  std::array<double, 3 * few> few_;  // numbers, and their parts; first, because `upper_` may point there
  const double* upper_;
  const double* rest_ = nullptr;
  std::vector<double> own_;
};

/// Calls f(of_rows), where of_rows[row] is the weight of a row: an int64 or, for floating weights, a double or both
/// parts of one, whose sums are exact.
template <class F>
void with_summands(const Weights& weights, int64_t positions, const F& f) {
  if (weights.are_integers()) return f(weights.integers());
  const Parts parts(weights, positions);
  parts.rest() == nullptr ? f(parts.upper()) : f(parts);
}

/// Calls count(sums, weights) with so many sums, which are 0, of int64 or double as the weights are, and hands what has
/// come of it to `take`, as int64 or double-double. With weights in two parts it counts twice.
template <class Count, class Take>
void counted(const Weights& weights, int64_t size, int64_t positions, const Count& count, const Take& take) {
  constexpr int64_t few = 32;
  if (weights.are_integers()) {
    Room<int64_t, few> sums(size);
    std::fill_n(sums.data(), size, int64_t{0});
    count(sums.data(), weights.integers());
    return take(std::span<const int64_t>(sums.data(), static_cast<std::size_t>(size)));
  }
  const Parts parts(weights, positions);
  Room<double, 2 * few> of_parts(2 * size);
  std::fill_n(of_parts.data(), 2 * size, 0.0);
  double *const upper = of_parts.data(), *const rest = upper + size;
  count(upper, parts.upper());
  if (parts.rest() != nullptr) count(rest, parts.rest());
  Room<DoubleDouble, few> sums(size);
  for (int64_t i = 0; i < size; ++i) sums.data()[i] = two_sum(upper[i], rest[i]);
  take(std::span<const DoubleDouble>(sums.data(), static_cast<std::size_t>(size)));
}

/// The numbers of a state that lie on the CPU, one after the other: int64, or both parts of double-double. To add to
/// them cannot fail.
template <class Sum>
class Held {
 public:
  explicit Held(State& state) {
    if constexpr (is_integer) {
      numbers_ = state.counts();
    } else {
      numbers_ = state.sums();
    }
  }
  static bool are_here(const State& state) {
    const auto lies_here = [](const at::Tensor& tensor) { return tensor.is_cpu() && tensor.is_contiguous(); };
    return lies_here(state.tensor()) && (is_integer || lies_here(state.residual()));
  }

  void add(std::span<const Sum> sums) const {
    for (std::size_t i = 0; i < sums.size(); ++i) {
      if constexpr (is_integer) {
        numbers_[i] = wrapping_sum(numbers_[i], sums[i]);
      } else {
        const DoubleDouble sum = DoubleDouble{numbers_.high[i], numbers_.low[i]} + sums[i];
        numbers_.high[i] = sum.high;
        numbers_.low[i] = sum.low;
      }
    }
  }

 private:
  static constexpr bool is_integer = std::is_same_v<Sum, int64_t>;
  std::conditional_t<is_integer, int64_t*, State::Sums> numbers_;
};

/// Adds what is counted of a batch to a state of such counts.
template <class Sum>
void add_to(State& state, std::span<const Sum> sums) {
  if (Held<Sum>::are_here(state)) return Held<Sum>(state).add(sums);
  if constexpr (std::is_same_v<Sum, int64_t>) {
    state.add(at::from_blob(const_cast<int64_t*>(sums.data()), state.tensor().sizes(), at::kLong)
                  .to(state.tensor().device()));
  } else {
    state.add(sums);
  }
}

/// Adds the same batch to the counts of scores read as probabilities and to those read as logits, and notes where it
/// has a score outside [0, 1]: to all three states or to none.
template <class Sum>
void add_to_readings(States& states, std::span<const Sum> as_probability, std::span<const Sum> as_logit, bool outside) {
  State &probability = states.at(0), &logit = states.at(1);
  const auto note = [&] {
    if (outside) states.at(2).raise(1);
  };
  if (Held<Sum>::are_here(probability) && Held<Sum>::are_here(logit)) {
    const Held<Sum> of_probability(probability), of_logit(logit);
    note();
    of_probability.add(as_probability);
    of_logit.add(as_logit);
    return;
  }
  States::Attempt attempt(states);
  add_to(probability, as_probability);
  add_to(logit, as_logit);
  note();
  attempt.succeed();
}

/// What `two_sum` returns, without a branch.
template <class N>
METRICS_INLINE void add_exactly(const N& a, const N& b, N& sum, N& error) {
  using metrics::kernels::chosen, metrics::kernels::magnitude;
  const N total = a + b, b_part = total - a;
  const N lost = (a - (total - b_part)) + (b - b_part);
  error = chosen(magnitude(total) <= N(std::numeric_limits<double>::max()), lost, N(0.0));
  sum = total;
}

/// What adding double-double does, without a branch. The bits are the same.
template <class N>
METRICS_INLINE void add_double_double(N& high, N& low, const N& upper) {
  N sum, error;
  add_exactly(high, upper, sum, error);
  add_exactly(sum, N(error + low), high, low);
}
template <class N>
METRICS_INLINE void add_double_double(N& high, N& low, const N& upper, const N& rest) {
  N of_both, lost, sum, error, rests, rests_error;
  add_exactly(upper, rest, of_both, lost);
  add_exactly(high, of_both, sum, error);
  add_exactly(low, lost, rests, rests_error);
  add_exactly(sum, N(error + rests), of_both, lost);
  add_exactly(of_both, N(lost + rests_error), high, low);
}

/// Adds to so many numbers; `rest` may be null.
inline void add_to_each(double* high, double* low, const double* upper, const double* rest, int64_t size) {
  metrics::kernels::fastest_in_lanes([&](auto count) METRICS_INLINED {
    constexpr int64_t lanes = count();
    using N = metrics::kernels::Doubles<lanes>;
    int64_t i = 0;
    for (; i + lanes <= size; i += lanes) {
      N of_high = metrics::kernels::read_lanes<lanes>(high + i), of_low = metrics::kernels::read_lanes<lanes>(low + i);
      const N added = metrics::kernels::read_lanes<lanes>(upper + i);
      if (rest == nullptr) {
        add_double_double(of_high, of_low, added);
      } else {
        add_double_double(of_high, of_low, added, metrics::kernels::read_lanes<lanes>(rest + i));
      }
      metrics::kernels::write_lanes(of_high, high + i);
      metrics::kernels::write_lanes(of_low, low + i);
    }
    for (; i < size; ++i) {
      const DoubleDouble sum = DoubleDouble{high[i], low[i]} + two_sum(upper[i], rest == nullptr ? 0 : rest[i]);
      high[i] = sum.high;
      low[i] = sum.low;
    }
  });
}

/// Adds sums of floating weights; `rest` may be null.
inline void add_to(State& state, const double* upper, const double* rest, int64_t size) {
  if (metrics::kernels::is_plain(state.residual())) {
    const State::Sums held = state.sums();
    return add_to_each(held.high, held.low, upper, rest, size);
  }
  std::vector<DoubleDouble> sums(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = two_sum(upper[i], rest == nullptr ? 0 : rest[i]);
  state.add(sums);
}

}  // namespace metrics::classification::counts
