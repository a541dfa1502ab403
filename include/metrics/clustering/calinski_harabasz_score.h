#pragma once

#include <metrics/clustering/clustered_data.h>

namespace metrics {

namespace definitions {

struct CalinskiHarabaszScore : ClusteredData {
  static constexpr std::string_view name = "CalinskiHarabaszScore";
  static constexpr std::string_view functional = "calinski_harabasz_score";
  using Options = NoOptions;
  static constexpr MetricTraits traits{.higher_is_better = true, .is_differentiable = true};
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& data, const Tensor& labels);
  static void merge(States& into, const States& from, const Options& options);
  static void show_as_torchmetrics(States& states, const Options& options);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static Tensor finalise(const States& states, const Options& options);
};

}  // namespace definitions

/// Computes how far clusters are apart beside how far they spread, b (N - K) / (w (K - 1)): b sums the squared
/// distances of the clusters' centres from the common one, as often as there are rows, w those of rows from their
/// centres. 1 where none spreads. `data`: floating [N, D]; `labels`: integers [N]. Keeps 8 D + 24 bytes a cluster, and
/// up to 4096 rows before they are folded into it; a state dict shows rows as long as none was. NaN, with a warning,
/// unless there are more than one cluster and fewer than rows. Differentiable. Throws InvalidArgument for other shapes
/// and dtypes. Source: Caliński, Harabasz (1974); torchmetrics' CalinskiHarabaszScore.
METRICS_CLASS(CalinskiHarabaszScore);

namespace functional {

/// The same of one batch. Source: torchmetrics' calinski_harabasz_score.
inline constexpr Functional<definitions::CalinskiHarabaszScore> calinski_harabasz_score{};

}  // namespace functional
}  // namespace metrics
