#include "classification/checks.h"
#include "classification/counts/averaging.h"
#include "classification/counts/counting.h"
#include "classification/readings.h"
#include "core/loaded_states.h"
#include <metrics/classification/exact_match.h>
#include <metrics/core/define.h>

#include <ATen/ops/full.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros.h>
#include <c10/util/accumulate.h>

namespace metrics {

struct classification::Matches {
  Tensor correct, total;  ///< One number, or one a sample.
  bool samplewise;
};

using namespace classification;

namespace {

bool is_samplewise(const auto& options) {
  return options.multidim_average == MultidimAverage::Samplewise;
}

// A number as int64 [1] on the batch's device.
Tensor total_of(int64_t count, const Tensor& target) {
  return at::full({1}, count, target.options().dtype(at::kLong));
}

// Nothing is appended before the first batch.
Tensor rows_of(const State& state) {
  return state.tensor().defined() ? state.tensor() : at::zeros({0}, at::kLong);
}

/// Throws StateMisfit for a loaded state that is not one count a sample.
void check_sample_counts(const State& state) {
  require_integer_rows(state);
  require_counts(state);
  if (state.rows() > 0 && state.tensor().dim() != 1) {
    throw StateMisfit(state.name(), "expected one number a sample, got shape " + c10::str(state.tensor().sizes()));
  }
}

// How many positions a sample of a [N, L, ...] batch has.
int64_t positions_of(const Tensor& target) {
  return c10::multiply_integers(target.sizes().slice(2));
}

}  // namespace

void MulticlassMatches::check(const Options& o) {
  check_at_least("num_classes", o.num_classes, o.validate_args ? 2 : 1);
}

RowWeights MulticlassMatches::taken_weights(const Options& o) {
  return is_samplewise(o) ? RowWeights::None : RowWeights::Any;
}

void MulticlassMatches::declare(States& states, const Options& o) {
  if (is_samplewise(o)) {
    states.add("correct", Reduction::Cat);
    states.add("total", Reduction::Max, at::zeros({}, at::kLong));
  } else {
    states.add("correct", Reduction::Sum, at::zeros({1}, at::kLong));
    states.add("total", Reduction::Sum, at::zeros({1}, at::kLong));
  }
}

void MulticlassMatches::update(States& states, const Options& o, const Tensor& preds, const Tensor& target) {
  const counts::ClassRule rule{
      .num_classes = o.num_classes, .ignore_index = o.ignore_index, .validate = o.validate_args};
  if (is_samplewise(o)) {
    states.at(0).append(counts::samplewise_exact_class_matches(preds, target, rule));
    states.at(1).raise(total_of(1, target).squeeze());
  } else if (counts::on_cpu(preds, target)) {
    const int64_t exact = counts::exact_class_matches_on_cpu(preds, target, rule);
    int64_t* const correct = states.at(0).counts();
    int64_t* const total = states.at(1).counts();
    *correct = wrapping_sum(*correct, exact);
    *total = wrapping_sum(*total, target.dim() == 0 ? 1 : target.size(0));
  } else {
    states.at(0).add(counts::exact_class_matches(preds, target, rule));
    states.at(1).add(total_of(target.dim() == 0 ? 1 : target.size(0), target));
  }
}

Matches MulticlassMatches::gathered(const States& states, const Options& o) {
  if (!is_samplewise(o)) return {states.at(0).tensor(), states.at(1).tensor(), false};
  const Tensor correct = rows_of(states.at(0));
  return {correct, at::ones_like(correct), true};
}

void MultilabelMatches::check(const Options& o) {
  check_at_least("num_labels", o.num_labels, o.validate_args ? 2 : 1);
  if (o.validate_args) check_threshold(o.threshold);
}

RowWeights MultilabelMatches::taken_weights(const Options& o) {
  return is_samplewise(o) ? RowWeights::None : RowWeights::Any;
}

// torchmetrics divides all samples by the last one's number of positions: it is kept under its name, and beside it
// that of each sample.
void MultilabelMatches::declare(States& states, const Options& o) {
  if (is_samplewise(o)) {
    declare_readings(states, {"correct"}, Reduction::Cat, Tensor(), o.input);
    states.add("total", Reduction::Max, at::zeros({}, at::kLong));
    states.add("_positions", Reduction::Cat);
  } else {
    declare_readings(states, {"correct"}, Reduction::Sum, at::zeros({1}, at::kLong), o.input);
    states.add("total", Reduction::Sum, at::zeros({1}, at::kLong));
  }
}

void MultilabelMatches::update(States& states, const Options& o, const Tensor& preds, const Tensor& target) {
  const counts::ThresholdRule rule{o.threshold, o.ignore_index, o.validate_args};
  if (is_samplewise(o)) {
    const auto counts = counts::samplewise_exact_multilabel_matches(preds, target, o.num_labels, rule);
    const Tensor positions = total_of(positions_of(target), target);
    fold_readings(states, o.input, counts);
    states["total"].raise(positions.squeeze());
    states["_positions"].append(positions.expand({target.size(0)}));
  } else if (counts::on_cpu(preds, target)) {
    counts::take_exact_multilabel_matches(preds, target, o.num_labels, rule,
                                          [&](const counts::ThresholdNumbers& numbers) {
                                            int64_t* const total = states["total"].counts();
                                            fold_readings(states, o.input, numbers);
                                            *total = wrapping_sum(*total, target.size(0) * positions_of(target));
                                          });
  } else {
    const auto counts = counts::exact_multilabel_matches(preds, target, o.num_labels, rule);
    fold_readings(states, o.input, counts);
    states["total"].add(total_of(target.size(0) * positions_of(target), target));
  }
}

Matches MultilabelMatches::gathered(const States& states, const Options& o) {
  const State& correct = reading_that_applies(states, o.input);
  if (is_samplewise(o)) return {rows_of(correct), rows_of(states["_positions"]), true};
  return {correct.tensor(), states["total"].tensor(), false};
}

void MultilabelMatches::show_as_torchmetrics(States& states, const Options& o) {
  TwoReadings::show_as_torchmetrics(states, o);
  if (is_samplewise(o) && states["_positions"].rows() != states["correct"].rows()) {
    throw Error("states `correct` and `_positions` differ in their number of samples");
  }
}

void MulticlassMatches::complete_from_torchmetrics(States& states, const Options& o) {
  if (is_samplewise(o)) check_sample_counts(states.at(0));
}

void MultilabelMatches::complete_from_torchmetrics(States& states, const Options& o) {
  if (is_samplewise(o)) check_sample_counts(states.at(0));
  TwoReadings::complete_from_torchmetrics(states, o);
  if (!is_samplewise(o)) return;
  const State& correct = states["correct"];
  if (correct.rows() > 0)
    states["_positions"].assign(states["total"].tensor().expand({correct.rows()}).clone(), {}, {});
}

Tensor scores::ExactMatch::value(const Matches& matches) {
  const int64_t* const correct = families::counts_in(matches.correct);
  const int64_t* const total = families::counts_in(matches.total);
  if (matches.samplewise) return families::ratio(matches.correct, matches.total);
  if (correct != nullptr && total != nullptr) return families::tensor_of(families::ratio(*correct, *total));
  return families::ratio(matches.correct, matches.total).reshape({});
}

METRICS_DEFINE_CLASS(MulticlassExactMatch);
METRICS_DEFINE_CLASS(MultilabelExactMatch);

}  // namespace metrics
