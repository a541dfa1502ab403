#pragma once

#include <metrics/core/state.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

namespace metrics::clustering {

/// The sums of each cluster's numbers, [K, …], of float64 [N, …], and numbers less those of their cluster. Both carry
/// gradients; without any they are loops, because index_add takes several times as long.
Tensor sums_by_cluster(const Tensor& numbers, const Tensor& cluster, int64_t clusters);
Tensor less_those_of_cluster(const Tensor& numbers, const Tensor& of_clusters, const Tensor& cluster);

/// A row of each of so many clusters, of which rows are at `cluster`, int64 [N]: the first. What rows differ from it by
/// loses no digits to an offset, and is exactly 0 where rows are equal.
Tensor first_rows(const Tensor& rows, const Tensor& cluster, int64_t clusters);

/// Rows of numbers in float64, with their history, and the cluster of each: the index of its label among those that
/// occur.
struct ClusteredRows {
  Tensor cluster;  ///< int64 [N]
  Tensor counts;   ///< [K]: how many rows a cluster has.
  Tensor centres;  ///< [K, D]
  Tensor away;     ///< [N, D], from the centre.

  int64_t rows() const { return cluster.size(0); }
  int64_t clusters() const { return counts.size(0); }
};
ClusteredRows clustered_rows(const States& states);

/// The same of rows on the CPU that carry no gradients, in two passes over them that keep nothing of their size but
/// what is asked for; nothing for others.
struct ClusterDistances {
  Tensor labels;   ///< int64 [K], in order.
  Tensor cluster;  ///< int64 [N]
  Tensor counts;   ///< float64 [K]
  Tensor centres;  ///< float64 [K, D]
  Tensor squares;  ///< float64 [N]: of the distance of a row from its centre.

  int64_t clusters() const { return counts.size(0); }
};
std::optional<ClusterDistances> cluster_distances(const States& states);

/// Whether there are more than one cluster and fewer than rows.
bool are_clusters(int64_t clusters, int64_t rows);

/// NaN, with a warning where there was an update.
Tensor undefined_score(const States& states, const char* metric);

/// √x, whose derivative at 0 is 0.
Tensor root(const Tensor& squares);

}  // namespace metrics::clustering
