#pragma once

#include "families/numbers.h"
#include "kernels/pairs/exact_products.h"
#include <metrics/core/double_double.h>
#include <metrics/core/state.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace metrics::classification::confusion {

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

  /// How often a class is the target, and how often it is predicted.
  struct Margins {
    std::vector<N> targets, predictions;
    N all = 0;
  };
  Margins margins() const {
    using families::sum_of_counts;
    Margins sums{std::vector<N>(static_cast<std::size_t>(classes_)),
                 std::vector<N>(static_cast<std::size_t>(classes_))};
    for (int64_t target = 0; target < classes_; ++target) {
      const N* const row = counts_ + target * classes_;
      N in_row = 0;
      for (int64_t predicted = 0; predicted < classes_; ++predicted) {
        in_row = sum_of_counts(in_row, row[predicted]);
        N& in_column = sums.predictions[static_cast<std::size_t>(predicted)];
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

/// A count as what scores of a table are worked out in: products of two counts have more digits than float64 holds, and
/// their differences are what is left of them.
inline DoubleDouble exactly(int64_t count) {
  return double_double_of(count);
}
inline DoubleDouble exactly(double count) {
  return {count, 0};
}
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
