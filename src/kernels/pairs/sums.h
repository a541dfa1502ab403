#pragma once

#include "kernels/element.h"
#include "moments.h"
#include <metrics/core/double_double.h>

#include <c10/util/SmallVector.h>

#include <array>
#include <cstdint>
#include <vector>

/// Sums over pairs of a prediction and a target, column by column: one pass over both, in float64, in blocks that are
/// folded in their order, so that the bits depend neither on the number of threads nor on the machine.
namespace metrics::kernels::pairs {

/// Two contiguous arrays of [rows, columns], and what their rows weigh, where they do.
struct Pairs {
  const void* preds;
  const void* target;
  Element element;
  int64_t rows, columns;
  // One of the three or none; each for so many rows, one after the other.
  const double* real_weights = nullptr;
  const float* float_weights = nullptr;
  const int64_t* integer_weights = nullptr;
  int64_t rows_of_weight = 1;

  bool weighted() const { return real_weights != nullptr || float_weights != nullptr || integer_weights != nullptr; }
  double weight(int64_t row) const {
    const int64_t index = row / rows_of_weight;
    return real_weights != nullptr      ? real_weights[index]
           : float_weights != nullptr   ? static_cast<double>(float_weights[index])
           : integer_weights != nullptr ? static_cast<double>(integer_weights[index])
                                        : 1;
  }
};

/// Something of each column; of the one that there mostly is, in place.
template <class T>
using ByColumn = c10::SmallVector<T, 1>;

/// Something of each column, and how many rows there are, or where they weigh the sum of that.
template <class T>
struct Summed {
  explicit Summed(const Pairs& pairs, const T& none = {})
      : of(static_cast<std::size_t>(pairs.columns), none),
        count{pairs.weighted() ? 0 : static_cast<double>(pairs.rows), 0} {}

  /// Adds what the rows of a block weigh; those that do not are counted already.
  template <class Block>
  void add_weights(const Block& block) {
    if (block.weights != nullptr) count = count + block.weights[0];
  }

  ByColumn<T> of;
  DoubleDouble count;
};

/// Returns Σ (x - y)² of each column. Of other terms: `sums_of` in sum_blocks.h. Where rows weigh, all sums are those
/// of terms times that.
Summed<DoubleDouble> squared_errors(const Pairs& pairs);

/// Returns Σ (x - y)² of each row, whatever it weighs.
std::vector<double> row_squared_errors(const Pairs& pairs);

/// What numbers are multiplied by before they are squared: nothing, and where their squares would leave float64 a power
/// of two, one for large numbers and one for small ones.
inline constexpr std::array<double, 3> square_scales{1, 0x1p-600, 0x1p600};
/// Sums of squares need a scale where the largest number is not between these, nor 0, infinite or NaN.
inline constexpr double least_unscaled = 0x1p-300, most_unscaled = 0x1p300;

/// Sums of squares, each beside the others of its scale.
using SquareSums = std::array<DoubleDouble, square_scales.size()>;

struct FitSums {
  DoubleDouble target;
  SquareSums squared_target, squared_error;
};

/// Returns Σ y, Σ y² and Σ (x - y)² of each column. In the first two y is f + v, f the first target of its block and v
/// the rounded rest. They may therefore differ from those of the data in the last bits, but they fit each other: Σ y² -
/// (Σ y)² / n is as exact as a sum of squares of y less a number near it.
Summed<FitSums> fit_sums(const Pairs& pairs);

/// Sums by which both the targets' deviation and that of the errors y - x are known, each as those of `fit_sums` of y.
struct ErrorFitSums {
  DoubleDouble target, squared_target, error, squared_error;
};
Summed<ErrorFitSums> error_fit_sums(const Pairs& pairs);

/// The errors Σ (x - y)² of a column beside what its targets are: their sum and that of their squares, the least and
/// the greatest, the mean, and Σ (y - mean)².
struct ErrorBesideTarget {
  DoubleDouble squared_error, target, squared_target;
  double least, greatest, mean, var, n;  // n is `count` as a number
};
Summed<ErrorBesideTarget> errors_beside_targets(const Pairs& pairs);

/// Returns the moments of each column, exact as sums of squares and products of x and y less numbers near them.
Summed<PairMoments<double>> pair_moments(const Pairs& pairs);

}  // namespace metrics::kernels::pairs
