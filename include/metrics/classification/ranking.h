#pragma once

#include <metrics/classification/options.h>
#include <metrics/core/member.h>

#include <array>
#include <string>
#include <string_view>

namespace metrics {

/// What metrics on how the labels of a sample are ranked share: the sum of what each sample is worth, and how many
/// there are. `preds`: scores [N, L, ...], of any range, because ranks alone count; `target`: labels, as `preds`.
/// Positions are samples of their own. A label that is ignored is not among those that are ranked, and a sample without
/// any other is none. NaN without samples.
template <class Score>
struct RankedLabels {
  using Options = MultilabelRankingOptions;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static constexpr MetricTraits traits{.higher_is_better = Score::higher_is_better};
  static Options example() { return {.num_labels = 3}; }
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                     const Weights& weights);
  static Tensor finalise(const States& states, const Options& options);
};

namespace scores {

struct CoverageError {
  static constexpr bool higher_is_better = false;
};
struct RankingAveragePrecision {
  static constexpr bool higher_is_better = true;
};
struct RankingLoss {
  static constexpr bool higher_is_better = false;
};

}  // namespace scores

/// Computes how far down the ranking of a sample's labels all that are yes are found, the mean number of labels whose
/// score is at least that of the lowest of these; 0 for a sample without a yes. `preds`: scores [N, L, ...]; `target`:
/// labels, as `preds`. Source: Tsoumakas et al. (2010), scikit-learn's coverage_error; torchmetrics'
/// MultilabelCoverageError.
METRICS_METRIC(MultilabelCoverageError, multilabel_coverage_error, RankedLabels<scores::CoverageError>);

/// Computes the mean over a sample's labels that are yes of the fraction of yes among all labels whose score is at
/// least that label's, then the mean over samples; 1 for a sample whose labels are all alike. `preds`: scores [N, L,
/// ...]; `target`: labels, as `preds`. Source: Tsoumakas et al. (2010), scikit-learn's
/// label_ranking_average_precision_score; torchmetrics' MultilabelRankingAveragePrecision.
METRICS_METRIC(MultilabelRankingAveragePrecision, multilabel_ranking_average_precision,
               RankedLabels<scores::RankingAveragePrecision>);

/// Computes the fraction of a sample's pairs of a yes and a no of which the no has a score at least as high, then the
/// mean over samples; 0 for a sample whose labels are all alike. `preds`: scores [N, L, ...]; `target`: labels, as
/// `preds`. Source: Tsoumakas et al. (2010), scikit-learn's label_ranking_loss; torchmetrics' MultilabelRankingLoss.
METRICS_METRIC(MultilabelRankingLoss, multilabel_ranking_loss, RankedLabels<scores::RankingLoss>);

}  // namespace metrics
