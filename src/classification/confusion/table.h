#pragma once

#include "families/numbers.h"
#include <metrics/core/state.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace metrics::classification::confusion {

/// Counts of the pairs of a target (row) and a prediction (column), as numbers on the CPU, where those of another
/// device are brought: scores of a table are arithmetic on few numbers.
class Table {
 public:
  /// `counts`: int64 [classes, classes].
  explicit Table(const Tensor& counts)
      : held_(counts.to(at::kCPU, at::kLong).contiguous()),
        counts_(held_.const_data_ptr<int64_t>()),
        classes_(held_.size(0)) {}

  int64_t classes() const { return classes_; }
  int64_t operator()(int64_t target, int64_t predicted) const { return counts_[target * classes_ + predicted]; }

  /// How often a class is the target, and how often it is predicted.
  struct Margins {
    std::vector<int64_t> targets, predictions;
    int64_t all = 0;
  };
  Margins margins() const {
    Margins sums{std::vector<int64_t>(static_cast<std::size_t>(classes_)),
                 std::vector<int64_t>(static_cast<std::size_t>(classes_))};
    for (int64_t target = 0; target < classes_; ++target) {
      const int64_t* const row = counts_ + target * classes_;
      int64_t in_row = 0;
      for (int64_t predicted = 0; predicted < classes_; ++predicted) {
        in_row = wrapping_sum(in_row, row[predicted]);
        int64_t& in_column = sums.predictions[static_cast<std::size_t>(predicted)];
        in_column = wrapping_sum(in_column, row[predicted]);
      }
      sums.targets[static_cast<std::size_t>(target)] = in_row;
      sums.all = wrapping_sum(sums.all, in_row);
    }
    return sums;
  }

 private:
  Tensor held_;
  const int64_t* counts_;
  int64_t classes_;
};

}  // namespace metrics::classification::confusion
