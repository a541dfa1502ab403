#include "weighted.h"

#include "class_rows.h"
#include "inputs.h"
#include "kernels/fastest.h"
#include "kernels/pairs/exact_products.h"
#include "questions.h"
#include "weighted_sums.h"

#include <ATen/ops/ones.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace metrics::classification::counts {
namespace {

using kernels::Ignored;

// --- Sums of weights, int64 or double-double.

int64_t total_of(int64_t a, int64_t b) {
  return wrapping_sum(a, b);
}
DoubleDouble total_of(const DoubleDouble& a, const DoubleDouble& b) {
  return a + b;
}

int64_t times(int64_t sum, int64_t count) {
  return sum * count;
}
DoubleDouble times(const DoubleDouble& sum, int64_t count) {
  return metrics::kernels::pairs::product(sum, {static_cast<double>(count), 0});
}

// What is left of all without a part: of double-double a rest so small that it is no weight's is none.
int64_t rest_of(int64_t all, int64_t part) {
  return wrapping_sum(all, -part);
}
DoubleDouble rest_of(const DoubleDouble& all, const DoubleDouble& part) {
  const DoubleDouble rest = all + DoubleDouble{-part.high, -part.low};
  return std::abs(rest.high) < all.high * 0x1p-80 ? DoubleDouble{} : rest;
}

// --- Classes.

bool of_class(int64_t label, int64_t classes) {
  return static_cast<uint64_t>(label) < static_cast<uint64_t>(classes);
}

// Calls f(target, prediction, weight) for each row that is not ignored; `positions` of them have a weight together.
template <class Weight, class F>
void each_row(const ClassRows& rows, int64_t positions, Ignored ignored, const Weight* weights, const F& f) {
  const int64_t* target = rows.target;
  const int64_t* predicted = rows.predicted;
  for (int64_t sample = 0; sample < rows.count / positions; ++sample) {
    const Weight weight = weights[sample];
    for (int64_t position = 0; position < positions; ++position, ++target, ++predicted) {
      if (!ignored(*target)) f(*target, *predicted, weight);
    }
  }
}

// Sums [4, classes] without those of true negatives, and one more of all rows.
template <class Weight>
void count_classes(Weight* sums, int64_t classes, const ClassRows& rows, int64_t positions, Ignored ignored,
                   const Weight* weights) {
  Weight* const fp = sums + FalsePositive * classes;
  Weight* const fn = sums + FalseNegative * classes;
  Weight& all = sums[kCells * classes];
  each_row(rows, positions, ignored, weights, [&](int64_t target, int64_t predicted, Weight weight) {
    all += weight;
    if (target == predicted && of_class(target, classes)) {
      sums[target] += weight;
      return;
    }
    if (of_class(predicted, classes)) fp[predicted] += weight;
    if (of_class(target, classes)) fn[target] += weight;
  });
}

// The sums with those of true negatives, which are the rest of all rows.
template <class Sum>
std::vector<Sum> with_true_negatives(std::span<const Sum> sums, int64_t classes) {
  std::vector<Sum> cells(sums.begin(), sums.end() - 1);
  const auto cell = [&](Cell kind, int64_t label) -> Sum& {
    return cells[static_cast<std::size_t>(kind * classes + label)];
  };
  for (int64_t label = 0; label < classes; ++label) {
    const Sum others =
        total_of(cell(TruePositive, label), total_of(cell(FalsePositive, label), cell(FalseNegative, label)));
    cell(TrueNegative, label) = rest_of(sums.back(), others);
  }
  return cells;
}

// Sums of the rows that are right and of those that are wrong.
template <class Weight>
void count_together(Weight* sums, const ClassRows& rows, int64_t positions, Ignored ignored, const Weight* weights) {
  each_row(rows, positions, ignored, weights,
           [&](int64_t target, int64_t predicted, Weight weight) { sums[target == predicted ? 0 : 1] += weight; });
}

// The counts [4] of all classes together; a row that is wrong is one false positive and one false negative.
template <class Sum>
std::vector<Sum> cells_of(const Sum& right, const Sum& wrong, int64_t classes) {
  std::vector<Sum> cells(kCells);
  cells[TruePositive] = right;
  cells[FalsePositive] = cells[FalseNegative] = wrong;
  cells[TrueNegative] = total_of(times(right, classes - 1), times(wrong, classes - 2));
  return cells;
}

// Sums [classes, classes].
template <class Weight>
void count_pairs(Weight* sums, int64_t classes, const ClassRows& rows, int64_t positions, Ignored ignored,
                 const Weight* weights) {
  each_row(rows, positions, ignored, weights, [&](int64_t target, int64_t predicted, Weight weight) {
    if (of_class(target, classes) && of_class(predicted, classes)) sums[target * classes + predicted] += weight;
  });
}

// Asked first, because a call that changes nothing costs a tenth of a small update.
Tensor on_cpu(const Tensor& tensor) {
  return tensor.is_cpu() ? tensor : tensor.to(at::kCPU);
}

// --- Questions.

// Sums of each label: of all questions whose answer is yes, of those of them whose score is above the cut-off as a
// probability and as a logit, and the same of those whose answer is no.
template <class Number>
struct Answers {
  Number *yes, *yes_as_probability, *yes_as_logit;
  Number *no, *no_as_probability, *no_as_logit;

