#pragma once

#include "curves.h"
#include "kernels.h"

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

// The scores that exact curves keep, as the columns of questions that are asked about them.

namespace metrics::classification::curves {

/// The scores that are kept and their codes, on the CPU: float64 or float32; int32 for classes, else int8.
struct Kept {
  Tensor scores;   // [rows] or [rows, labels]
  Tensor codes;    // [rows], multilabel [rows, labels]
  Tensor weights;  // float64 [rows]; undefined where all weigh 1
  bool logits = false;
  bool decided = false;                  // whether some of the scores are known to be probabilities: see curves.h
  at::ScalarType results = at::kDouble;  // the dtype that thresholds are returned in
};

/// Whether the scores are logits, as the rule says or as those outside [0, 1] tell.
bool are_logits(const Tensor& scores, const Tensor& codes, const CurveRule& rule);

/// `order_tells`: that of yes-or-no questions does not depend on how scores are read.
Kept kept(const States& states, const CurveRule& rule, bool order_tells);

/// The label of a code.
inline int64_t label_of(int32_t code) {
  return code < 0 ? -1 - code : code;
}

/// What is asked: about the scores of one label, or about those of several as one question.
struct Question {
  int64_t first_label, last_label;
  int64_t size() const { return last_label - first_label; }
};

/// The greatest number of a floating dtype that is not above `x`.
double not_above(double x, at::ScalarType dtype);

/// Makes a threshold of what a score is ranked by: its probability, computed as for counts between thresholds, and
/// rounded down to the dtype of the result, so that the score reaches this threshold when it is given to a binned
/// curve.
struct AsThreshold {
  double (*probability)(double);
  bool in_float;  ///< Whether the scores, and so their probabilities, are.
  at::ScalarType dtype;

  double operator()(double rank) const {
    const double exact = probability(rank);
    return not_above(in_float ? static_cast<float>(exact) : exact, dtype);
  }
};

/// How the kept scores of all labels are read: as they are, or as logits beside probabilities.
struct Reading {
  AsThreshold as_threshold;
  std::function<double(double score, int64_t row, int32_t code)> rank_by;  // unset: the score itself
};

Reading reading_of(const Kept& from, const CurveRule& rule);
/// The same where the norms of rows of classes are known.
Reading reading_of(const Kept& from, const CurveRule& rule, std::vector<kernels::RowNorm> norms);
std::vector<kernels::RowNorm> row_norms(const Kept& from);

/// The scores of labels, [labels, rows], from one of them on; and where thresholds are made of them, their softmax.
struct KeptColumns {
  int64_t rows = 0, first_label = 0;
  Tensor scores, probabilities;

  template <class T>
  std::span<const T> of(const Tensor& numbers, const Question& question) const {
    return {numbers.const_data_ptr<T>() + (question.first_label - first_label) * rows,
            static_cast<std::size_t>(rows * question.size())};
  }
};

/// What logits of classes are compared with thresholds by, in the dtype of the scores: [classes, rows].
Tensor class_probabilities(const Kept& from);

/// The scores of a question that are not left out, and for each whether its target is yes, and what it weighs.
template <class T>
struct Column {
  std::vector<T> taken;  // empty where no score is left out, and the kept ones are read where they lie
  std::vector<uint8_t> yes;
  std::span<const T> scores;
  std::vector<double> taken_weights;  // empty where those that are kept are read where they lie
  std::span<const double> weights;    // empty where all weigh 1
};

/// Calls f(label, its codes, their stride, rows) for the labels of a question.
template <class F>
void each_label(const Kept& from, const CurveRule& rule, Question question, const F& f) {
  const int64_t stride = rule.task == Task::Multilabel ? rule.labels : 1;
  const int64_t rows = from.codes.numel() / stride;
  if (rows == 0) return;
  const auto go = [&](const auto* codes) {
    for (int64_t label = question.first_label; label < question.last_label; ++label) {
      f(label, codes + (stride > 1 ? label : 0), stride, rows);
    }
  };
  if (rule.task == Task::Multiclass) {
    go(from.codes.const_data_ptr<int32_t>());
  } else {
    go(from.codes.const_data_ptr<int8_t>());
  }
}

/// Calls f(row, code) for all of a question's rows, label by label.
template <class F>
void each_row(const Kept& from, const CurveRule& rule, Question question, const F& f) {
  each_label(from, rule, question, [&](int64_t, const auto* codes, int64_t stride, int64_t rows) {
    for (int64_t row = 0; row < rows; ++row) f(row, int32_t{codes[row * stride]});
  });
}

/// Notes which targets are `yes`, and returns whether any is `skipped`.
template <class Code>
bool mark_yes(const Code* __restrict codes, int64_t stride, int64_t rows, Code yes, Code skipped,
              uint8_t* __restrict marks) {
  uint8_t skips = 0;
  for (int64_t row = 0; row < rows; ++row) {
    const Code code = codes[row * stride];
    const auto target = static_cast<Code>(code < 0 ? ~code : code);
    marks[row] = target == yes;
    skips |= target == skipped;
  }
  return skips != 0;
}

/// The column of a question, from the scores of its labels.
template <class T>
Column<T> column_of(const Kept& from, std::span<const T> scores, const CurveRule& rule, Question question) {
  const bool classes = rule.task == Task::Multiclass;
  Column<T> column{{}, std::vector<uint8_t>(scores.size()), scores, {}, {}};
  uint8_t* yes = column.yes.data();
  bool skips = false;
  each_label(from, rule, question, [&]<class Code>(int64_t label, const Code* codes, int64_t stride, int64_t rows) {
    const int64_t wanted = classes ? label : 1, skipped = classes ? -1 : kSkipped;  // no target is below 0
    skips |= mark_yes(codes, stride, rows, static_cast<Code>(wanted), static_cast<Code>(skipped), yes);
    yes += rows;
  });
  const std::span<const double> of_rows =
      from.weights.defined()
          ? std::span(from.weights.const_data_ptr<double>(), static_cast<std::size_t>(from.weights.numel()))
          : std::span<const double>{};
  if (!skips && question.size() == 1) {
    column.weights = of_rows;
    return column;
  }
  std::vector<double>& weights = column.taken_weights;
  for (int64_t label = question.first_label; label < question.last_label; ++label) {
    weights.insert(weights.end(), of_rows.begin(), of_rows.end());
  }
  column.weights = weights;
  if (!skips) return column;
  yes = column.yes.data();
  std::size_t row = 0, used = 0;
  column.taken.resize(scores.size());
  each_row(from, rule, question, [&](int64_t, int32_t code) {
    column.taken[used] = scores[row];
    yes[used] = yes[row];
    if (!weights.empty()) weights[used] = weights[row];
    ++row;
    used += label_of(code) != kSkipped;
  });
  column.scores = std::span(column.taken).first(used);
  return column;
}

}  // namespace metrics::classification::curves
