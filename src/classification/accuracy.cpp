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

Tensor definitions::BinaryAccuracy::finalise(const States& states, const Options& options) {
  return accuracy(counts_of(states, options), averaging(options));
}

Tensor definitions::MulticlassAccuracy::finalise(const States& states, const Options& options) {
  return accuracy(counts_of(states, options), averaging(options));
}

Tensor definitions::MultilabelAccuracy::finalise(const States& states, const Options& options) {
  return accuracy(counts_of(states, options), averaging(options));
}

METRICS_DEFINE(definitions::BinaryAccuracy);
METRICS_DEFINE(definitions::MulticlassAccuracy);
METRICS_DEFINE(definitions::MultilabelAccuracy);

namespace functional {

Tensor binary_accuracy(const Tensor& preds, const Tensor& target, const BinaryStatScoresOptions& options) {
  return compute_once<definitions::BinaryAccuracy>(options, preds, target);
}

Tensor multiclass_accuracy(const Tensor& preds, const Tensor& target, const MulticlassStatScoresOptions& options) {
  return compute_once<definitions::MulticlassAccuracy>(options, preds, target);
}

Tensor multilabel_accuracy(const Tensor& preds, const Tensor& target, const MultilabelStatScoresOptions& options) {
  return compute_once<definitions::MultilabelAccuracy>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
