#include "families/contingency.h"
#include <metrics/clustering/label_pairs.h>

namespace metrics {

void LabelPairs::declare(States& states, const Options&) {
  families::label_pairs::declare(states);
}

void LabelPairs::update(States& states, const Options&, const Tensor& preds, const Tensor& target,
                        const Weights& weights) {
  families::label_pairs::check(preds, target);
  families::label_pairs::update(states, preds, target, weights);
}

void LabelPairs::merge(States& into, const States& from, const Options&) {
  families::label_pairs::merge(into, from);
}

void LabelPairs::show_as_torchmetrics(States& states, const Options&) {
  families::label_pairs::show_as_torchmetrics(states);
}

void LabelPairs::complete_from_torchmetrics(States& states, const Options&) {
  families::label_pairs::complete_from_torchmetrics(states);
}

families::Contingency LabelPairs::gathered(const States& states, const Options&) {
  return families::label_pairs::gathered(states);
}

}  // namespace metrics
