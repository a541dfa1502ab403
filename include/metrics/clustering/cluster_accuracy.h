#pragma once

#include <metrics/classification/confusion_matrix.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace metrics {

struct ClusterAccuracyOptions {
  /// Clusters, and classes of the target.
  Required<int64_t> num_classes;

  static constexpr auto fields() { return metrics::fields<&ClusterAccuracyOptions::num_classes>(); }
};

namespace definitions {

struct ClusterAccuracy {
  static constexpr std::string_view name = "ClusterAccuracy";
  static constexpr std::string_view functional = "cluster_accuracy";
  using Options = ClusterAccuracyOptions;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                     const Weights& weights);
  static std::string update_key(const Options& options);
  static Tensor finalise(const States& states, const Options& options);
  static Options example() { return {.num_classes = 3}; }
};

}  // namespace definitions

/// Computes the accuracy of the best assignment of a class to each cluster. `preds`: clusters [N, ...], 0 to
/// `num_classes` - 1, or scores [N, C, ...]; `target`: classes [N, ...]. NaN before the first sample. Throws
/// InvalidArgument for `num_classes` below 2 and for labels out of range. The assignment takes O(num_classes³) at the
/// most. Source: torchmetrics' ClusterAccuracy; Crouse (2016).
METRICS_CLASS(ClusterAccuracy);

namespace functional {

/// The same of one batch. Source: torchmetrics' cluster_accuracy.
inline constexpr Functional<definitions::ClusterAccuracy> cluster_accuracy{};

}  // namespace functional
}  // namespace metrics
