#include "classification/counts/averaging.h"
#include "classification/define_tasks.h"
#include <metrics/classification/jaccard.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones_like.h>

namespace metrics {

using namespace classification;

namespace {

// By class or label, float64: what is both target and predicted, and what is each.
struct Overlap {
  Tensor both, target, predicted;

  Tensor either() const { return target + predicted - both; }
};

Overlap overlap_of_classes(const Tensor& counts) {
  const Tensor confusion = counts.to(at::kDouble);
  return {confusion.diagonal(), confusion.sum(1), confusion.sum(0)};
}

Overlap overlap_of_labels(const Tensor& counts) {
  const Tensor confusion = counts.to(at::kDouble);
  return {confusion.select(1, 1).select(1, 1), confusion.select(1, 1).sum(-1), confusion.select(2, 1).sum(-1)};
}

// `taken` is 1 for those that have a part in the micro and macro averages, and 0 for others.
Tensor averaged_overlap(const Overlap& o, const Tensor& taken, Average average, double zero_division) {
  if (average == Average::Micro) return counts::ratio(o.both.sum(), (taken * o.either()).sum(), zero_division);
  const Tensor scores = counts::ratio(o.both, o.either(), zero_division);
  if (average == Average::None) return scores;
  const Tensor weights = average == Average::Weighted ? o.target : taken;
  return (weights * scores).sum() / weights.sum();
}

}  // namespace

Tensor scores::JaccardIndex::value(const Tensor& confusion, const BinaryJaccardIndexOptions& o) {
  const Overlap overlap = overlap_of_labels(confusion.unsqueeze(0));
  return averaged_overlap(overlap, at::ones_like(overlap.both), Average::Micro, o.zero_division);
}

Tensor scores::JaccardIndex::value(const Tensor& confusion, const MulticlassJaccardIndexOptions& o) {
  const Overlap overlap = overlap_of_classes(confusion);
  Tensor taken = (overlap.either() != 0).to(at::kDouble);
  if (o.ignore_index && *o.ignore_index >= 0 && *o.ignore_index < o.num_classes) taken[*o.ignore_index] = 0;
  return averaged_overlap(overlap, taken, o.average, o.zero_division);
}

Tensor scores::JaccardIndex::value(const Tensor& confusion, const MultilabelJaccardIndexOptions& o) {
  const Overlap overlap = overlap_of_labels(confusion);
  return averaged_overlap(overlap, at::ones_like(overlap.both), o.average, o.zero_division);
}

METRICS_DEFINE_TASKS(JaccardIndex);

}  // namespace metrics
