#pragma once

#include <metrics/classification/choices.h>
#include <metrics/core/metric_of.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace metrics {

/// Options of MulticlassExactMatch.
struct MulticlassExactMatchOptions {
  int64_t num_classes = 0;
  MultidimAverage multidim_average = MultidimAverage::Global;
  /// Targets of this value cannot be missed; it may be a class or not.
  std::optional<int64_t> ignore_index{};
  /// Whether labels are checked to be classes, and scores to be numbers. Without it NaN is the greatest score.
  bool validate_args = true;

  static constexpr auto fields() {
    using Self = MulticlassExactMatchOptions;
    return metrics::fields<&Self::num_classes, &Self::multidim_average, &Self::ignore_index, &Self::validate_args>(1);
  }
};

/// Options of MultilabelExactMatch.
struct MultilabelExactMatchOptions {
  int64_t num_labels = 0;
  /// A score above it is a yes.
  double threshold = 0.5;
  MultidimAverage multidim_average = MultidimAverage::Global;
  /// Targets of this value cannot be missed; it may be 0 or 1.
  std::optional<int64_t> ignore_index{};
  /// Whether labels and scores are checked. Without it a predicted label that is neither 0 nor 1 is wrong, a target
  /// cannot be missed, and NaN is above no threshold.
  bool validate_args = true;
  ScoreInput input = ScoreInput::Auto;

  static constexpr auto fields() {
    using Self = MultilabelExactMatchOptions;
    return metrics::fields<&Self::num_labels, &Self::threshold, &Self::multidim_average, &Self::ignore_index,
                           &Self::validate_args, &Self::input>(1);
  }
};

namespace definitions {

struct METRICS_API MulticlassExactMatch {
  static constexpr std::string_view name = "MulticlassExactMatch";
  static constexpr std::string_view functional = "multiclass_exact_match";
  using Options = MulticlassExactMatchOptions;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static constexpr MetricTraits traits{.higher_is_better = true};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target);
  static Tensor finalise(const States& states, const Options& options);
  static Options example() { return {.num_classes = 3}; }
  static void complete_from_torchmetrics(States& states, const Options& options);
};

struct METRICS_API MultilabelExactMatch : TwoReadings {
  static constexpr std::string_view name = "MultilabelExactMatch";
  static constexpr std::string_view functional = "multilabel_exact_match";
  using Options = MultilabelExactMatchOptions;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static constexpr MetricTraits traits{.higher_is_better = true};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target);
  static Tensor finalise(const States& states, const Options& options);
  static Options example() { return {.num_labels = 3}; }
  static void show_as_torchmetrics(States& states, const Options& options);
  static void complete_from_torchmetrics(States& states, const Options& options);
};

}  // namespace definitions

extern template class METRICS_API MetricOf<definitions::MulticlassExactMatch>;
extern template class METRICS_API MetricOf<definitions::MultilabelExactMatch>;

/// Computes the share of samples that are right as a whole, at every position; samplewise [N], each 1 or 0. 0 without
/// any samples. `preds`: labels [N, ...] or scores [N, C, ...]; `target`: [N, ...]. A NaN is the greatest of scores.
/// Source: torchmetrics' MulticlassExactMatch.
using MulticlassExactMatch = MetricOf<definitions::MulticlassExactMatch>;

/// Computes the share of positions (samples, where they have none) at which all labels are right; samplewise [N]. 0
/// without any. `preds`: scores or labels [N, L, ...]; `target`: labels, as `preds`.
/// Source: torchmetrics' MultilabelExactMatch.
using MultilabelExactMatch = MetricOf<definitions::MultilabelExactMatch>;

namespace functional {

/// The value of MulticlassExactMatch over one batch.
inline Tensor multiclass_exact_match(const Tensor& preds, const Tensor& target,
                                     const MulticlassExactMatchOptions& options) {
  return compute_once<definitions::MulticlassExactMatch>(options, preds, target);
}
/// The value of MultilabelExactMatch over one batch.
inline Tensor multilabel_exact_match(const Tensor& preds, const Tensor& target,
                                     const MultilabelExactMatchOptions& options) {
  return compute_once<definitions::MultilabelExactMatch>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
