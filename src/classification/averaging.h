#pragma once

#include <metrics/classification/stat_scores.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/where.h>

#include <utility>

// From counts to scores: what every metric over true and false positives and negatives has in common after its formula.

namespace metrics::classification {

enum class Task { Binary, Multiclass, Multilabel };

/// Counts by label along the last dimension, int64; samplewise ones have a row per sample before it.
struct Counts {
  Tensor tp, fp, tn, fn;
};

/// How scores of labels become one. A binary metric is the micro average of its one label.
struct Averaging {
  Task task;
  Average average;
  int64_t top_k = 1;
};

Counts counts_of(const States& states, const BinaryStatScoresOptions& options);
Counts counts_of(const States& states, const MulticlassStatScoresOptions& options);
Counts counts_of(const States& states, const MultilabelStatScoresOptions& options);

inline Averaging averaging(const BinaryStatScoresOptions&) {
  return {Task::Binary, Average::Micro};
}
inline Averaging averaging(const MulticlassStatScoresOptions& o) {
  return {Task::Multiclass, o.average, o.top_k};
}
inline Averaging averaging(const MultilabelStatScoresOptions& o) {
  return {Task::Multilabel, o.average};
}

/// Returns num / denom in float64, and `zero_division` where denom is 0.
inline Tensor ratio(const Tensor& num, const Tensor& denom, double zero_division = 0) {
  return at::where(denom != 0, num.to(at::kDouble) / denom, zero_division);
}

/// Returns the counts of all labels together.
inline Counts summed(const Counts& c) {
  return {c.tp.sum(-1), c.fp.sum(-1), c.tn.sum(-1), c.fn.sum(-1)};
}

/// Averages a score of counts over labels; `score` maps Counts to a tensor of their shape.
///
/// The macro average leaves out classes that do not occur: without true positives, false positives and false negatives;
/// with `top_k` above 1, where a false positive only says that the target was not among the best, without true
/// positives and false negatives.
template <class Score>
Tensor averaged(const Counts& counts, const Averaging& how, const Score& score) {
  if (how.average == Average::Micro) return score(summed(counts));
  const Tensor scores = score(counts);
  if (how.average == Average::None) return scores;
  const Tensor support = counts.tp + counts.fn;
  Tensor weights = support.to(at::kDouble);
  if (how.average == Average::Macro) {
    const Tensor occurs = (how.top_k == 1 ? support + counts.fp : support) != 0;
    weights = how.task == Task::Multilabel ? at::ones_like(weights) : occurs.to(at::kDouble);
  }
  return ratio((weights * scores).sum(-1), weights.sum(-1));
}

}  // namespace metrics::classification
