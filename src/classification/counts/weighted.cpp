#include "weighted.h"

#include "class_rows.h"
#include "inputs.h"
#include "kernels/fastest.h"
#include "kernels/pairs/exact_products.h"
#include "kernels/parallel.h"
#include "questions.h"
#include "room.h"
#include "weighted_sums.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace metrics::classification::counts {
namespace {

using kernels::Ignored;

// What is left of all without a part: of double-double a rest so small that it is no weight's is none.
int64_t rest_of(int64_t all, int64_t part) {
  return wrapping_sum(all, -part);
}
DoubleDouble rest_of(const DoubleDouble& all, const DoubleDouble& part) {
  const DoubleDouble rest = all + DoubleDouble{-part.high, -part.low};
  return std::abs(rest.high) < all.high * 0x1p-80 ? DoubleDouble{} : rest;
}

// --- Classes.

// Rows whose labels are codes; the first of them is that of the batch.
class CodedRows {
 public:
  CodedRows(const kernels::FewRows& rows, int64_t first) : rows_(rows), first_(first) {}

  int64_t first() const { return first_; }
  int64_t count() const { return rows_.rows; }
  bool counts(int64_t row) const { return target(row) <= rows_.classes; }
  // A class, or one more than there are for a label of none.
  int64_t target(int64_t row) const { return rows_.target[static_cast<std::size_t>(row)]; }
  int64_t predicted(int64_t row) const { return rows_.predicted[static_cast<std::size_t>(row)]; }
  bool is_right(int64_t row) const { return target(row) == predicted(row); }

 private:
  const kernels::FewRows& rows_;
  int64_t first_;
};

// Rows of any labels.
class LabelledRows {
 public:
  LabelledRows(const ClassRows& rows, int64_t classes, Ignored ignored)
      : rows_(rows), classes_(classes), ignored_(ignored) {}

  int64_t first() const { return 0; }
  int64_t count() const { return rows_.count; }
  bool counts(int64_t row) const { return !ignored_(rows_.target[row]); }
  int64_t target(int64_t row) const { return class_of(rows_.target[row]); }
  int64_t predicted(int64_t row) const { return class_of(rows_.predicted[row]); }
  bool is_right(int64_t row) const { return rows_.target[row] == rows_.predicted[row]; }

 private:
  int64_t class_of(int64_t label) const {
    return static_cast<uint64_t>(label) < static_cast<uint64_t>(classes_) ? label : classes_;
  }

  ClassRows rows_;
  int64_t classes_;
  Ignored ignored_;
};

// What rows add up to. Each of these has so many sums, of which the last is that of all rows; adds a row that weighs
// something to the others; and adds what it means to a state.

template <class Weight>
void add_sums_to(State& state, const Weight* sums, int64_t size) {
  if constexpr (std::is_same_v<Weight, int64_t>) {
    add_to(state, std::span<const int64_t>(sums, static_cast<std::size_t>(size)));
  } else if constexpr (std::is_same_v<Weight, double>) {
    add_to(state, sums, nullptr, size);
  } else {
    Room<double, 256> parts(2 * size);
    for (int64_t i = 0; i < size; ++i) {
      parts.data()[i] = sums[i].upper;
      parts.data()[size + i] = sums[i].rest;
    }
    add_to(state, parts.data(), parts.data() + size, size);
  }
}

// The weights of true negatives of a class, which are those of all rows without these.
int64_t others_of(int64_t all, int64_t tp, int64_t fp, int64_t fn) {
  return all - (tp + fp + fn);
}
double others_of(double all, double tp, double fp, double fn) {
  return all - (tp + fp + fn);
}
TwoParts others_of(const TwoParts& all, const TwoParts& tp, const TwoParts& fp, const TwoParts& fn) {
  const TwoParts others{all.upper - (tp.upper + fp.upper + fn.upper), all.rest - (tp.rest + fp.rest + fn.rest)};
  // Sums of rests may be rounded: what is so small is no weight's.
  return std::abs(others.upper + others.rest) < all.upper * 0x1p-80 ? TwoParts{} : others;
}

// By class: the rows that are right, those that predict the class and are wrong, and those that are of it and wrong.
class ByClass {
 public:
  explicit ByClass(int64_t classes) : classes_(classes) {}

