#include "allocations.h"
#include <metrics/clustering/adjusted_mutual_info_score.h>

#include <ATen/ops/randint.h>

#include <doctest/doctest.h>

TEST_CASE(
    "adjusted mutual information takes memory for the pairs of labels that occur, not for all that there could be") {
  constexpr int64_t samples = 20'000, clusters = 1000;
  if (!largest_allocation()) return;
  metrics::AdjustedMutualInfoScore metric;
  metric.update(at::randint(clusters, {samples}, at::kLong), at::randint(clusters, {samples}, at::kLong));
  static_cast<void>(metric.compute());
  // No more pairs than samples, and not one number for each of a million.
  CHECK(*largest_allocation() <= samples * 64);
}
