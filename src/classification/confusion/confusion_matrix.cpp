#include "classification/checks.h"
#include "classification/counts/counting.h"
#include "classification/counts/weighted.h"
#include "classification/define_tasks.h"
#include "classification/readings.h"
#include <metrics/classification/confusion_matrix.h>
#include <metrics/core/warning.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

namespace metrics {

using namespace classification;

void BinaryConfusion::check(const Options& o) {
  if (o.validate_args) check_threshold(o.threshold);
}

void BinaryConfusion::declare(States& states, const Options& o) {
  declare_readings(states, {"confmat"}, Reduction::Sum, at::zeros({2, 2}, at::kLong), o.input);
}

void BinaryConfusion::update(States& states, const Options& o, const Tensor& preds, const Tensor& target,
                             const Weights& weights) {
  const counts::ThresholdRule rule{o.threshold, o.ignore_index, o.validate_args};
  if (weights.given()) return counts::add_weighted_matrices(states, o.input, preds, target, std::nullopt, rule, weights);
  count_readings(states, o.input, preds, target, std::nullopt, rule, CellLayout::Matrices);
}

std::string BinaryConfusion::update_key(const Options& o) {
  return "binary confusion: " + describe_options(o);
}

Tensor BinaryConfusion::gathered(const States& states, const Options& o) {
  return reading_that_applies(states, o.input).tensor();
}

void MulticlassConfusion::check(const Options& o) {
  check_at_least("num_classes", o.num_classes, o.validate_args ? 2 : 1);
}

void MulticlassConfusion::declare(States& states, const Options& o) {
  // Expanded: of many classes only the pairs that occur take memory.
  states.add("confmat", Reduction::Sum, at::zeros({}, at::kLong).expand({o.num_classes, o.num_classes}));
}

void MulticlassConfusion::update(States& states, const Options& o, const Tensor& preds, const Tensor& target,
                                 const Weights& weights) {
  const counts::ClassRule rule{
      .num_classes = o.num_classes, .ignore_index = o.ignore_index, .validate = o.validate_args};
  if (weights.given()) return counts::add_weighted_confusion(states.at(0), preds, target, rule, weights);
  Tensor& confusion = states.at(0).tensor_to_write();
  counts::add_class_confusion(confusion, preds, target, rule);
}

std::string MulticlassConfusion::update_key(const Options& o) {
  return "multiclass confusion: " + describe_options(o);
}

Tensor MulticlassConfusion::gathered(const States& states, const Options&) {
  return states.at(0).tensor();
}

void MultilabelConfusion::check(const Options& o) {
  check_at_least("num_labels", o.num_labels, o.validate_args ? 2 : 1);
  if (o.validate_args) check_threshold(o.threshold);
}

void MultilabelConfusion::declare(States& states, const Options& o) {
  declare_readings(states, {"confmat"}, Reduction::Sum, at::zeros({o.num_labels, 2, 2}, at::kLong), o.input);
}

void MultilabelConfusion::update(States& states, const Options& o, const Tensor& preds, const Tensor& target,
                                 const Weights& weights) {
  const counts::ThresholdRule rule{o.threshold, o.ignore_index, o.validate_args};
  if (weights.given()) {
    return counts::add_weighted_matrices(states, o.input, preds, target, o.num_labels, rule, weights);
  }
  count_readings(states, o.input, preds, target, o.num_labels, rule, CellLayout::Matrices);
}

std::string MultilabelConfusion::update_key(const Options& o) {
  return "multilabel confusion: " + describe_options(o);
}

Tensor MultilabelConfusion::gathered(const States& states, const Options& o) {
  return reading_that_applies(states, o.input).tensor();
}

Tensor scores::ConfusionMatrix::normalised(const Tensor& counts, Normalize normalize) {
  if (normalize == Normalize::None) return counts;
  const Tensor confusion = counts.to(at::kDouble);
  const auto sum = [&] {
    switch (normalize) {
      case Normalize::True:
        return confusion.sum(-1, /*keepdim=*/true);
      case Normalize::Pred:
        return confusion.sum(-2, /*keepdim=*/true);
      default:
        return confusion.sum({-2, -1}, /*keepdim=*/true);
    }
  }();
  const Tensor empty = (sum == 0).expand_as(confusion);
  const auto missing = empty.sum().item<int64_t>();
  if (missing) warn(std::to_string(missing) + " NaN values found in confusion matrix have been replaced with zeros.");
  return at::where(empty, 0.0, confusion / sum);
}

METRICS_DEFINE_TASKS(ConfusionMatrix);

}  // namespace metrics
