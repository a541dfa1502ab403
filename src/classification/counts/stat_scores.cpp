#include "averaging.h"
#include "classification/checks.h"
#include "classification/define_tasks.h"
#include "classification/readings.h"
#include "core/loaded_states.h"
#include "counting.h"
#include "weighted.h"
#include <metrics/classification/stat_scores.h>

#include <ATen/EmptyTensor.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>

namespace metrics {

using namespace classification;

namespace {

const std::vector<std::string> kNames{"tp", "fp", "tn", "fn"};

Tensor zero_counts(int64_t labels) {
  return at::zeros({4, labels}, at::kLong);
}

// Classes are counted together where only their sum is asked for: one cell a count.
bool in_one_cell(const MulticlassStatScoresOptions& o) {
  return o.average == Average::Micro && o.top_k == 1 && o.multidim_average == MultidimAverage::Global;
}

// Samplewise the classes are counted together, too, with any `top_k`.
bool in_one_cell_a_sample(Average average, MultidimAverage multidim_average) {
  return average == Average::Micro && multidim_average == MultidimAverage::Samplewise;
}

// A sample with counts of its own is one, whatever it weighs.
RowWeights weights_for(MultidimAverage multidim_average) {
  return multidim_average == MultidimAverage::Samplewise ? RowWeights::None : RowWeights::Any;
}

// Samplewise counts of a checkpoint may be by class, because torchmetrics keeps them so whatever the average.
void sum_classes(State& state) {
  const Tensor table = state.tensor();
  if (table.defined() && table.dim() == 3 && table.size(2) > 1) {
    state.assign(table.sum(-1, /*keepdim=*/true), {}, {});
  }
}

// Nothing is appended to samplewise counts before the first batch.
template <class Options>
GatheredCounts gathered_from(const State& state, int64_t labels, const Options& o) {
  const Tensor table = state.tensor();
  return {table.defined() ? table : at::zeros({0, 4, labels}, at::kLong), state.grows(), o};
}

/// Throws StateMisfit for a count that is negative. True negatives of classes whose number is not known are: they are
/// counted as if there were one.
void check_counts(const Tensor& table, int64_t part_dim, bool classes_known) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (!classes_known && kNames[i] == "tn") continue;
    if (!(table.select(part_dim, static_cast<int64_t>(i)) < 0).any().item<bool>()) continue;
    throw StateMisfit(kNames[i], "holds a negative number, which is no count");
  }
}

/// Throws StateMisfit for counts that were loaded and cannot be: negative ones, and samplewise ones that are not of so
/// many labels, or of 1 where one cell may do; those of a binary metric, with 0, have no dimension for labels.
void check_loaded(const State& state, int64_t labels, bool one_cell, bool classes_known = true) {
  const Tensor table = state.tensor();
  if (!state.grows()) return check_counts(table, 0, classes_known);
  if (state.rows() == 0) return;
  require_integer_rows(state);
  check_counts(table, 1, classes_known);
  if (labels == 0 && table.dim() == 2) return;
  if (labels > 0 && table.dim() == 3 && (table.size(2) == labels || (one_cell && table.size(2) == 1))) return;
  std::vector<int64_t> each = table.sizes().vec();
  each.erase(each.begin() + 1);
  throw StateMisfit(state.name(), c10::str("expected one count a sample", labels > 0 ? " and label" : "",
                                           labels > 0 ? c10::str(", [N, ", labels, "]") : ", [N]", ", got shape ",
                                           at::IntArrayRef(each)));
}

}  // namespace

void BinaryCounting::check(const Options& o) {
  if (!o.validate_args) return;
  check_threshold(o.threshold);
  check_zero_division(o.zero_division);
}

void BinaryCounting::declare(States& states, const Options& o) {
  const bool samplewise = o.multidim_average == MultidimAverage::Samplewise;
  declare_readings(states, kNames, samplewise ? Reduction::Cat : Reduction::Sum, samplewise ? Tensor() : zero_counts(1),
                   o.input);
}

RowWeights BinaryCounting::taken_weights(const Options& o) {
  return weights_for(o.multidim_average);
}

void BinaryCounting::update(States& states, const Options& o, const Tensor& preds, const Tensor& target,
                            const Weights& weights) {
  const counts::ThresholdRule rule{o.threshold, o.ignore_index, o.validate_args};
  if (o.multidim_average == MultidimAverage::Global) {
    if (weights.given()) return counts::add_weighted_counts(states, o.input, preds, target, std::nullopt, rule, weights);
    return count_readings(states, o.input, preds, target, std::nullopt, rule);
  }
  // torchmetrics keeps one number a sample here, not one for each of a single label.
  auto counts = counts::samplewise_binary_counts(preds, target, rule);
  counts.probabilities = counts.probabilities.squeeze(2);
  counts.logits = counts.logits.squeeze(2);
  fold_readings(states, o.input, counts);
}

