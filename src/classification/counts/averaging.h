#pragma once

#include "families/numbers.h"
#include <metrics/classification/stat_scores.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones_like.h>

#include <cstdint>
#include <utility>

// From counts to scores: what every metric over true and false positives and negatives has in common after its formula.

namespace metrics::classification {

namespace counts {

using families::as_double;
using families::ratio;

/// The counts of a label; as tensors (int64) those of each label along the last dimension, with a row a sample before
/// it where they are samplewise.
template <class N>
struct CountsOf {
  N tp, fp, tn, fn;
};
using Counts = CountsOf<Tensor>;

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
  Tensor table;  ///< int64 [4, L], float64 where rows have weights; samplewise [N, 4, L], of a binary metric [N, 4].
  bool samplewise;
  counts::Scoring how;

  /// The same with classes left out of the macro average as if `top_k` were 1.
  GatheredCounts as_if_top_1() const { return {table, samplewise, how.as_if_top_1()}; }
  counts::Counts parts() const;
  /// The table as numbers; null where it has others, is on another device, or has a row a sample.
  template <class N = int64_t>
  const N* numbers() const {
    return samplewise ? nullptr : families::numbers_in<N>(table);
  }
  int64_t labels() const { return table.size(-1); }
};

namespace counts {

/// Returns the counts of all labels together.
inline Counts summed(const Counts& c) {
  return {c.tp.sum(-1), c.fp.sum(-1), c.tn.sum(-1), c.fn.sum(-1)};
}

/// The counts of labels as numbers, one label after the other.
template <class N>
class CountsByLabel {
 public:
  CountsByLabel(const N* table, int64_t labels) : table_(table), labels_(labels) {}

  int64_t size() const { return labels_; }
  CountsOf<N> operator[](int64_t label) const {
    return {table_[label], table_[labels_ + label], table_[2 * labels_ + label], table_[3 * labels_ + label]};
  }
  CountsOf<N> summed() const {
    using families::sum_of_counts;
    CountsOf<N> sum{};
    for (int64_t label = 0; label < labels_; ++label) {
      const CountsOf<N> c = (*this)[label];
      sum = {sum_of_counts(sum.tp, c.tp), sum_of_counts(sum.fp, c.fp), sum_of_counts(sum.tn, c.tn),
             sum_of_counts(sum.fn, c.fn)};
    }
    return sum;
  }

 private:
  const N* table_;
  int64_t labels_;
};

/// Whether a class has a part in the macro average.
///
/// Classes that do not occur have none: those without true positives, false positives and false negatives; with `top_k`
/// above 1, where a false positive only says that the target was not among the best, those without true positives and
/// false negatives.
template <class N>
auto occurs(const CountsOf<N>& c, const Scoring& how) {
  return (how.top_k == 1 ? c.tp + c.fn + c.fp : c.tp + c.fn) != 0;
}

template <class N, class Score>
Tensor averaged_numbers(const CountsByLabel<N>& counts, const Scoring& how, const Score& score) {
  if (how.average == Average::Micro) return families::tensor_of(score(counts.summed(), how));
  if (how.average == Average::None) {
    Tensor scores = families::empty_doubles(counts.size());
    double* const each = scores.mutable_data_ptr<double>();
    for (int64_t label = 0; label < counts.size(); ++label) each[label] = score(counts[label], how);
    return scores;
  }
  double sum = 0, weights = 0;
  for (int64_t label = 0; label < counts.size(); ++label) {
    const CountsOf<N> c = counts[label];
    const bool in_macro = how.task == Task::Multilabel || occurs(c, how);
    const double weight = how.average == Average::Macro ? as_double(in_macro ? 1 : 0) : as_double(c.tp + c.fn);
    sum += weight * score(c, how);
    weights += weight;
  }
  return families::tensor_of(ratio(sum, weights));
}

/// Averages a score over labels. `score(counts, how)` is a formula over `CountsOf<N>`, for numbers and for tensors.
template <class Score>
Tensor averaged(const GatheredCounts& gathered, const Score& score) {
  const Scoring& how = gathered.how;
  if (const auto* numbers = gathered.numbers()) {
    return averaged_numbers(CountsByLabel(numbers, gathered.labels()), how, score);
  }
  if (const auto* numbers = gathered.numbers<double>()) {
    return averaged_numbers(CountsByLabel(numbers, gathered.labels()), how, score);
  }
  const Counts counts = gathered.parts();
  if (how.average == Average::Micro) return score(summed(counts), how);
  const Tensor scores = score(counts, how);
  if (how.average == Average::None) return scores;
  Tensor weights = as_double(counts.tp + counts.fn);
  if (how.average == Average::Macro) {
    weights = how.task == Task::Multilabel ? at::ones_like(weights) : as_double(occurs(counts, how));
  }
  return ratio(families::sum_in_order(weights * scores), families::sum_in_order(weights));
}

/// The fraction of right answers.
///
/// Of several classes only one can be right, so that true negatives say nothing of a class.
template <class N>
auto fraction_right(const CountsOf<N>& c, Task task) {
  if (task == Task::Multiclass) return ratio(c.tp, c.tp + c.fn);
  return ratio(c.tp + c.tn, c.tp + c.fp + c.tn + c.fn);
}

}  // namespace counts

}  // namespace metrics::classification
