#pragma once

#include <metrics/classification/options.h>
#include <metrics/core/member.h>

#include <array>
#include <string_view>

namespace metrics {

namespace classification {

// How many are right, and of how many: a number each, or samplewise one a sample.
struct Matches;

}  // namespace classification

/// What a multiclass metric over samples that are right as a whole counts. `preds`: labels [N, ...] or scores
/// [N, C, ...]; `target`: [N, ...].
struct METRICS_API MulticlassMatches {
  using Options = MulticlassExactMatchOptions;
  using Gathered = classification::Matches;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static RowWeights taken_weights(const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static Gathered gathered(const States& states, const Options& options);
};

/// The same of labels. `preds`: scores or labels [N, L, ...]; `target`: labels, as `preds`.
struct METRICS_API MultilabelMatches : classification::TwoReadings {
  using Options = MultilabelExactMatchOptions;
  using Gathered = classification::Matches;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static RowWeights taken_weights(const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target);
  static void show_as_torchmetrics(States& states, const Options& options);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static Gathered gathered(const States& states, const Options& options);
};

namespace scores {

struct METRICS_API ExactMatch {
  static constexpr MetricTraits traits{.higher_is_better = true};
  static Tensor value(const classification::Matches& matches);
};

}  // namespace scores

/// Computes the fraction of samples that are right as a whole, at every position; samplewise [N], each 1 or 0. 0
/// without any samples. `preds`: labels [N, ...] or scores [N, C, ...]; `target`: [N, ...]. A NaN is the greatest of
/// scores. Source: torchmetrics' MulticlassExactMatch.
METRICS_METRIC(MulticlassExactMatch, multiclass_exact_match, Member<MulticlassMatches, scores::ExactMatch>);

/// Computes the fraction of positions (samples, where they have none) at which all labels are right; samplewise [N]. 0
/// without any. `preds`: scores or labels [N, L, ...]; `target`: labels, as `preds`.
/// Source: torchmetrics' MultilabelExactMatch.
METRICS_METRIC(MultilabelExactMatch, multilabel_exact_match, Member<MultilabelMatches, scores::ExactMatch>);

}  // namespace metrics
