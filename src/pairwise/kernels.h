#pragma once

#include <metrics/core/rows.h>
#include <metrics/export.h>

#include <cstdint>

namespace metrics::pairwise::kernels {

/// Rows in the order in which their distances from others are computed: in panels of some rows each, of which the same
/// column lies together.
class METRICS_API Panels {
 public:
  /// `rows` is [M, D], contiguous float32 or float64.
  explicit Panels(const Tensor& rows);

  /// Writes the norms of that power of the differences of `x` [n, D], of the same dtype, from the rows from `first` on:
  /// [n, m] into a matrix of that dtype whose elements lie beside each other in a row.
  void write_distances(const Tensor& x, int64_t first, double power, const Tensor& into) const;
  /// How many rows a panel has; `first` is a multiple of it.
  int64_t height() const;

 private:
  Tensor panels_;  // [panels, D, height]
};

/// Rows [N, D], the same less a point that all have in common, and the squares of the lengths of these, float64 [N].
struct MeasuredRows {
  Tensor given, moved, squares;
};

/// Makes of products of all pairs of moved rows the squares of their distances, |x|² + |y|² - 2 x y: of pairs that are
/// near beside their lengths by differences of the given ones, because products lose them. Returns false, where many
/// are near, and leaves the matrix in any state.
METRICS_API bool make_squared_distances(const MeasuredRows& x, const MeasuredRows& y, const Tensor& products);

/// Adds the sum of each row of a matrix of float32 or float64 to `sums`, float64.
void add_sums_of_rows(const Tensor& matrix, const Tensor& sums);

}  // namespace metrics::pairwise::kernels
