#pragma once

#include <metrics/classification/choices.h>
#include <metrics/classification/options.h>
#include <metrics/core/metric_of.h>

#include <array>
#include <string_view>

namespace metrics {

namespace definitions {

struct METRICS_API MulticlassExactMatch {
  static constexpr std::string_view name = "MulticlassExactMatch";
  static constexpr std::string_view functional = "multiclass_exact_match";
  using Options = MulticlassExactMatchOptions;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
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
  static constexpr MetricTraits traits{.higher_is_better = true, .commits_last = true};
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