  int64_t size() const { return kCells * classes_ + 1; }
  template <class Weight>
  METRICS_INLINE void add(Weight* sums, int64_t, int64_t target, int64_t predicted, bool, const Weight& weight) const {
    if (target == predicted) {
      if (target < classes_) sums[target] += weight;
      return;
    }
    if (predicted < classes_) sums[FalsePositive * classes_ + predicted] += weight;
    if (target < classes_) sums[FalseNegative * classes_ + target] += weight;
  }
  template <class Weight>
  void add_to_state(State& state, Weight* sums) const {
    const Weight *const tp = sums, *const fp = tp + FalsePositive * classes_, *const fn = tp + FalseNegative * classes_;
    Weight* const tn = sums + TrueNegative * classes_;
    const Weight all = sums[kCells * classes_];
    for (int64_t c = 0; c < classes_; ++c) tn[c] = others_of(all, tp[c], fp[c], fn[c]);
    add_sums_to(state, sums, kCells * classes_);
  }

 private:
  int64_t classes_;
};

// The same of many rows of few classes by pairs of target and prediction. Rows are added to several tables in turn,
// because a sum has to wait for the one before.
class ByPair {
 public:
  explicit ByPair(int64_t classes) : classes_(classes), cells_((classes + 1) * (classes + 1)) {}

  static bool is_for(int64_t rows, int64_t classes) {
    constexpr int64_t most_cells = 2048;
    const int64_t cells = (classes + 1) * (classes + 1);
    return cells <= most_cells && rows >= 16 * cells;
  }
  int64_t size() const { return several * cells_ + 1; }
  template <class Weight>
  METRICS_INLINE void add(Weight* sums, int64_t row, int64_t target, int64_t predicted, bool,
                          const Weight& weight) const {
    sums[row % several * cells_ + target * (classes_ + 1) + predicted] += weight;
  }
  template <class Weight>
  void add_to_state(State& state, Weight* sums) const {
    for (int64_t j = 1; j < several; ++j) {
      for (int64_t i = 0; i < cells_; ++i) sums[i] += sums[j * cells_ + i];
    }
    const ByClass by_class(classes_);
    Room<Weight, 256> of_classes(by_class.size());
    std::fill_n(of_classes.data(), by_class.size(), Weight{});
    for (int64_t target = 0; target <= classes_; ++target) {
      for (int64_t predicted = 0; predicted <= classes_; ++predicted) {
        by_class.add(of_classes.data(), 0, target, predicted, false, sums[target * (classes_ + 1) + predicted]);
      }
    }
    of_classes.data()[by_class.size() - 1] = sums[several * cells_];
    by_class.add_to_state(state, of_classes.data());
  }

 private:
  static constexpr int64_t several = 4;
  int64_t classes_, cells_;
};

// Of all classes together the rows that are right and those that are wrong, each of which is one false positive and
// one false negative.
class Together {
 public:
  explicit Together(int64_t classes) : classes_(classes) {}

  int64_t size() const { return 2 * several + 1; }
  template <class Weight>
  METRICS_INLINE void add(Weight* sums, int64_t row, int64_t, int64_t, bool right, const Weight& weight) const {
    sums[row % several * 2 + (right ? 0 : 1)] += weight;
  }
  template <class Weight>
  void add_to_state(State& state, Weight* sums) const {
    for (int64_t i = 2; i < 2 * several; ++i) sums[i % 2] += sums[i];
    const Weight &right = sums[0], &wrong = sums[1];
    if constexpr (std::is_same_v<Weight, int64_t>) {
      const std::array<int64_t, kCells> cells{right, wrong, right * (classes_ - 1) + wrong * (classes_ - 2), wrong};
      add_to(state, std::span<const int64_t>(cells));
    } else {
      const DoubleDouble of_right = sum_of(right), of_wrong = sum_of(wrong);
      const DoubleDouble of_others = times(of_right, classes_ - 1) + times(of_wrong, classes_ - 2);
      const std::array<DoubleDouble, kCells> cells{of_right, of_wrong, of_others, of_wrong};
      add_to(state, std::span<const DoubleDouble>(cells));
    }
  }

