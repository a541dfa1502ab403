#pragma once

#include <metrics/classification/stat_scores.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/where.h>

#include <utility>

// From counts to scores: what every metric over true and false positives and negatives has in common after its formula.

namespace metrics::classification {

namespace counts {

/// Counts by label along the last dimension, int64; samplewise ones have a row per sample before it.
struct Counts {
  Tensor tp, fp, tn, fn;
};

/// How counts become a score. A binary metric is the micro average of its one label.
struct Scoring {
  Task task;
  Average average;
  int64_t top_k;
  double zero_division;

  // Implicit, so that options can be given where a Scoring is taken.
  Scoring(const BinaryStatScoresOptions& o) : Scoring{Task::Binary, Average::Micro, 1, o.zero_division} {}
  Scoring(const MulticlassStatScoresOptions& o) : Scoring{Task::Multiclass, o.average, o.top_k, o.zero_division} {}
  Scoring(const MultilabelStatScoresOptions& o) : Scoring{Task::Multilabel, o.average, 1, o.zero_division} {}

  Scoring as_if_top_1() const { return {task, average, 1, zero_division}; }

 private:
  Scoring(Task t, Average a, int64_t k, double zero) : task(t), average(a), top_k(k), zero_division(zero) {}
};

}  // namespace counts

/// What a metric over counts has gathered.
struct GatheredCounts {
  counts::Counts counts;
  counts::Scoring how;

  /// The same with classes left out of the macro average as if `top_k` were 1.
  GatheredCounts as_if_top_1() const { return {counts, how.as_if_top_1()}; }
};

namespace counts {

/// Returns num / denom in float64, and `zero_division` where denom is 0.
inline Tensor ratio(const Tensor& num, const Tensor& denom, double zero_division = 0) {
  return at::where(denom != 0, num.to(at::kDouble) / denom, zero_division);
}

/// Returns the counts of all labels together.
inline Counts summed(const Counts& c) {
  return {c.tp.sum(-1), c.fp.sum(-1), c.tn.sum(-1), c.fn.sum(-1)};
}

/// Averages a score of counts over labels; `score(counts, how)` is a tensor of their shape.
///
/// The macro average leaves out classes that do not occur: without true positives, false positives and false negatives;
/// with `top_k` above 1, where a false positive only says that the target was not among the best, without true
/// positives and false negatives.
template <class Score>
Tensor averaged(const GatheredCounts& gathered, const Score& score) {
  const auto& [counts, how] = gathered;
  if (how.average == Average::Micro) return score(summed(counts), how);
  const Tensor scores = score(counts, how);
  if (how.average == Average::None) return scores;
  const Tensor support = counts.tp + counts.fn;
  Tensor weights = support.to(at::kDouble);
  if (how.average == Average::Macro) {
    const Tensor occurs = (how.top_k == 1 ? support + counts.fp : support) != 0;
    weights = how.task == Task::Multilabel ? at::ones_like(weights) : occurs.to(at::kDouble);
  }
  return ratio((weights * scores).sum(-1), weights.sum(-1));
}

/// The fraction of right answers.
///
/// Of several classes only one can be right, so that true negatives say nothing of a class.
inline Tensor fraction_right(const Counts& c, Task task) {
  if (task == Task::Multiclass) return ratio(c.tp, c.tp + c.fn);
  return ratio(c.tp + c.tn, c.tp + c.fp + c.tn + c.fn);
}

}  // namespace counts

}  // namespace metrics::classification