void BinaryCounting::complete_from_torchmetrics(States& states, const Options& o) {
  check_loaded(states.at(0), 0, false);
  TwoReadings::complete_from_torchmetrics(states, o);
}

std::string BinaryCounting::update_key(const Options& options) {
  Options o = options;
  o.zero_division = 0;
  return "binary counts: " + describe_options(o);
}

GatheredCounts BinaryCounting::gathered(const States& states, const Options& o) {
  return gathered_from(reading_that_applies(states, o.input), 1, o);
}

void MulticlassCounting::check(const Options& o) {
  if (o.num_classes) {
    check_at_least("num_classes", *o.num_classes, o.validate_args ? 2 : 1);
  } else if (o.average != Average::Micro || o.top_k != 1 || o.multidim_average != MultidimAverage::Global) {
    throw InvalidArgument(
        "num_classes: got None, which goes with average 'micro', top_k 1 and multidim_average 'global' only");
  }
  check_at_least("top_k", o.top_k, 1);
  if (o.num_classes && o.top_k > *o.num_classes) {
    throw InvalidArgument(std::string("top_k: expected at most num_classes ") + std::to_string(*o.num_classes) +
                          ", got " + std::to_string(o.top_k));
  }
  if (o.validate_args) check_zero_division(o.zero_division);
}

void MulticlassCounting::declare(States& states, const Options& o) {
  if (o.multidim_average == MultidimAverage::Samplewise) {
    states.add(kNames, Reduction::Cat);
  } else {
    states.add(kNames, Reduction::Sum, zero_counts(in_one_cell(o) ? 1 : *o.num_classes));
  }
}

RowWeights MulticlassCounting::taken_weights(const Options& o) {
  return weights_for(o.multidim_average);
}

void MulticlassCounting::update(States& states, const Options& o, const Tensor& preds, const Tensor& target,
                                const Weights& weights) {
  const counts::ClassRule rule{o.num_classes, o.top_k, o.ignore_index, o.validate_args};
  State& counts = states.at(0);
  if (in_one_cell_a_sample(o.average, o.multidim_average)) {
    counts.append(counts::samplewise_micro_class_counts(preds, target, rule));
  } else if (o.multidim_average == MultidimAverage::Samplewise) {
    counts.append(counts::samplewise_class_counts(preds, target, rule));
  } else if (weights.given()) {
    counts::add_weighted_class_counts(counts, preds, target, rule, weights);
  } else {
    Tensor& table = counts.tensor_to_write();
    counts::add_class_counts(table, preds, target, rule);
  }
}

void MulticlassCounting::complete_from_torchmetrics(States& states, const Options& o) {
  const bool one_cell = in_one_cell_a_sample(o.average, o.multidim_average);
  check_loaded(states.at(0), o.num_classes.value_or(1), one_cell, o.num_classes.has_value());
  if (one_cell) sum_classes(states.at(0));
}

std::string MulticlassCounting::update_key(const Options& options) {
  Options o = options;
  o.zero_division = 0;
  const bool together = in_one_cell(o) || in_one_cell_a_sample(o.average, o.multidim_average);
  o.average = together ? Average::Micro : Average::Macro;
  return "multiclass counts: " + describe_options(o);
}

GatheredCounts MulticlassCounting::gathered(const States& states, const Options& o) {
  return gathered_from(states.at(0), o.num_classes.value_or(1), o);
}

void MultilabelCounting::check(const Options& o) {
  check_at_least("num_labels", o.num_labels, o.validate_args ? 2 : 1);
  if (!o.validate_args) return;
  check_threshold(o.threshold);
  check_zero_division(o.zero_division);
}

void MultilabelCounting::declare(States& states, const Options& o) {
  const bool samplewise = o.multidim_average == MultidimAverage::Samplewise;
  declare_readings(states, kNames, samplewise ? Reduction::Cat : Reduction::Sum,
                   samplewise ? Tensor() : zero_counts(o.num_labels), o.input);
}

RowWeights MultilabelCounting::taken_weights(const Options& o) {
  return weights_for(o.multidim_average);
}

void MultilabelCounting::update(States& states, const Options& o, const Tensor& preds, const Tensor& target,
                                const Weights& weights) {
  const counts::ThresholdRule rule{o.threshold, o.ignore_index, o.validate_args};
  const bool samplewise = o.multidim_average == MultidimAverage::Samplewise;
  if (!samplewise && weights.given()) {
    return counts::add_weighted_counts(states, o.input, preds, target, o.num_labels, rule, weights);
  }
  if (!samplewise) return count_readings(states, o.input, preds, target, o.num_labels, rule);
  auto counts = counts::samplewise_multilabel_counts(preds, target, o.num_labels, rule);
  if (in_one_cell_a_sample(o.average, o.multidim_average)) {
    counts.probabilities = counts.probabilities.sum(-1, /*keepdim=*/true);
    counts.logits = counts.logits.sum(-1, /*keepdim=*/true);
  }
  fold_readings(states, o.input, counts);
}