 private:
  static DoubleDouble sum_of(double sum) { return {sum, 0}; }
  static DoubleDouble sum_of(const TwoParts& sum) { return two_sum(sum.upper, sum.rest); }
  static DoubleDouble times(const DoubleDouble& sum, int64_t count) {
    return metrics::kernels::pairs::product(sum, {static_cast<double>(count), 0});
  }

  static constexpr int64_t several = 4;
  int64_t classes_;
};

// Pairs of target and prediction [classes, classes].
class Confusion {
 public:
  explicit Confusion(int64_t classes) : classes_(classes) {}

  int64_t size() const { return classes_ * classes_ + 1; }
  template <class Weight>
  METRICS_INLINE void add(Weight* sums, int64_t, int64_t target, int64_t predicted, bool, const Weight& weight) const {
    if (target < classes_ && predicted < classes_) sums[target * classes_ + predicted] += weight;
  }
  template <class Weight>
  void add_to_state(State& state, Weight* sums) const {
    add_sums_to(state, sums, classes_ * classes_);
  }

 private:
  int64_t classes_;
};

// Adds all rows that are not ignored, `positions` of which have a weight together.
template <class Kind, class Rows, class WeightsOf, class Weight>
void add_rows(const Kind& kind, const Rows& rows, int64_t positions, const WeightsOf& weights, Weight* sums) {
  Weight all{};
  // By value, because what a row is added to may be an integer as they are.
  const auto add = [&all, kind, rows, sums](int64_t row, const Weight& weight) METRICS_INLINED {
    all += weight;
    kind.add(sums, row, rows.target(row), rows.predicted(row), rows.is_right(row), weight);
  };
  const int64_t first = rows.first(), count = rows.count();
  if (positions == 1) {
    for (int64_t row = 0; row < count; ++row) {
      if (rows.counts(row)) add(row, weights[first + row]);
    }
  } else {
    for (int64_t row = 0; row < count;) {
      const int64_t sample = (first + row) / positions;
      const Weight weight = weights[sample];
      for (const int64_t end = std::min(count, (sample + 1) * positions - first); row < end; ++row) {
        if (rows.counts(row)) add(row, weight);
      }
    }
  }
  sums[kind.size() - 1] += all;
}

template <class WeightsOf>
using WeightOf = std::remove_cvref_t<decltype(std::declval<const WeightsOf&>()[0])>;

// Adds rows that are read as codes, and to the state unless something keeps them from being counted. In parts, whose
// sums are added in their order, so that threads change nothing.
template <class Kind, class WeightsOf>
kernels::Found count_short(State& state, const Kind& kind, const kernels::ShortRows& rows, int64_t positions,
                           const WeightsOf& weights) {
  using Weight = WeightOf<WeightsOf>;
  const int64_t size = kind.size();
  const auto add_part = [&](int64_t begin, int64_t end, Weight* sums) {
    kernels::Found found;
    kernels::FewRows few;
    for (int64_t first = begin; first < end; first += kernels::FewRows::most) {
      const auto [no_class, nan] = kernels::read_few(rows, first, std::min(kernels::FewRows::most, end - first), few);
      found.no_class |= no_class;
      found.nan |= nan;
      add_rows(kind, CodedRows(few, first), positions, weights, sums);
    }
    return found;
  };
  const auto counts = [&](const kernels::Found& found) { return !rows.validate || !(found.no_class || found.nan); };
  constexpr int64_t most = 32768;
  if (rows.rows <= most) {
    Room<Weight, 256> sums(size);
    std::fill_n(sums.data(), size, Weight{});
    const kernels::Found found = add_part(0, rows.rows, sums.data());
    if (counts(found)) kind.add_to_state(state, sums.data());
    return found;
  }
  const int64_t parts = (rows.rows + most - 1) / most;
  std::vector<Weight> sums(static_cast<std::size_t>(parts * size));
  std::vector<kernels::Found> found(static_cast<std::size_t>(parts));
  metrics::kernels::parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) {
      found[static_cast<std::size_t>(part)] =
          add_part(part * most, std::min((part + 1) * most, rows.rows), sums.data() + part * size);
    }
  });
  for (int64_t part = 1; part < parts; ++part) {
    for (int64_t i = 0; i < size; ++i)
      sums[static_cast<std::size_t>(i)] += sums[static_cast<std::size_t>(part * size + i)];
    found.front().no_class |= found[static_cast<std::size_t>(part)].no_class;
    found.front().nan |= found[static_cast<std::size_t>(part)].nan;
  }
  if (counts(found.front())) kind.add_to_state(state, sums.data());
  return found.front();
}