  static constexpr int64_t parts = 6;
  Answers(Number* sums, int64_t labels)
      : yes(sums),
        yes_as_probability(sums + labels),
        yes_as_logit(sums + 2 * labels),
        no(sums + 3 * labels),
        no_as_probability(sums + 4 * labels),
        no_as_logit(sums + 5 * labels) {}
};

// What a question adds, without a branch, so that several are worked at once.
template <class Prediction, class Score, class Weight>
METRICS_INLINE void add_question(const Prediction& prediction, int32_t code, Score score, Weight weight, Weight& yes,
                                 Weight& yes_as_probability, Weight& yes_as_logit, Weight& no,
                                 Weight& no_as_probability, Weight& no_as_logit) {
  const int32_t is_yes = code & kernels::kYes, is_no = code == kernels::kNo;
  const int32_t above = prediction.packed(score, -is_yes);
  const int32_t as_probability = above >> kernels::kAsProbability & 1, as_logit = above >> kernels::kAsLogit & 1;
  const auto weight_if = [weight](int32_t is) METRICS_INLINED { return weight * static_cast<Weight>(is); };
  yes += weight_if(is_yes);
  yes_as_probability += weight_if(is_yes & as_probability);
  yes_as_logit += weight_if(is_yes & as_logit);
  no += weight_if(is_no);
  no_as_probability += weight_if(is_no & as_probability);
  no_as_logit += weight_if(is_no & as_logit);
}

// Questions of one label, the i-th with the weight weights[i * step].
template <int64_t step, class Prediction, class Score, class Weight>
METRICS_INLINE void add_column(const Prediction& prediction, const Score* scores, const int32_t* codes,
                               const Weight* weights, int64_t count, const Answers<Weight>& to, int64_t label) {
  Weight yes = 0, yes_p = 0, yes_l = 0, no = 0, no_p = 0, no_l = 0;
#pragma omp simd reduction(+ : yes, yes_p, yes_l, no, no_p, no_l)
  for (int64_t i = 0; i < count; ++i) {
    add_question(prediction, codes[i], scores[i], weights[i * step], yes, yes_p, yes_l, no, no_p, no_l);
  }
  to.yes[label] += yes;
  to.yes_as_probability[label] += yes_p;
  to.yes_as_logit[label] += yes_l;
  to.no[label] += no;
  to.no_as_probability[label] += no_p;
  to.no_as_logit[label] += no_l;
}

// A question of each label from the first on, which have a weight together.
template <class Prediction, class Score, class Weight>
METRICS_INLINE void add_line(const Prediction& prediction, const Score* scores, const int32_t* codes, Weight weight,
                             int64_t first, int64_t count, const Answers<Weight>& to) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    const int64_t label = first + i;
    add_question(prediction, codes[i], scores[i], weight, to.yes[label], to.yes_as_probability[label],
                 to.yes_as_logit[label], to.no[label], to.no_as_probability[label], to.no_as_logit[label]);
  }
}

