#include "weighted.h"

#include "class_rows.h"
#include "inputs.h"
#include "kernels/pairs/exact_products.h"
#include "questions.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/ones.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

namespace metrics::classification::counts {
namespace {

using kernels::Ignored;

// --- Where weights are added: the loops below are written once for all three.

// Integer weights, in int64.
struct Whole {
  using Weight = int64_t;
  int64_t* sums;

  explicit Whole(std::vector<int64_t>& cells) : sums(cells.data()) {}
  explicit Whole(int64_t* cells) : sums(cells) {}
  void add(int64_t cell, int64_t weight) const { sums[cell] += weight; }
};

// Weights whose sums no double rounds.
struct Coarse {
  using Weight = double;
  DoubleDouble* sums;

  explicit Coarse(std::vector<DoubleDouble>& cells) : sums(cells.data()) {}
  void add(int64_t cell, double weight) const { sums[cell].high += weight; }
};

// All others: `low` has what the additions to `high` have lost.
struct Fine {
  using Weight = double;
  DoubleDouble* sums;

  explicit Fine(std::vector<DoubleDouble>& cells) : sums(cells.data()) {}
  void add(int64_t cell, double weight) const {
    const DoubleDouble sum = two_sum(sums[cell].high, weight);
    sums[cell] = {sum.high, sums[cell].low + sum.low};
  }
};

// Whether all sums of these numbers, each taken `times` times, are exact: from the greatest sum to the last bit of any
// weight there are 53 bits at most.
bool sums_are_exact(const double* weights, int64_t rows, int64_t times) {
  int greatest = -2000, least = 2000;
  for (int64_t row = 0; row < rows; ++row) {
    int exponent = 0;
    const auto mantissa = static_cast<int64_t>(std::ldexp(std::frexp(weights[row], &exponent), 53));
    greatest = std::max(greatest, exponent);
    least = std::min(least, exponent - 53 + std::countr_zero(static_cast<uint64_t>(mantissa)));
  }
  const auto additions = static_cast<uint64_t>(std::max<int64_t>(1, rows * times));
  return greatest + std::bit_width(additions) - least <= 53;
}

// Adds what is counted of a batch to a state of such counts.
void add_to(State& state, const std::vector<int64_t>& counts) {
  if (state.tensor().is_cpu() && state.tensor().is_contiguous()) {
    int64_t* const held = state.counts();
    for (std::size_t i = 0; i < counts.size(); ++i) held[i] = wrapping_sum(held[i], counts[i]);
    return;
  }
  state.add(at::from_blob(const_cast<int64_t*>(counts.data()), state.tensor().sizes(), at::kLong)
                .to(state.tensor().device()));
}
void add_to(State& state, std::vector<DoubleDouble>& sums) {
  for (DoubleDouble& sum : sums) sum = two_sum(sum.high, sum.low);
  state.add(std::span<const DoubleDouble>(sums));
}

// Calls count(cells, weights) with so many cells, which are 0, and hands them to `take` where it does not throw.
template <class Count, class Take>
void counted(const Weights& weights, int64_t cells, int64_t positions, const Count& count, const Take& take) {
  const auto size = static_cast<std::size_t>(cells);
  if (weights.are_integers()) {
    std::vector<int64_t> sums(size);
    count(Whole(sums), weights.integers());
    return take(sums);
  }
  std::vector<DoubleDouble> sums(size);
  if (sums_are_exact(weights.reals(), weights.rows(), positions)) {
    count(Coarse(sums), weights.reals());
  } else {
    count(Fine(sums), weights.reals());
  }
  take(sums);
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

int64_t difference(int64_t a, int64_t b) {
  return wrapping_sum(a, -b);
}
DoubleDouble difference(const DoubleDouble& a, const DoubleDouble& b) {
  return a + DoubleDouble{-b.high, -b.low};
}

// What is left of all: of sums in double-double a rest so small that it is no weight's is none.
int64_t rest_of(int64_t, int64_t rest) {
  return rest;
}
DoubleDouble rest_of(const DoubleDouble& all, const DoubleDouble& rest) {
  return std::abs(rest.high) < all.high * 0x1p-80 ? DoubleDouble{} : rest;
}

// Into cells [4, classes], and one more for all rows, of which true negatives are the rest.
template <class Cells, class Weight>
void count_classes(const Cells& cells, int64_t classes, const ClassRows& rows, int64_t positions, Ignored ignored,
                   const Weight* weights) {
  const int64_t fp = classes, tn = 2 * classes, fn = 3 * classes, all = 4 * classes;
  each_row(rows, positions, ignored, weights, [&](int64_t target, int64_t predicted, Weight weight) {
    cells.add(all, weight);
    if (target == predicted && of_class(target, classes)) return cells.add(target, weight);
    if (of_class(predicted, classes)) cells.add(fp + predicted, weight);
    if (of_class(target, classes)) cells.add(fn + target, weight);
  });
  auto* const sums = cells.sums;
  for (int64_t label = 0; label < classes; ++label) {
    const auto others = difference(difference(difference(sums[all], sums[label]), sums[fp + label]), sums[fn + label]);
    sums[tn + label] = rest_of(sums[all], others);
  }
}

DoubleDouble times(const DoubleDouble& sum, int64_t count) {
  return metrics::kernels::pairs::product(sum, {static_cast<double>(count), 0});
}
int64_t times(int64_t sum, int64_t count) {
  return sum * count;
}
DoubleDouble together(const DoubleDouble& a, const DoubleDouble& b) {
  return a + b;
}
int64_t together(int64_t a, int64_t b) {
  return wrapping_sum(a, b);
}

// Into cells [4] of all classes together; a row that is wrong is one false positive and one false negative.
template <class Cells, class Weight>
void count_together(const Cells& cells, int64_t classes, const ClassRows& rows, int64_t positions, Ignored ignored,
                    const Weight* weights) {
  each_row(rows, positions, ignored, weights, [&](int64_t target, int64_t predicted, Weight weight) {
    cells.add(target == predicted ? TruePositive : FalsePositive, weight);
  });
  auto* const sums = cells.sums;
  const auto right = sums[TruePositive], wrong = sums[FalsePositive];
  sums[FalseNegative] = wrong;
  sums[TrueNegative] = together(times(right, classes - 1), times(wrong, classes - 2));
}

// Into cells [classes, classes].
template <class Cells, class Weight>
void count_pairs(const Cells& cells, int64_t classes, const ClassRows& rows, int64_t positions, Ignored ignored,
                 const Weight* weights) {
  each_row(rows, positions, ignored, weights, [&](int64_t target, int64_t predicted, Weight weight) {
    if (of_class(target, classes) && of_class(predicted, classes)) cells.add(target * classes + predicted, weight);
  });
}

// --- Questions.

// Adds the weight of each question to a cell [4, labels] of each reading. A question is of one sample, and of one
// label.
template <class E, class Cells, class Weight>
kernels::Flags count_questions(const E* x, const Cells& probabilities, const Cells& logits, const kernels::Questions& q,
                               kernels::Cutoffs cutoffs, Ignored ignored, const Weight* weights) {
  using namespace kernels;
  const Prediction<E> prediction(cutoffs);
  std::array<int32_t, kBlock> codes;
  std::array<Wide<E>, kBlock> buffer;
  Flags flags;
  const int64_t size = q.labels * q.positions;
  for (int64_t sample = 0; sample < q.samples; ++sample) {
    const Weight weight = weights[sample];
    for (int64_t first = 0; first < size; first += kBlock) {
      const int64_t count = std::min(kBlock, size - first);
      const int64_t begin = sample * size + first;
      const auto* line = widen(x + begin, count, buffer.data());
      encode(q.target + begin, count, ignored, codes.data());
      for (int64_t i = 0; i < count; ++i) {
        flags.invalid |= codes[static_cast<std::size_t>(i)] & kInvalid;
        const bool yes = (codes[static_cast<std::size_t>(i)] & kYes) != 0;
        if (!yes && (codes[static_cast<std::size_t>(i)] & kNo) == 0) continue;
        const auto score = line[i];
        flags.invalid |= prediction.invalid(score) | static_cast<int32_t>(score != score);
        flags.outside |= prediction.outside(score);
        const int32_t above = yes ? prediction.packed_if_yes(score) : prediction.packed_if_no(score);
        const int64_t label = (first + i) / q.positions;
        const auto cell = [&](int reading) {
          const bool positive = (above >> reading & 1) != 0;
          return (yes ? (positive ? TruePositive : FalseNegative) : (positive ? FalsePositive : TrueNegative)) *
                     q.labels +
                 label;
        };
        probabilities.add(cell(kAsProbability), weight);
        logits.add(cell(kAsLogit), weight);
      }
    }
  }
  return flags;
}

// The cells [4, labels] of a reading as matrices [labels, 2, 2].
template <class Sum>
void make_matrices(std::vector<Sum>& cells, int64_t labels) {
  std::vector<Sum> matrices;
  matrices.reserve(cells.size());
  for (int64_t label = 0; label < labels; ++label) {
    for (const Cell cell : {TrueNegative, FalsePositive, FalseNegative, TruePositive}) {
      matrices.push_back(cells[static_cast<std::size_t>(cell * labels + label)]);
    }
  }
  cells = std::move(matrices);
}

template <class Cells, class Sum, class Weight>
void fold_questions(States& states, ScoreInput input, const Tensor& preds, const Tensor& target, int64_t labels,
                    const ThresholdRule& rule, const Weight* weights, bool as_matrices) {
  const auto size = static_cast<std::size_t>(4 * labels);
  std::vector<Sum> of_probabilities(size), of_logits(size);
  bool outside = false;
  if (preds.numel() > 0) {
    const ThresholdRows rows(preds, target, rule, labels);
    kernels::Flags flags;
    kernels::with_predictions(rows.questions(), [&](const auto* x) {
      flags = count_questions(x, Cells(of_probabilities), Cells(of_logits), rows.questions(), rows.cutoffs(),
                              Ignored(rule.ignore_index), weights);
      return kernels::Seen{};
    });
    if (rule.validate && flags.invalid != 0) throw_bad_label(preds, target, rule);
    outside = flags.outside != 0;
  }
  if (as_matrices) {
    make_matrices(of_probabilities, labels);
    make_matrices(of_logits, labels);
  }
  if (input != ScoreInput::Auto)
    return add_to(states.at(0), input == ScoreInput::Logits ? of_logits : of_probabilities);
  States::Attempt attempt(states);
  add_to(states.at(0), of_probabilities);
  add_to(states.at(1), of_logits);
  if (outside) states.at(2).raise(at::ones({}, states.at(2).tensor().options()));
  attempt.succeed();
}

void fold_questions(States& states, ScoreInput input, const Tensor& preds, const Tensor& target, int64_t labels,
                    const ThresholdRule& rule, const Weights& weights, bool as_matrices) {
  if (labels == 1) {
    check_binary(preds, target, rule);
  } else {
    check_multilabel(preds, target, labels, rule);
  }
  const Tensor x = preds.to(at::kCPU), y = target.to(at::kCPU);
  const int64_t of_a_sample = weights.rows() == 0 ? 0 : preds.numel() / weights.rows();
  if (weights.are_integers()) {
    fold_questions<Whole, int64_t>(states, input, x, y, labels, rule, weights.integers(), as_matrices);
  } else if (sums_are_exact(weights.reals(), weights.rows(), of_a_sample)) {
    fold_questions<Coarse, DoubleDouble>(states, input, x, y, labels, rule, weights.reals(), as_matrices);
  } else {
    fold_questions<Fine, DoubleDouble>(states, input, x, y, labels, rule, weights.reals(), as_matrices);
  }
}

}  // namespace

void add_weighted_class_counts(State& counts, const Tensor& preds, const Tensor& target, const ClassRule& rule,
                               const Weights& weights) {
  const bool in_one_cell = counts.tensor().size(1) == 1;
  const int64_t classes = in_one_cell ? rule.num_classes.value_or(1) : counts.tensor().size(1);
  const int64_t positions = weights.rows() == 0 ? 1 : target.numel() / weights.rows();
  const Ignored ignored(rule.ignore_index);
  each_class_row(preds.to(at::kCPU), target.to(at::kCPU), rule, [&](const ClassRows& rows) {
    const auto count = [&](const auto& cells, const auto* of_rows) {
      if (in_one_cell) {
        count_together(cells, classes, rows, positions, ignored, of_rows);
      } else {
        count_classes(cells, classes, rows, positions, ignored, of_rows);
      }
    };
    counted(weights, in_one_cell ? 4 : 4 * classes + 1, positions, count, [&](auto& sums) {
      if (!in_one_cell) sums.pop_back();
      add_to(counts, sums);
    });
  });
}

void add_weighted_confusion(State& confusion, const Tensor& preds, const Tensor& target, const ClassRule& rule,
                            const Weights& weights) {
  const int64_t classes = *rule.num_classes;
  const int64_t positions = weights.rows() == 0 ? 1 : target.numel() / weights.rows();
  const Ignored ignored(rule.ignore_index);
  each_class_row(preds.to(at::kCPU), target.to(at::kCPU), rule, [&](const ClassRows& rows) {
    if (weights.are_integers() && confusion.tensor().is_cpu()) {
      return count_pairs(Whole(confusion.counts()), classes, rows, positions, ignored, weights.integers());
    }
    counted(
        weights, classes * classes, positions,
        [&](const auto& cells, const auto* of_rows) { count_pairs(cells, classes, rows, positions, ignored, of_rows); },
        [&](auto& sums) { add_to(confusion, sums); });
  });
}

void add_weighted_counts(States& states, ScoreInput input, const Tensor& preds, const Tensor& target, int64_t labels,
                         const ThresholdRule& rule, const Weights& weights) {
  fold_questions(states, input, preds, target, labels, rule, weights, /*as_matrices=*/false);
}

void add_weighted_matrices(States& states, ScoreInput input, const Tensor& preds, const Tensor& target, int64_t labels,
                           const ThresholdRule& rule, const Weights& weights) {
  fold_questions(states, input, preds, target, labels, rule, weights, /*as_matrices=*/true);
}

}  // namespace metrics::classification::counts
