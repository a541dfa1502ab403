#include "counting.h"
#include "inputs.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

namespace metrics::classification::counts::plain {
namespace {

// Labels of rows, and which of them are taken, because they are not ignored: [N, S].
struct LabelRows {
  Tensor target, predicted, taken;
};

Tensor not_ignored(const Tensor& target, const std::optional<int64_t>& ignore_index) {
  return ignore_index ? target != *ignore_index : (target == target);
}

// NaN is the greatest score: compared as floats, it is only unequal.
Tensor comes_before(const Tensor& scores, const Tensor& wanted, const Tensor& wanted_index) {
  const Tensor nan = scores.isnan();
  const Tensor wanted_nan = wanted.isnan();
  const Tensor greater = (scores > wanted) | (nan & ~wanted_nan);
  const Tensor equal = (scores == wanted) | (nan & wanted_nan);
  const Tensor index = at::arange(scores.size(1), wanted_index.options()).view({1, -1, 1});
  return greater | (equal & (index < wanted_index));
}

// Of scores [N, C, S]: the first of the greatest, spelled out because at::argmax promises nothing about ties.
Tensor first_greatest(const Tensor& scores) {
  const Tensor greatest = scores.amax(1, /*keepdim=*/true);
  const Tensor hit = (scores == greatest) | (scores.isnan() & greatest.isnan());
  const Tensor index = at::arange(scores.size(1), scores.options().dtype(at::kLong)).view({1, -1, 1});
  return at::where(hit, index, scores.size(1)).amin(1);
}

Tensor predicted_classes(const Tensor& scores, const Tensor& target, int64_t top_k) {
  const Tensor first = first_greatest(scores);
  if (top_k == 1) return first;
  const Tensor of_a_class = (target >= 0) & (target < scores.size(1));
  const Tensor wanted = at::where(of_a_class, target, 0).unsqueeze(1);
  const Tensor before = comes_before(scores, scores.gather(1, wanted), wanted).sum(1);
  return at::where(of_a_class & (before < top_k), target, first);
}

LabelRows rows_of(const Tensor& preds, const Tensor& target, const ClassRule& rule, const ClassShape& shape) {
  LabelRows rows;
  rows.target = target.to(at::kLong).reshape({shape.samples, shape.positions});
  rows.taken = not_ignored(rows.target, rule.ignore_index);
  if (rows.target.numel() == 0) {
    rows.predicted = rows.target;
  } else if (shape.scores) {
    rows.predicted =
        predicted_classes(preds.reshape({shape.samples, shape.classes, shape.positions}), rows.target, rule.top_k);
  } else {
    rows.predicted = preds.to(at::kLong).reshape({shape.samples, shape.positions});
  }
  const int64_t classes = shape.scores ? shape.classes : rule.num_classes.value_or(0);
  if (rule.validate && classes > 0) {
    const Tensor bad =
        (rows.target < 0) | (rows.target >= classes) | (rows.predicted < 0) | (rows.predicted >= classes);
    if ((bad & rows.taken).any().item<bool>()) throw_bad_label(preds, target, rule);
  }
  if (rule.validate && shape.scores) refuse_nan(preds, target, rule);
  return rows;
}

// How many rows of each sample have each label: [N, classes]. Labels of no class, and rows that `which` leaves out,
// fall off the end.
Tensor tally(const Tensor& labels, const Tensor& which, int64_t classes) {
  const Tensor counted = which & (labels >= 0) & (labels < classes);
  const Tensor bins = at::where(counted, labels, classes);
  const Tensor counts = at::zeros({labels.size(0), classes + 1}, labels.options());
  return counts.scatter_add(1, bins, at::ones_like(bins)).slice(1, 0, classes);
}

// [N, 4, classes]
Tensor counts_by_sample(const LabelRows& rows, int64_t classes) {
  const Tensor right = rows.target == rows.predicted;
  const Tensor tp = tally(rows.target, rows.taken & right, classes);
  const Tensor fp = tally(rows.predicted, rows.taken & ~right, classes);
  const Tensor fn = tally(rows.target, rows.taken & ~right, classes);
  const Tensor number = rows.taken.sum(1, /*keepdim=*/true);
  return at::stack({tp, fp, number - tp - fp - fn, fn}, 1);
}

// [4, 1]
Tensor micro_counts(const LabelRows& rows, int64_t classes) {
  const Tensor number = rows.taken.sum();
  const Tensor tp = (rows.taken & (rows.target == rows.predicted)).sum();
  const Tensor wrong = number - tp;
  return at::stack({tp, wrong, classes * number - tp - 2 * wrong, wrong}).unsqueeze(1);
}

// Elements [N, L, S] in labels and both readings of the predictions.
struct Elements {
  Tensor target, taken, probability, logit, outside;
};

Elements elements_of(const Tensor& preds, const Tensor& target, int64_t labels, const ThresholdRule& rule) {
  const int64_t samples = preds.dim() == 0 ? 1 : preds.size(0);
  const int64_t positions = preds.numel() == 0 ? 0 : preds.numel() / (samples * labels);
  Elements e;
  e.target = target.to(at::kLong).reshape({samples, labels, positions});
  const Tensor scores = preds.reshape({samples, labels, positions});
  e.taken = not_ignored(e.target, rule.ignore_index);
  Tensor bad = (e.target != 0) & (e.target != 1);
  if (preds.is_floating_point()) {
    const Tensor exact = scores.to(at::kDouble);
    e.probability = exact > probability_cutoff(rule.threshold, preds.scalar_type());
    e.logit = exact > logit_cutoff(rule.threshold, preds.scalar_type());
    bad = bad | (scores != scores);
    e.outside = e.taken & ((e.target == 0) | (e.target == 1)) & ~((exact >= 0) & (exact <= 1));
  } else {
    // A prediction that is no label is wrong.
    e.probability = at::where((scores == 0) | (scores == 1), scores, 1 - e.target) == 1;
    e.logit = e.probability;
    e.outside = at::zeros({1}, e.taken.options());
    bad = bad | ((scores != 0) & (scores != 1));
  }
  if (rule.validate && (bad & e.taken).any().item<bool>()) throw_bad_label(preds, target, rule);
  return e;
}

// [N, 4, L]
Tensor counts_by_sample(const Elements& e, const Tensor& predicted) {
  const Tensor yes = e.taken & (e.target == 1);
  const Tensor no = e.taken & (e.target == 0);
  const auto count = [](const Tensor& mask) { return mask.sum(2); };
  return at::stack({count(yes & predicted), count(no & predicted), count(no & ~predicted), count(yes & ~predicted)}, 1);
}

// [N]
Tensor exact_by_sample(const LabelRows& rows) {
  return (~rows.taken | (rows.target == rows.predicted)).all(1).to(at::kLong);
}

// [N]
Tensor exact_by_sample(const Elements& e, const Tensor& predicted) {
  const Tensor wrong = ((e.target == 1) & ~predicted) | ((e.target == 0) & predicted);
  return (~e.taken | ~wrong).all(1).sum(1);
}

ThresholdCounts samplewise_counts(const Tensor& preds, const Tensor& target, int64_t labels,
                                  const ThresholdRule& rule) {
  const Elements e = elements_of(preds, target, labels, rule);
  return {counts_by_sample(e, e.probability), counts_by_sample(e, e.logit), e.outside.any().item<bool>()};
}

ThresholdCounts counts_together(const Tensor& preds, const Tensor& target, int64_t labels, const ThresholdRule& rule) {
  const auto counts = samplewise_counts(preds, target, labels, rule);
  return {counts.probabilities.sum(0), counts.logits.sum(0), counts.outside};
}

}  // namespace

void add_class_counts(Tensor& counts, const Tensor& preds, const Tensor& target, const ClassRule& rule) {
  const LabelRows rows = rows_of(preds, target, rule, checked_classes(preds, target, rule));
  counts += counts.size(1) == 1 ? micro_counts(rows, rule.num_classes.value_or(1))
                                : counts_by_sample(rows, counts.size(1)).sum(0);
}

Tensor samplewise_class_counts(const Tensor& preds, const Tensor& target, const ClassRule& rule) {
  return counts_by_sample(rows_of(preds, target, rule, checked_samplewise_classes(preds, target, rule)),
                          *rule.num_classes);
}

void add_class_confusion(Tensor& confusion, const Tensor& preds, const Tensor& target, const ClassRule& rule) {
  const LabelRows rows = rows_of(preds, target, rule, checked_classes(preds, target, rule));
  const int64_t classes = *rule.num_classes;
  const auto of_class = [&](const Tensor& labels) { return (labels >= 0) & (labels < classes); };
  const Tensor counted = rows.taken & of_class(rows.target) & of_class(rows.predicted);
  const Tensor cells = rows.target * classes + rows.predicted;
  confusion += tally(cells.reshape({1, -1}), counted.reshape({1, -1}), classes * classes).reshape({classes, classes});
}

ThresholdCounts binary_counts(const Tensor& preds, const Tensor& target, const ThresholdRule& rule) {
  check_binary(preds, target, rule);
  return counts_together(preds, target, 1, rule);
}

ThresholdCounts samplewise_binary_counts(const Tensor& preds, const Tensor& target, const ThresholdRule& rule) {
  check_samplewise_binary(preds, target, rule);
  return samplewise_counts(preds, target, 1, rule);
}

ThresholdCounts multilabel_counts(const Tensor& preds, const Tensor& target, int64_t num_labels,
                                  const ThresholdRule& rule) {
  check_multilabel(preds, target, num_labels, rule);
  return counts_together(preds, target, num_labels, rule);
}

ThresholdCounts samplewise_multilabel_counts(const Tensor& preds, const Tensor& target, int64_t num_labels,
                                             const ThresholdRule& rule) {
  check_samplewise_multilabel(preds, target, num_labels, rule);
  return samplewise_counts(preds, target, num_labels, rule);
}

Tensor exact_class_matches(const Tensor& preds, const Tensor& target, const ClassRule& rule) {
  return exact_by_sample(rows_of(preds, target, rule, checked_classes(preds, target, rule))).sum().reshape({1});
}

Tensor samplewise_exact_class_matches(const Tensor& preds, const Tensor& target, const ClassRule& rule) {
  return exact_by_sample(rows_of(preds, target, rule, checked_samplewise_classes(preds, target, rule)));
}

ThresholdCounts exact_multilabel_matches(const Tensor& preds, const Tensor& target, int64_t num_labels,
                                         const ThresholdRule& rule) {
  check_multilabel(preds, target, num_labels, rule);
  const Elements e = elements_of(preds, target, num_labels, rule);
  return {exact_by_sample(e, e.probability).sum().reshape({1}), exact_by_sample(e, e.logit).sum().reshape({1}),
          e.outside.any().item<bool>()};
}

ThresholdCounts samplewise_exact_multilabel_matches(const Tensor& preds, const Tensor& target, int64_t num_labels,
                                                    const ThresholdRule& rule) {
  check_samplewise_multilabel(preds, target, num_labels, rule);
  const Elements e = elements_of(preds, target, num_labels, rule);
  return {exact_by_sample(e, e.probability), exact_by_sample(e, e.logit), e.outside.any().item<bool>()};
}

}  // namespace metrics::classification::counts::plain
