#pragma once

#include <metrics/core/double_double.h>
#include <metrics/core/ranges.h>
#include <metrics/core/state.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

// The correlation of ranks where pairs stay on their ranks of processes (see metrics/core/ranges.h): they travel to a
// range of predictions, which ranks these, and on to a range of targets.

namespace metrics::regression {

/// What a correlation of ranks follows from: sums of products of the ranks less their mean. Where each pair counts once
/// they are of twice that, and exact; where pairs weigh, a rank is what lies below and half of what is equal.
struct RankSums {
  __extension__ using Wide = __int128;

  Wide of_x = 0, of_y = 0, of_both = 0;
  DoubleDouble weighted_x{}, weighted_y{}, weighted_both{};
  bool has_nan = false;

  void add(const RankSums& other);
  /// NaN where one side does not vary, or has NaN.
  double correlation() const;
};

/// Of two columns that are here; `weights` may be undefined.
RankSums rank_sums(const Tensor& preds, const Tensor& target, const Tensor& weights);

/// Of so many columns of the states `preds` and `target`: of each column parts are RankSums.
std::shared_ptr<const RangedValue> ranged_rank_sums(int64_t columns);
RankSums rank_sums(const std::vector<RangeBytes>& parts);

}  // namespace metrics::regression
