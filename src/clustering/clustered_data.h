#pragma once

#include <metrics/core/state.h>

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace metrics::clustering {

/// Rows of numbers in float64, with their history, about a common centre, and the cluster of each: the index of its label
/// among those that occur.
struct ClusteredRows {
  Tensor data;     ///< [N, D]
  Tensor cluster;  ///< int64 [N]
  Tensor counts;   ///< float64 [K]: how many rows a cluster has.

  int64_t rows() const { return data.size(0); }
  int64_t clusters() const { return counts.size(0); }
  /// [K, D]
  Tensor centres() const;
};
ClusteredRows clustered_rows(const States& states);

/// Whether there are more than one cluster and fewer than rows.
bool are_clusters(int64_t clusters, int64_t rows);

/// NaN, with a warning where there was an update.
Tensor undefined_score(const States& states, const char* metric);

/// √x, whose derivative at 0 is 0.
Tensor root(const Tensor& squares);

}  // namespace metrics::clustering
