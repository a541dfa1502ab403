#pragma once

#include "families/numbers.h"
#include "kernels/pairs/exact_products.h"
#include <metrics/core/double_double.h>
#include <metrics/core/state.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace metrics::classification::confusion {

/// A count as what scores of a table are worked out in: products of two counts have more digits than float64 holds, and
/// their differences are what is left of them.
inline DoubleDouble exactly(int64_t count) {
  return double_double_of(count);
}
inline DoubleDouble exactly(double count) {
  return {count, 0};
}
inline const DoubleDouble& exactly(const DoubleDouble& sum) {
  return sum;
}

using families::sum_of_counts;
template <class Count>
DoubleDouble sum_of_counts(const DoubleDouble& sum, const Count& count) {
  return sum + exactly(count);
}

/// Counts of the pairs of a target (row) and a prediction (column), as numbers on the CPU, where those of another
/// device are brought: scores of a table are arithmetic on few numbers. Counts of weighted rows are float64, others
/// int64.
template <class N>
class Table {
 public:
  /// `counts`: [classes, classes].
  explicit Table(const Tensor& counts)
      : held_(counts.to(at::kCPU, c10::CppTypeToScalarType<N>::value).contiguous()),
        counts_(held_.const_data_ptr<N>()),
        classes_(held_.size(0)) {}

  int64_t classes() const { return classes_; }
  N operator()(int64_t target, int64_t predicted) const { return counts_[target * classes_ + predicted]; }

  /// How often a class is the target, and how often it is predicted, in sums of that type.
  template <class Sum>
  struct Margins {
    std::vector<Sum> targets, predictions;
    Sum all{};
  };
  template <class Sum = N>
  Margins<Sum> margins() const {
    Margins<Sum> sums{std::vector<Sum>(static_cast<std::size_t>(classes_)),
                      std::vector<Sum>(static_cast<std::size_t>(classes_))};
    for (int64_t target = 0; target < classes_; ++target) {
      const N* const row = counts_ + target * classes_;
      Sum in_row{};
      for (int64_t predicted = 0; predicted < classes_; ++predicted) {
        in_row = sum_of_counts(in_row, row[predicted]);
        Sum& in_column = sums.predictions[static_cast<std::size_t>(predicted)];
        in_column = sum_of_counts(in_column, row[predicted]);
      }
      sums.targets[static_cast<std::size_t>(target)] = in_row;
      sums.all = sum_of_counts(sums.all, in_row);
    }
    return sums;
  }

 private:
  Tensor held_;
  const N* counts_;
  int64_t classes_;
};

inline DoubleDouble difference(const DoubleDouble& a, const DoubleDouble& b) {
  return a + DoubleDouble{-b.high, -b.low};
}
using metrics::kernels::pairs::product;

/// Calls f(table) with the table of the counts.
template <class F>
auto with_table(const Tensor& counts, const F& f) {
  return counts.is_floating_point() ? f(Table<double>(counts)) : f(Table<int64_t>(counts));
}

}  // namespace metrics::classification::confusion