// Adds pairs where they lie: tables of many classes are large beside a batch.
void add_pairs(int64_t* confusion, int64_t classes, const LabelledRows& rows, int64_t positions,
               const int64_t* weights) {
  for (int64_t row = 0; row < rows.count(); ++row) {
    const int64_t target = rows.target(row), predicted = rows.predicted(row);
    if (!rows.counts(row) || target == classes || predicted == classes) continue;
    confusion[target * classes + predicted] += weights[positions == 1 ? row : row / positions];
  }
}

// The same of rows of any labels, which have been checked.
template <class Kind, class WeightsOf>
void count_labelled(State& state, const Kind& kind, const LabelledRows& rows, int64_t positions,
                    const WeightsOf& weights) {
  using Weight = WeightOf<WeightsOf>;
  Room<Weight, 256> sums(kind.size());
  std::fill_n(sums.data(), kind.size(), Weight{});
  add_rows(kind, rows, positions, weights, sums.data());
  kind.add_to_state(state, sums.data());
}

// --- Questions.

Tensor on_cpu(const Tensor& tensor) {
  return tensor.is_cpu() ? tensor : tensor.to(at::kCPU);
}

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

// The weight where all bits of `mask` are set, 0 where none is.
METRICS_INLINE int64_t weight_if(int32_t mask, int64_t weight) {
  return weight & int64_t{mask};
}
METRICS_INLINE double weight_if(int32_t mask, double weight) {
  return std::bit_cast<double>(weight_if(mask, std::bit_cast<int64_t>(weight)));
}