// Reads all questions in stretches of memory: all samples of one label, the labels of a sample, or its positions.
template <class Reader, class Weight>
void add_questions(const Reader& reader, const kernels::Questions& q, kernels::Cutoffs cutoffs, Ignored ignored,
                   const Weight* weights, const Answers<Weight>& to, kernels::Flags& flags) {
  using namespace kernels;
  using Number = typename Reader::Number;
  const Prediction<Number> prediction(cutoffs);
  std::array<int32_t, kBlock> codes;
  std::array<Number, kBlock> buffer;
  const bool by_sample = q.labels == 1 && q.positions == 1, by_label = q.positions == 1;
  const int64_t stretches = by_sample ? 1 : by_label ? q.samples : q.samples * q.labels;
  const int64_t length = by_sample ? q.samples : by_label ? q.labels : q.positions;
  for (int64_t stretch = 0; stretch < stretches; ++stretch) {
    for (int64_t first = 0; first < length; first += kBlock) {
      const int64_t count = std::min(kBlock, length - first), begin = stretch * length + first;
      const bool usual = encode(q.target, begin, count, ignored, codes.data());
      const auto predictions = reader.read(begin, count, buffer.data());
      const Number* const scores = predictions.numbers;
      fastest([&]() METRICS_INLINED {
        inspect(scores, codes.data(), count, usual && predictions.usual, flags);
        if (by_sample) {
          add_column<1>(prediction, scores, codes.data(), weights + first, count, to, 0);
        } else if (by_label) {
          add_line(prediction, scores, codes.data(), weights[stretch], first, count, to);
        } else {
          add_column<0>(prediction, scores, codes.data(), weights + stretch / q.labels, count, to, stretch % q.labels);
        }
      });
    }
  }
}

// The cells of a reading, [4, labels] or [labels, 4] as matrices have them, the target being the row.
template <class Sum>
std::vector<Sum> cells_of(const Sum* yes, const Sum* yes_above, const Sum* no, const Sum* no_above, int64_t labels,
                          bool as_matrices) {
  constexpr std::array<int64_t, kCells> place_in_matrix{3, 1, 0, 2};
  std::vector<Sum> cells(static_cast<std::size_t>(kCells * labels));
  const auto put = [&](Cell cell, int64_t label, const Sum& sum) {
    const int64_t index = as_matrices ? kCells * label + place_in_matrix[cell] : cell * labels + label;
    cells[static_cast<std::size_t>(index)] = sum;
  };
  for (int64_t label = 0; label < labels; ++label) {
    put(TruePositive, label, yes_above[label]);
    put(FalseNegative, label, rest_of(yes[label], yes_above[label]));
    put(FalsePositive, label, no_above[label]);
    put(TrueNegative, label, rest_of(no[label], no_above[label]));
  }
  return cells;
}

template <class Sum>
void fold_answers(States& states, ScoreInput input, std::span<const Sum> sums, int64_t labels, bool outside,
                  bool as_matrices) {
  const Answers<const Sum> answers(sums.data(), labels);
  const auto add = [&](std::size_t state, const Sum* yes_above, const Sum* no_above) {
    const std::vector<Sum> cells = cells_of(answers.yes, yes_above, answers.no, no_above, labels, as_matrices);
    add_to(states.at(state), std::span<const Sum>(cells));
  };
  if (input == ScoreInput::Logits) return add(0, answers.yes_as_logit, answers.no_as_logit);
  if (input == ScoreInput::Probabilities) return add(0, answers.yes_as_probability, answers.no_as_probability);
  States::Attempt attempt(states);
  add(0, answers.yes_as_probability, answers.no_as_probability);
  add(1, answers.yes_as_logit, answers.no_as_logit);
  if (outside) states.at(2).raise(at::ones({}, states.at(2).tensor().options()));
  attempt.succeed();
}

