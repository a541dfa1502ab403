#pragma once

#include <metrics/clustering/clustered_data.h>

namespace metrics {

namespace definitions {

struct DaviesBouldinScore : ClusteredData {
  static constexpr std::string_view name = "DaviesBouldinScore";
  static constexpr std::string_view functional = "davies_bouldin_score";
  using Options = NoOptions;
  static constexpr MetricTraits traits{.higher_is_better = false, .is_differentiable = true};
  static void declare(States& states, const Options&) { ClusteredData::declare(states); }
  static void update(States& states, const Options& options, const Tensor& data, const Tensor& labels);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static std::string update_key(const Options&) { return "rows of clusters"; }
  static Tensor finalise(const States& states, const Options& options);
};

}  // namespace definitions

/// Computes how alike each cluster is to the one that it is most alike, on average: (sᵢ + sⱼ) / dᵢⱼ, where s is the
/// mean distance of rows from their centre and d that of two centres. 0 where all rows, or all centres, are within 1e-8
/// of one another. `data`: floating [N, D]; `labels`: integers [N]. Keeps all rows, in their dtype, and 8 bytes for the
/// label of each: distances from a centre are known once it is. NaN as CalinskiHarabaszScore. Differentiable. Throws as
/// that. Source: Davies, Bouldin (1979); torchmetrics' DaviesBouldinScore.
METRICS_CLASS(DaviesBouldinScore);

namespace functional {

/// The same of one batch. Source: torchmetrics' davies_bouldin_score.
inline constexpr Functional<definitions::DaviesBouldinScore> davies_bouldin_score{};

}  // namespace functional
}  // namespace metrics
