#include "sample_pairs.h"

#include <vector>

namespace metrics::clustering {

namespace {

/// Products of counts: of 2^62 samples there are 2^124 pairs.
__extension__ using Integer = __int128;

Integer integer(double count) {
  return static_cast<Integer>(count);
}

Integer squares(const std::vector<double>& counts) {
  Integer sum = 0;
  for (const double count : counts) sum += integer(count) * integer(count);
  return sum;
}

}  // namespace

SamplePairs sample_pairs_of(const families::Contingency& table) {
  Integer same = 0;
  for (const auto& cell : table.cells) same += integer(cell.count) * integer(cell.count);
  const Integer of_target = squares(table.rows), of_preds = squares(table.columns), n = integer(table.all);
  return {.both = static_cast<double>(same - n),
          .pred_only = static_cast<double>(of_preds - same),
          .target_only = static_cast<double>(of_target - same),
          .neither = static_cast<double>(n * n - of_preds - of_target + same)};
}

}  // namespace metrics::clustering
