#pragma once

#include <metrics/core/double_double.h>
#include <metrics/core/state.h>
#include <metrics/core/weights.h>

#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

// Sums of weights: int64, or double-double from sums of numbers that no addition rounds.

namespace metrics::classification::counts {

/// Floating weights as numbers that have a last bit in common, so that all sums of them are exact, and what they lack;
/// mostly that is nothing, as of float32 weights that are not too far apart.
class Parts {
 public:
  /// Each is added `times` times at most.
  Parts(const double* weights, int64_t rows, int64_t times) : upper_(weights) {
    const double greatest = rows == 0 ? 0 : *std::max_element(weights, weights + rows);
    const int additions = std::bit_width(static_cast<uint64_t>(std::max<int64_t>(1, rows * times)));
    const int last_bit = std::ilogb(std::max(greatest, 0x1p-900)) + 1 + additions - 53;
    // Added to a number it leaves none of the bits below that.
    const double cut = std::ldexp(1.5, 52 + last_bit);
    const auto cut_off = [cut](double weight) { return (weight + cut) - cut; };
    bool exact = true;
    for (int64_t row = 0; row < rows; ++row) exact &= cut_off(weights[row]) == weights[row];
    if (exact) return;
    own_.resize(static_cast<std::size_t>(2 * rows));
    double* const upper = own_.data();
    double* const rest = upper + rows;
    for (int64_t row = 0; row < rows; ++row) {
      upper[row] = cut_off(weights[row]);
      rest[row] = weights[row] - upper[row];
    }
    upper_ = upper;
    rest_ = rest;
  }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  const double* upper() const { return upper_; }
  /// Null where there is none.
  const double* rest() const { return rest_; }

 private:
  const double* upper_;
  const double* rest_ = nullptr;
  std::vector<double> own_;
};

/// Calls count(sums, weights) with so many sums, which are 0, of int64 or double as the weights are, and hands what has
/// come of it to `take`, as int64 or double-double. With weights in two parts it counts twice.
template <class Count, class Take>
void counted(const Weights& weights, int64_t size, int64_t positions, const Count& count, const Take& take) {
  const auto sums_of = [&](const auto* of_rows) {
    std::vector<std::remove_cvref_t<decltype(*of_rows)>> sums(static_cast<std::size_t>(size));
    count(sums.data(), of_rows);
    return sums;
  };
  if (weights.are_integers()) {
    const std::vector<int64_t> sums = sums_of(weights.integers());
    return take(std::span<const int64_t>(sums));
  }
  const Parts parts(weights.reals(), weights.rows(), positions);
  const std::vector<double> upper = sums_of(parts.upper());
  std::vector<DoubleDouble> sums(upper.size());
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i].high = upper[i];
  if (parts.rest() != nullptr) {
    const std::vector<double> rest = sums_of(parts.rest());
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = two_sum(upper[i], rest[i]);
  }
  take(std::span<const DoubleDouble>(sums));
}

/// Adds what is counted of a batch to a state of such counts.
inline void add_to(State& state, std::span<const int64_t> counts) {
  if (state.tensor().is_cpu() && state.tensor().is_contiguous()) {
    int64_t* const held = state.counts();
    for (std::size_t i = 0; i < counts.size(); ++i) held[i] = wrapping_sum(held[i], counts[i]);
    return;
  }
  state.add(at::from_blob(const_cast<int64_t*>(counts.data()), state.tensor().sizes(), at::kLong)
                .to(state.tensor().device()));
}
inline void add_to(State& state, std::span<const DoubleDouble> sums) {
  state.add(sums);
}

}  // namespace metrics::classification::counts
