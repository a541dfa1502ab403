#include "averaging.h"
#include <metrics/classification/accuracy.h>
#include <metrics/core/define.h>

namespace metrics {

using namespace classification;

namespace {

Tensor accuracy(const Counts& counts, const Averaging& how) {
  return averaged(counts, how, [&](const Counts& c) {
    // Of several classes only one can be right: the true negatives say nothing of a class.
    if (how.task == Task::Multiclass) return ratio(c.tp, c.tp + c.fn);
    return ratio(c.tp + c.tn, c.tp + c.fp + c.tn + c.fn);
  });
}

}  // namespace

Tensor BinaryAccuracyDefinition::finalise(const States& states, const Options& options) {
  return accuracy(counts_of(states, options), averaging(options));
}

Tensor MulticlassAccuracyDefinition::finalise(const States& states, const Options& options) {
  return accuracy(counts_of(states, options), averaging(options));
}

Tensor MultilabelAccuracyDefinition::finalise(const States& states, const Options& options) {
  return accuracy(counts_of(states, options), averaging(options));
}

METRICS_DEFINE(BinaryAccuracyDefinition);
METRICS_DEFINE(MulticlassAccuracyDefinition);
METRICS_DEFINE(MultilabelAccuracyDefinition);

namespace functional {

Tensor binary_accuracy(const Tensor& preds, const Tensor& target, const BinaryStatScoresOptions& options) {
  return compute_once<BinaryAccuracyDefinition>(options, preds, target);
}

Tensor multiclass_accuracy(const Tensor& preds, const Tensor& target, const MulticlassStatScoresOptions& options) {
  return compute_once<MulticlassAccuracyDefinition>(options, preds, target);
}

Tensor multilabel_accuracy(const Tensor& preds, const Tensor& target, const MultilabelStatScoresOptions& options) {
  return compute_once<MultilabelAccuracyDefinition>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