void fold_questions(States& states, ScoreInput input, const Tensor& preds, const Tensor& target,
                    std::optional<int64_t> num_labels, const ThresholdRule& rule, const Weights& weights,
                    bool as_matrices) {
  if (num_labels) {
    check_multilabel(preds, target, *num_labels, rule);
  } else {
    check_binary(preds, target, rule);
  }
  const int64_t labels = num_labels.value_or(1);
  if (preds.numel() == 0) return;
  const ThresholdRows rows(on_cpu(preds), on_cpu(target), rule, labels);
  kernels::Flags flags;
  const auto count = [&]<class Weight>(Weight* sums, const Weight* of_rows) {
    const Answers<Weight> to(sums, labels);
    kernels::with_predictions(rows.questions(), [&](const auto& reader) {
      add_questions(reader, rows.questions(), rows.cutoffs(), Ignored(rule.ignore_index), of_rows, to, flags);
    });
  };
  counted(weights, Answers<double>::parts * labels, rows.questions().positions, count, [&](auto sums) {
    if (rule.validate && flags.invalid != 0) throw_bad_label(preds, target, rule);
    fold_answers(states, input, sums, labels, flags.outside != 0, as_matrices);
  });
}

int64_t positions_of(const Tensor& target, const Weights& weights) {
  return weights.rows() == 0 ? 1 : target.numel() / weights.rows();
}

}  // namespace

void add_weighted_class_counts(State& counts, const Tensor& preds, const Tensor& target, const ClassRule& rule,
                               const Weights& weights) {
  const bool in_one_cell = counts.tensor().size(1) == 1;
  const int64_t classes = in_one_cell ? rule.num_classes.value_or(1) : counts.tensor().size(1);
  const int64_t positions = positions_of(target, weights);
  const Ignored ignored(rule.ignore_index);
  each_class_row(on_cpu(preds), on_cpu(target), rule, [&](const ClassRows& rows) {
    const auto add = [&]<class Sum>(const std::vector<Sum>& cells) { add_to(counts, std::span<const Sum>(cells)); };
    if (in_one_cell) {
      counted(
          weights, 2, positions,
          [&](auto* sums, const auto* of_rows) { count_together(sums, rows, positions, ignored, of_rows); },
          [&](auto sums) { add(cells_of(sums[0], sums[1], classes)); });
    } else {
      counted(
          weights, kCells * classes + 1, positions,
          [&](auto* sums, const auto* of_rows) { count_classes(sums, classes, rows, positions, ignored, of_rows); },
          [&](auto sums) { add(with_true_negatives(sums, classes)); });
    }
  });
}

void add_weighted_confusion(State& confusion, const Tensor& preds, const Tensor& target, const ClassRule& rule,
                            const Weights& weights) {
  const int64_t classes = *rule.num_classes;
  const int64_t positions = positions_of(target, weights);
  const Ignored ignored(rule.ignore_index);
  each_class_row(on_cpu(preds), on_cpu(target), rule, [&](const ClassRows& rows) {
    if (weights.are_integers() && confusion.tensor().is_cpu()) {
      return count_pairs(confusion.counts(), classes, rows, positions, ignored, weights.integers());
    }
    counted(
        weights, classes * classes, positions,
        [&](auto* sums, const auto* of_rows) { count_pairs(sums, classes, rows, positions, ignored, of_rows); },
        [&](auto sums) { add_to(confusion, sums); });
  });
}

void add_weighted_counts(States& states, ScoreInput input, const Tensor& preds, const Tensor& target,
                         std::optional<int64_t> num_labels, const ThresholdRule& rule, const Weights& weights) {
  fold_questions(states, input, preds, target, num_labels, rule, weights, /*as_matrices=*/false);
}

void add_weighted_matrices(States& states, ScoreInput input, const Tensor& preds, const Tensor& target,
                           std::optional<int64_t> num_labels, const ThresholdRule& rule, const Weights& weights) {
  fold_questions(states, input, preds, target, num_labels, rule, weights, /*as_matrices=*/true);
}

}  // namespace metrics::classification::counts
