#pragma once

#include <metrics/classification/options.h>
#include <metrics/core/functional.h>
#include <metrics/core/member.h>
#include <metrics/core/metric_of.h>

#include <array>
#include <string>
#include <string_view>

namespace metrics {

/// What the hinge losses of both tasks are but their names: sums of losses, under both readings of the scores where it
/// is still open which of them applies, and how many samples there are. `Defaults` are the options of the functional.
template <class O, class Defaults>
struct HingeLosses : classification::TwoReadings {
  using Options = O;
  using FunctionalOptions = Defaults;
  static constexpr std::array<std::string_view, 2> inputs{"preds", "target"};
  static constexpr MetricTraits traits{.higher_is_better = false, .is_differentiable = true};
  static constexpr bool functional_dtype_of_inputs = true;
  static Options example() { return detail::example_of<Options>(); }
  static void check(const Options& options);
  static void declare(States& states, const Options& options);
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                     const Weights& weights);
  static Tensor finalise(const States& states, const Options& options);
  static void complete_from_torchmetrics(States& states, const Options& options);
  static std::string update_key(const Options& options);
};

/// Computes the mean hinge loss, max(0, 1 - y p), where y is 1 for yes and -1 for no: a scalar. `preds`: scores p [N,
/// ...], of logits their sigmoid; `target`: labels of the same shape. The margins of a support vector machine are not
/// to be changed: say `input` probabilities. NaN without samples. Source: torchmetrics' BinaryHingeLoss.
METRICS_METRIC(BinaryHingeLoss, binary_hinge_loss,
               HingeLosses<BinaryHingeLossOptions, BinaryHingeLossFunctionalOptions>);

/// Computes the mean of max(0, 1 - margin), a scalar, where the margin is how far the score of the target is above the
/// best other one (Crammer and Singer 2001); or [C] with one-vs-all, where a class's score is its margin for samples of
/// it, and for others the negative. `preds`: scores [N, C, ...], of logits their softmax; `target`: classes [N, ...].
/// The margins of a support vector machine are not to be changed: say `input` probabilities. NaN without samples.
/// Source: torchmetrics' MulticlassHingeLoss.
METRICS_METRIC(MulticlassHingeLoss, multiclass_hinge_loss,
               HingeLosses<MulticlassHingeLossOptions, MulticlassHingeLossFunctionalOptions>);

}  // namespace metrics