void MultilabelCounting::complete_from_torchmetrics(States& states, const Options& o) {
  const bool one_cell = in_one_cell_a_sample(o.average, o.multidim_average);
  check_loaded(states.at(0), o.num_labels, one_cell);
  if (one_cell) sum_classes(states.at(0));
  TwoReadings::complete_from_torchmetrics(states, o);
}

std::string MultilabelCounting::update_key(const Options& options) {
  Options o = options;
  o.zero_division = 0;
  o.average = in_one_cell_a_sample(o.average, o.multidim_average) ? Average::Micro : Average::Macro;
  return "multilabel counts: " + describe_options(o);
}

GatheredCounts MultilabelCounting::gathered(const States& states, const Options& o) {
  return gathered_from(reading_that_applies(states, o.input), o.num_labels, o);
}

counts::Counts GatheredCounts::parts() const {
  if (!samplewise) return {table[0], table[1], table[2], table[3]};
  const Tensor by_label = table.dim() == 2 ? table.unsqueeze(2) : table;
  return {by_label.select(1, 0), by_label.select(1, 1), by_label.select(1, 2), by_label.select(1, 3)};
}

namespace {

constexpr int64_t kColumns = 5;  // tp, fp, tn, fn and the support

template <class N>
std::array<N, kColumns> columns_of(const counts::CountsOf<N>& c) {
  return {c.tp, c.fp, c.tn, c.fn, families::sum_of_counts(c.tp, c.fn)};
}

template <class N>
Tensor stat_scores_of_numbers(const counts::CountsByLabel<N>& counts, const counts::Scoring& how) {
  if (how.average == Average::Micro || how.average == Average::None) {
    const int64_t rows = how.average == Average::Micro ? 1 : counts.size();
    Tensor table(at::detail::empty_cpu({rows, kColumns}, c10::CppTypeToScalarType<N>::value));
    N* row = table.mutable_data_ptr<N>();
    for (int64_t label = 0; label < rows; ++label, row += kColumns) {
      const auto columns = columns_of(how.average == Average::Micro ? counts.summed() : counts[label]);
      std::copy(columns.begin(), columns.end(), row);
    }
    return how.average == Average::Micro ? table.view({kColumns}) : table;
  }
  const auto all = static_cast<double>(counts.summed().tp) + static_cast<double>(counts.summed().fn);
  Tensor means = families::empty_doubles(kColumns);
  double* const mean = means.mutable_data_ptr<double>();
  std::fill_n(mean, kColumns, 0.0);
  for (int64_t label = 0; label < counts.size(); ++label) {
    const auto columns = columns_of(counts[label]);
    const double weight = how.average == Average::Macro ? 1 : static_cast<double>(columns.back()) / all;
    for (std::size_t i = 0; i < columns.size(); ++i) mean[i] += static_cast<double>(columns[i]) * weight;
  }
  if (how.average == Average::Weighted) return means;
  for (int64_t i = 0; i < kColumns; ++i) mean[i] /= static_cast<double>(counts.size());
  return means;
}

}  // namespace

Tensor scores::StatScores::value(const GatheredCounts& gathered) {
  const counts::Scoring& how = gathered.how;
  if (const auto* numbers = gathered.numbers()) {
    return stat_scores_of_numbers(counts::CountsByLabel(numbers, gathered.labels()), how);
  }
  if (const auto* numbers = gathered.numbers<double>()) {
    return stat_scores_of_numbers(counts::CountsByLabel(numbers, gathered.labels()), how);
  }
  const counts::Counts c = gathered.parts();
  const Tensor support = c.tp + c.fn;
  const Tensor table = at::stack({c.tp, c.fp, c.tn, c.fn, support}, -1);  // [..., labels, 5]
  switch (how.average) {
    case Average::Micro:
      return table.sum(-2);
    case Average::Macro:
      return families::sum_in_order(table.to(at::kDouble).transpose(-1, -2)) / table.size(-2);
    case Average::Weighted: {
      // As torchmetrics does it, which weighs a sample's labels by their support in all samples together.
      const Tensor all = how.task == Task::Multilabel ? support.sum() : support.sum(-1, /*keepdim=*/true);
      return families::sum_in_order((table * (support.to(at::kDouble) / all).unsqueeze(-1)).transpose(-1, -2));
    }
    case Average::None:
      break;
  }
  return table;
}

METRICS_DEFINE_TASKS(StatScores);

}  // namespace metrics