// What a question adds, without a branch, so that several are worked at once.
template <class Prediction, class Score, class Weight>
METRICS_INLINE void add_question(const Prediction& prediction, int32_t code, Score score, Weight weight, Weight& yes,
                                 Weight& yes_as_probability, Weight& yes_as_logit, Weight& no,
                                 Weight& no_as_probability, Weight& no_as_logit) {
  const int32_t is_yes = kernels::if_yes(code), is_no = -static_cast<int32_t>(code == kernels::kNo);
  const int32_t above = prediction.packed(score, is_yes);
  const int32_t as_probability = -(above >> kernels::kAsProbability & 1), as_logit = -(above >> kernels::kAsLogit & 1);
  const Weight of_yes = weight_if(is_yes, weight), of_no = weight_if(is_no, weight);
  yes += of_yes;
  yes_as_probability += weight_if(as_probability, of_yes);
  yes_as_logit += weight_if(as_logit, of_yes);
  no += of_no;
  no_as_probability += weight_if(as_probability, of_no);
  no_as_logit += weight_if(as_logit, of_no);
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

// Writes the cells of a reading, [4, labels] or [labels, 4] as matrices have them, the target being the row.
template <class Sum>
void write_cells(const Sum* yes, const Sum* yes_above, const Sum* no, const Sum* no_above, int64_t labels,
                 bool as_matrices, Sum* cells) {
  constexpr std::array<int64_t, kCells> place_in_matrix{3, 1, 0, 2};
  const auto put = [&](Cell cell, int64_t label, const Sum& sum) {
    cells[as_matrices ? kCells * label + place_in_matrix[cell] : cell * labels + label] = sum;
  };
  for (int64_t label = 0; label < labels; ++label) {
    put(TruePositive, label, yes_above[label]);
    put(FalseNegative, label, rest_of(yes[label], yes_above[label]));
    put(FalsePositive, label, no_above[label]);
    put(TrueNegative, label, rest_of(no[label], no_above[label]));
  }
}

template <class Sum>
void fold_answers(States& states, ScoreInput input, std::span<const Sum> sums, int64_t labels, bool outside,
                  bool as_matrices) {
  const Answers<const Sum> answers(sums.data(), labels);
  const int64_t size = kCells * labels;
  Room<Sum, 16> cells(2 * size);
  const std::span<Sum> all(cells.data(), static_cast<std::size_t>(2 * size));
  const auto written = [&](const Sum* yes_above, const Sum* no_above, std::span<Sum> to) {
    write_cells(answers.yes, yes_above, answers.no, no_above, labels, as_matrices, to.data());
    return std::span<const Sum>(to);
  };
  const auto as_probability = [&] {
    return written(answers.yes_as_probability, answers.no_as_probability, all.first(static_cast<std::size_t>(size)));
  };
  const auto as_logit = [&] {
    return written(answers.yes_as_logit, answers.no_as_logit, all.last(static_cast<std::size_t>(size)));
  };
  if (input == ScoreInput::Logits) return add_to(states.at(0), as_logit());
  if (input == ScoreInput::Probabilities) return add_to(states.at(0), as_probability());
  add_to_readings(states, as_probability(), as_logit(), outside);
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
  if (!preds.is_cpu() || !target.is_cpu()) {
    return add_weighted_class_counts(counts, preds.to(at::kCPU), target.to(at::kCPU), rule, weights);
  }
  // By the initial one, because of the present one there is only a copy, which a small batch would wait for.
  const int64_t cells = counts.initial().size(1), classes = cells == 1 ? rule.num_classes.value_or(1) : cells;
  const bool together = cells == 1;
  const int64_t positions = positions_of(target, weights);
  // Calls count(kind, weights) with what is added up of so many rows.
  const auto with_kind = [&](int64_t rows, const auto& count) {
    with_summands(weights, positions, [&](const auto& of_rows) {
      if (together) return count(Together(classes), of_rows);
      if (ByPair::is_for(rows, classes)) return count(ByPair(classes), of_rows);
      count(ByClass(classes), of_rows);
    });
  };
  take_class_rows(
      preds, target, rule, together,
      [&](const kernels::ShortRows& rows) {
        kernels::Found found;
        with_kind(rows.rows, [&](const auto& kind, const auto& of_rows) {
          found = count_short(counts, kind, rows, positions, of_rows);
        });
        return found;
      },
      [&](const ClassRows& rows) {
        with_kind(rows.count, [&](const auto& kind, const auto& of_rows) {
          count_labelled(counts, kind, LabelledRows(rows, classes, Ignored(rule.ignore_index)), positions, of_rows);
        });
      });
}

void add_weighted_confusion(State& confusion, const Tensor& preds, const Tensor& target, const ClassRule& rule,
                            const Weights& weights) {
  if (!preds.is_cpu() || !target.is_cpu()) {
    return add_weighted_confusion(confusion, preds.to(at::kCPU), target.to(at::kCPU), rule, weights);
  }
  const int64_t classes = *rule.num_classes;
  const int64_t positions = positions_of(target, weights);
  const Confusion kind(classes);
  take_class_rows(
      preds, target, rule, /*together=*/false,
      [&](const kernels::ShortRows& rows) {
        kernels::Found found;
        with_summands(weights, positions,
                      [&](const auto& of_rows) { found = count_short(confusion, kind, rows, positions, of_rows); });
        return found;
      },
      [&](const ClassRows& rows) {
        const LabelledRows labelled(rows, classes, Ignored(rule.ignore_index));
        with_summands(weights, positions, [&]<class WeightsOf>(const WeightsOf& of_rows) {
          if constexpr (std::is_same_v<WeightsOf, const int64_t*>) {
            if (confusion.tensor().is_cpu())
              return add_pairs(confusion.counts(), classes, labelled, positions, of_rows);
          }
          count_labelled(confusion, kind, labelled, positions, of_rows);
        });
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
