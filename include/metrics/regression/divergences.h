#pragma once

#include <metrics/core/functional.h>
#include <metrics/core/metric_of.h>
#include <metrics/regression/choices.h>

#include <array>
#include <string>
#include <string_view>

namespace metrics {

struct DivergenceOptions {
  /// Whether the inputs are logarithms of probabilities; if not, each row is divided by its sum.
  bool log_prob = false;
  /// What becomes of the divergences of all rows.
  regression::Reduction reduction = regression::Reduction::Mean;

  static constexpr auto fields() {
    return metrics::fields<&DivergenceOptions::log_prob, &DivergenceOptions::reduction>();
  }
};

/// What the divergences of two distributions share, which are computed row by row: all of a definition but its name.
/// `METRICS_METRIC(Name, functional_name, DivergenceOfRows<Divergence>)` is one of them. `Divergence` is defined in the
/// source, and says what one row is worth, in numbers and in tensors.
template <class Divergence>
struct DivergenceOfRows {
  using Options = DivergenceOptions;
  static constexpr std::array<std::string_view, 2> inputs{"p", "q"};
  static constexpr MetricTraits traits{.higher_is_better = false, .is_differentiable = true, .commits_last = true};
  static constexpr bool functional_dtype_of_inputs = true;
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& p, const Tensor& q, const Weights& weights);
  static RowWeights taken_weights(const Options& options);
  static Tensor finalise(const States& states, const Options& options);
  static std::string update_key(const Options& options);
  static void complete_from_torchmetrics(States& states, const Options& options);
};

}  // namespace metrics
