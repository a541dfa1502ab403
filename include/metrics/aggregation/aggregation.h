#pragma once

#include <metrics/core/metric_of.h>

#include <array>
#include <optional>
#include <string_view>
#include <variant>

namespace metrics {

namespace aggregation {

/// What an aggregator does with NaN in its inputs.
enum class NanStrategy {
  Error,    ///< Throws InvalidArgument.
  Warn,     ///< Warns and leaves the value out.
  Ignore,   ///< Leaves the value out.
  Disable,  ///< Does not look: NaN goes on into the result.
};

}  // namespace aggregation

template <>
inline constexpr std::array<std::string_view, 4> enum_names<aggregation::NanStrategy>{"error", "warn", "ignore",
                                                                                      "disable"};

struct AggregatorOptions {
  /// A strategy, or the number to put in place of NaN (with weight 1).
  std::variant<aggregation::NanStrategy, double> nan_strategy = aggregation::NanStrategy::Warn;

  static constexpr auto fields() { return metrics::fields<&AggregatorOptions::nan_strategy>(); }
};

namespace definitions {

/// What all aggregators share.
struct Aggregator {
  using Options = AggregatorOptions;
  static constexpr std::array<std::string_view, 1> inputs{"value"};
  static constexpr MetricTraits traits{.commits_last = true};
};

struct SumMetric : Aggregator {
  static constexpr std::string_view name = "SumMetric";
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Values& value);
  static Tensor finalise(const States& states, const Options& options);
};

struct MeanMetric : Aggregator {
  static constexpr std::string_view name = "MeanMetric";
  static constexpr std::array<std::string_view, 2> inputs{"value", "weight"};
  static RowWeights taken_weights(const Options&) { return RowWeights::Any; }
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Values& value, const std::optional<Values>& weight,
                     const Rows& rows);
  static Tensor finalise(const States& states, const Options& options);
};

struct MaxMetric : Aggregator {
  static constexpr std::string_view name = "MaxMetric";
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Values& value);
  static Tensor finalise(const States& states, const Options& options);
};

struct MinMetric : Aggregator {
  static constexpr std::string_view name = "MinMetric";
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Values& value);
  static Tensor finalise(const States& states, const Options& options);
};

struct CatMetric : Aggregator {
  static constexpr std::string_view name = "CatMetric";
  static RowWeights taken_weights(const Options&) { return RowWeights::None; }  // of values one by one
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Values& value);
  static Tensor finalise(const States& states, const Options& options);
  static void complete_from_torchmetrics(States& states, const Options& options);
};

}  // namespace definitions

/// Computes the sum of all values, in double-double. `value`: a number or a tensor of any shape and real dtype.
/// Throws InvalidArgument for NaN with `nan_strategy` error. Source: torchmetrics' SumMetric.
METRICS_CLASS(SumMetric);

/// Computes the weighted mean Σ wᵢ xᵢ / Σ wᵢ. `value`: a number or a tensor of any shape and real dtype; `weight`:
/// 1 by default, else broadcast to `value`. NaN where no weight was given. Throws InvalidArgument for NaN in either
/// with `nan_strategy` error, and for a weight that does not broadcast. Source: torchmetrics' MeanMetric.
METRICS_CLASS(MeanMetric);

/// Computes the largest value seen, -inf before the first. `value`: a number or a tensor of any shape and real dtype.
/// Throws InvalidArgument for NaN with `nan_strategy` error. Source: torchmetrics' MaxMetric.
METRICS_CLASS(MaxMetric);

/// Computes the smallest value seen, inf before the first. `value`: a number or a tensor of any shape and real dtype.
/// Throws InvalidArgument for NaN with `nan_strategy` error. Source: torchmetrics' MinMetric.
METRICS_CLASS(MinMetric);

/// Gives all values one after the other along the first dimension, rank after rank. `value`: a number (one row) or a
/// tensor [N, ...] of any real dtype, kept in the metric's dtype; where NaN is left out it is flattened. Throws
/// InvalidArgument for NaN with `nan_strategy` error, and for rows of another shape. Source: torchmetrics' CatMetric.
METRICS_CLASS(CatMetric);

}  // namespace metrics
