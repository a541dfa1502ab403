#pragma once

#include <metrics/classification/options.h>
#include <metrics/core/functional.h>
#include <metrics/core/metric_of.h>

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace metrics {

/// What metrics over the answers of each group share: the states, which are the counts of binary metrics, [num_groups].
template <class O>
struct GroupCounts : classification::TwoReadings {
  using Options = O;
  static constexpr std::array<std::string_view, 3> inputs{"preds", "target", "groups"};
  static constexpr MetricTraits traits{.higher_is_better = false};
  static Options example() { return {.num_groups = 2}; }
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void complete_from_torchmetrics(States& states, const Options& options);
};

namespace scores {

struct METRICS_API GroupStatRates : GroupCounts<BinaryGroupStatRatesOptions> {
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                     const Tensor& groups, const Weights& weights);
  static std::map<std::string, Tensor> finalise(const States& states, const Options& options);
  static std::string update_key(const Options& options);
};

struct METRICS_API Fairness : GroupCounts<BinaryFairnessOptions> {
  static constexpr std::array<std::string_view, 3> functional_inputs{"preds", "target", "groups"};
  static void update(States& states, const Options& options, const Tensor& preds, const std::optional<Tensor>& target,
                     const Tensor& groups, const Weights& weights);
  static std::map<std::string, Tensor> finalise(const States& states, const Options& options);
  static std::string update_key(const Options& options);
  static std::map<std::string, Tensor> functional_value(const Tensor& preds, const std::optional<Tensor>& target,
                                                        const Tensor& groups,
                                                        const BinaryFairnessFunctionalOptions& options,
                                                        const Rows& rows);
};

}  // namespace scores

/// Computes for each group which fractions of its answers are true positives, false positives, true negatives and false
/// negatives: `group_0`, `group_1`, … of [4]; NaN for a group without answers. `preds`: scores or labels [N, ...];
/// `target`: labels of the same shape; `groups`: integers from 0 to `num_groups` - 1, [N], or of the same shape.
/// Source: torchmetrics' BinaryGroupStatRates.
METRICS_METRIC(BinaryGroupStatRates, binary_groups_stat_rates, scores::GroupStatRates);

/// Computes how much worse the group that fares worst fares than the one that fares best. `DP_a_b`, demographic parity:
/// the fraction of group a that is predicted positive over that of group b; `EO_a_b`, equal opportunity: the ratio of
/// their true positive rates, tp / (tp + fn). Scalars; a group without answers has a rate of 0, as has the ratio of two
/// such rates. `preds`: scores or labels [N, ...]; `target`: labels of the same shape, none where the task is
/// demographic_parity, which warns of one; `groups`: integers from 0 to `num_groups` - 1, [N], or of the same shape.
/// Source: torchmetrics' BinaryFairness.
METRICS_METRIC(BinaryFairness, binary_fairness, scores::Fairness);

namespace functional {

/// Computes demographic parity, see BinaryFairness, of as many groups as occur. `preds`: scores or labels [N, ...];
/// `groups`: integers from 0 on without gaps. Source: torchmetrics' demographic_parity.
METRICS_API std::map<std::string, Tensor> demographic_parity(const Tensor& preds, const Tensor& groups,
                                                             const BinaryGroupOptions& options = {});

/// Computes equal opportunity, see BinaryFairness, of as many groups as occur. `preds`: scores or labels [N, ...];
/// `target`: labels of the same shape; `groups`: integers from 0 on without gaps. Source: torchmetrics'
/// equal_opportunity.
METRICS_API std::map<std::string, Tensor> equal_opportunity(const Tensor& preds, const Tensor& target,
                                                            const Tensor& groups,
                                                            const BinaryGroupOptions& options = {});

}  // namespace functional
}  // namespace metrics
