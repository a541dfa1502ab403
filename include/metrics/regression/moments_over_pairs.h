#pragma once

#include <metrics/core/functional.h>
#include <metrics/core/metric_of.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace metrics {

struct PearsonCorrCoefOptions {
  /// Columns of the inputs, each with a coefficient of its own.
  int64_t num_outputs = 1;

  static constexpr auto fields() { return metrics::fields<&PearsonCorrCoefOptions::num_outputs>(); }
};

/// What the metrics share whose value follows from the first and second moments of pairs of a prediction and a target,
/// under torchmetrics' names: all of a definition but its name and value. Those of a collection share one update.
struct METRICS_API MomentsOverPairs {
  using Options = PearsonCorrCoefOptions;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static constexpr bool functional_dtype_of_inputs = true;
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                     const Weights& weights);
  static void merge(States& into, const States& from, const Options& options);
  static std::string update_key(const Options& options);
  static void show_as_torchmetrics(States& states, const Options& options);
  static void complete_from_torchmetrics(States& states, const Options& options);
};

}  // namespace metrics
