#pragma once

#include <metrics/export.h>

#include <ATen/core/Tensor.h>

#include <optional>

namespace metrics {

using at::Tensor;

/// What a loader knows of the rows of a batch; a row is an index along the inputs' first dimension.
struct Rows {
  /// bool [N]: rows that are false contribute nothing (padding). Absent: all rows count.
  std::optional<Tensor> valid{};
  /// int64 [N]: the global sample ids, for metrics that drop duplicates or draw by sample.
  std::optional<Tensor> ids{};
  /// [N] of floating numbers, integers or bool, finite and not negative: a row of weight k counts as k rows would, and
  /// one of weight 0 contributes nothing. Absent: each counts once. `sample_weight` in the dynamic face.
  std::optional<Tensor> weights{};
};

/// Throws InvalidArgument unless `valid` is bool [rows], `ids` is int64 [rows] and `weights` are real numbers [rows],
/// where they are given.
METRICS_API void check_rows(const Rows& rows, int64_t row_count);

}  // namespace metrics
