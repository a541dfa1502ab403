#pragma once

#include <metrics/core/member.h>

#include <array>
#include <string>
#include <string_view>

// What scores of the clusters of data share: rows of numbers, and the cluster of each.

namespace metrics {

/// What all scores of the clusters of data share. `data`: floating [N, D]; `labels`: the cluster of each row, integers
/// [N], whatever their values. Sums are in float64. Differentiable. Weights of rows are integers, because the number of
/// rows counts.
struct METRICS_API ClusteredData {
  static constexpr std::array<std::string_view, 2> inputs{"data", "labels"};
  static void declare(States& states);
  static void update(States& states, const Tensor& data, const Tensor& labels);
  static void complete_from_torchmetrics(States& states);
};

}  // namespace metrics
