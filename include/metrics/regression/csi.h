#pragma once

#include <metrics/core/functional.h>
#include <metrics/core/metric_of.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace metrics {

struct CriticalSuccessIndexOptions {
  /// From which number on an event has happened or was foreseen.
  Required<double> threshold;
  /// The dimension of the sequence, each index of which has a value of its own in each batch; unset: one value of all.
  std::optional<int64_t> keep_sequence_dim{};

  static constexpr auto fields() {
    return metrics::fields<&CriticalSuccessIndexOptions::threshold, &CriticalSuccessIndexOptions::keep_sequence_dim>();
  }
};

namespace definitions {

struct CriticalSuccessIndex {
  static constexpr std::string_view name = "CriticalSuccessIndex";
  static constexpr std::string_view functional = "critical_success_index";
  using Options = CriticalSuccessIndexOptions;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target);
  static Tensor finalise(const States& states, const Options& options);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static Options example() { return {.threshold = 0.5}; }
};

}  // namespace definitions

/// Computes the fraction of events that were foreseen among those that happened or were foreseen, hits / (hits + misses
/// + false alarms), 0 where there are none. `preds` and `target`: one shape, any; numbers from `threshold` on are
/// events, which is compared in their dtype; real dtypes, also two different ones. With `keep_sequence_dim` a value for
/// each index of that dimension, batch after batch, of which the counts are kept. Throws InvalidArgument for a
/// `keep_sequence_dim` below 0 or beyond the dimensions, for shapes that differ, and for complex inputs. Source:
/// torchmetrics' CriticalSuccessIndex.
METRICS_CLASS(CriticalSuccessIndex);

namespace functional {

/// The same of one batch. Source: torchmetrics' critical_success_index.
inline constexpr Functional<definitions::CriticalSuccessIndex> critical_success_index{};

}  // namespace functional
}  // namespace metrics
