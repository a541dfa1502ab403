#pragma once

#include <metrics/clustering/clustered_data.h>

namespace metrics {

struct DunnIndexOptions {
  /// Which norm distances are, any number.
  double p = 2;

  static constexpr auto fields() { return metrics::fields<&DunnIndexOptions::p>(); }
};

namespace definitions {

struct DunnIndex : ClusteredData {
  static constexpr std::string_view name = "DunnIndex";
  static constexpr std::string_view functional = "dunn_index";
  using Options = DunnIndexOptions;
  static constexpr MetricTraits traits{.higher_is_better = true, .is_differentiable = true};
  static constexpr bool functional_dtype_of_inputs = true;
  static void check(const Options& options);
  static void declare(States& states, const Options&) { ClusteredData::declare(states); }
  static void update(States& states, const Options& options, const Tensor& data, const Tensor& labels);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static std::string update_key(const Options&) { return "rows of clusters"; }
  static Tensor finalise(const States& states, const Options& options);
};

}  // namespace definitions

/// Computes the least distance of two clusters' centres beside the greatest of a row from its centre. `data`: floating
/// [N, D]; `labels`: integers [N]. Keeps all rows, in their dtype, and 8 bytes for the label of each. NaN, with a
/// warning, of a single cluster; infinite of clusters of one row. Differentiable. Throws InvalidArgument for other
/// shapes and dtypes, and for a `p` that is NaN. Source: Dunn (1974); torchmetrics' DunnIndex.
METRICS_CLASS(DunnIndex);

namespace functional {

/// The same of one batch: float64 if `data` is, else float32. Source: torchmetrics' dunn_index.
inline constexpr Functional<definitions::DunnIndex> dunn_index{};

}  // namespace functional
}  // namespace metrics
