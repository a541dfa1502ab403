#pragma once

#include "families/pairs.h"
#include "kernels/pairs/sums.h"
#include <metrics/core/double_double.h>
#include <metrics/core/state.h>
#include <metrics/core/weights.h>

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

// How well predictions fit targets, in sums: what R2Score and RelativeSquaredError keep, under torchmetrics' names. Σ y
// and Σ y² are kept so that the deviation of the targets follows from them whatever their offset, and sums of squares
// that would leave float64 are those of scaled numbers, in states beside them.

namespace metrics::regression {

/// `value`, with the derivative of `formula`, which would give the same without rounding.
Tensor with_gradient_of(const Tensor& value, const Tensor& formula);

/// The numbers of a compensated sum by column, on the CPU; 0 before the first update.
std::vector<DoubleDouble> sums_in(const State& state, int64_t columns);

/// Σ (y - mean)² from Σ y and Σ y², 0 where that is their rounding.
double squared_deviation(const DoubleDouble& total, const DoubleDouble& total_of_squares, const DoubleDouble& n);
/// The same of each column.
Tensor squared_deviations(const State& sum, const State& sum_of_squares, const DoubleDouble& n);

/// Adds Σ y and Σ y² of float64 [N, …], whose rows may weigh, each in double-double.
void add_sum_and_squares(State& sum, State& squares, const Tensor& values, const families::pairs::WeightsOfPairs& rows);
/// The weights of the rows of values [N, …], in a shape that goes with these.
Tensor weights_beside(const Tensor& values, const families::pairs::WeightsOfPairs& rows);

/// Declares the states; `initial` is the default of the sums.
void declare_fit(States& states, const Tensor& initial, ShapeFrom shape);

/// Folds a batch of one or more rows in, of each as many numbers as its sums have, which are of `shape`: into all
/// states, or into none.
void fold_fit(States& states, const Tensor& preds, const Tensor& target, const Weights& weights, at::IntArrayRef shape);

/// How many rows there are, or where they weigh the sum of that.
DoubleDouble number_of_rows(const States& states);

/// The sums of a fit as numbers, where they are such on the CPU and no square had to be scaled.
class PlainFit {
 public:
  /// Nothing where they are not.
  static std::optional<PlainFit> of(const States& states);

  int64_t columns() const { return static_cast<int64_t>(target_.size()); }
  double errors(int64_t column) const { return errors_[static_cast<std::size_t>(column)].high; }
  double deviations(int64_t column, const DoubleDouble& n) const {
    const auto i = static_cast<std::size_t>(column);
    return squared_deviation(target_[i], squared_target_[i], n);
  }

 private:
  using Sums = kernels::pairs::ByColumn<DoubleDouble>;
  explicit PlainFit(int64_t columns) {
    for (Sums* sums : {&target_, &squared_target_, &errors_}) sums->resize(static_cast<std::size_t>(columns));
  }

  Sums target_, squared_target_, errors_;
};

/// Errors and deviations by column as tensors, in a scale that both of a column share: the squares times 2^exponent.
/// Where deviations are 0, errors may be in another one.
struct Fit {
  Tensor errors, deviations;
  Tensor weights;              ///< The deviations in one scale that all columns share.
  std::vector<int> exponents;  ///< Empty where no square had to be scaled.
};
Fit fit_in(const States& states, const DoubleDouble& n);

}  // namespace metrics::regression
