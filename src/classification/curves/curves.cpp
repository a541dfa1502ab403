#include "curves.h"

#include "bins.h"
#include "classification/checks.h"
#include "classification/counts/inputs.h"
#include "classification/counts/weighted_sums.h"
#include "classification/readings.h"
#include "kernels.h"
#include "plain.h"
#include <metrics/core/codec.h>
#include <metrics/core/readable.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <limits>
#include <sstream>

namespace metrics::classification::curves {
namespace {

using kernels::ClassRows;
using kernels::Ignored;
using kernels::Questions;
using kernels::Seen;

// Indices of the states of exact curves; of binned ones see readings.h.
constexpr std::size_t kPreds = 0;
constexpr std::size_t kTarget = 1;

template <class... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
  std::ostringstream message;
  (message << ... << parts);
  throw InvalidArgument(message.str());
}

void check_thresholds(const Thresholds& thresholds, bool validate) {
  if (!thresholds) return;
  if (const auto* count = std::get_if<int64_t>(&*thresholds)) {
    return check_at_least("thresholds", *count, validate ? 2 : 1);
  }
  if (const auto* list = std::get_if<std::vector<double>>(&*thresholds)) {
    if (list->empty()) refuse("thresholds: expected at least one, got an empty list");
    if (!validate) return;
    for (const double t : *list) {
      if (!(t >= 0 && t <= 1)) refuse("thresholds: expected numbers in [0, 1], got ", t);
    }
    return;
  }
  const auto& tensor = std::get<Tensor>(*thresholds);
  if (detail::is_readable(tensor) && tensor.dim() == 1 && tensor.numel() > 0) return;
  refuse("thresholds: expected a tensor [T] of real numbers, got ", detail::has_elements(tensor)
                                                                        ? c10::str(tensor.scalar_type(), tensor.sizes())
                                                                        : detail::unreadable_kind(tensor));
}

// --- Inputs.

/// A batch of questions: contiguous scores and labels of `samples`, `labels` and `positions`, in whatever shape.
struct QuestionBatch {
  Tensor scores, target;
  int64_t samples, labels, positions;

  Tensor in_three(const Tensor& tensor) const { return tensor.view({samples, labels, positions}); }
};

/// A batch of rows of classes: contiguous scores [rows, classes], target [rows].
struct ClassBatch {
  Tensor scores, target;
};

void check_scores(const Tensor& preds, const Tensor& target, bool validate) {
  if (!preds.is_floating_point()) refuse("preds: expected floating scores, got ", preds.scalar_type());
  if (validate && target.is_floating_point()) {
    refuse("target: expected integers or bools, got ", target.scalar_type());
  }
}

/// Memory that can be read: neither to be negated on reading, nor a zero tensor, which has none.
Tensor readable(const Tensor& tensor) {
  return (tensor.is_neg() || tensor._is_zerotensor() ? tensor.clone() : tensor).contiguous();
}

Tensor readable_target(const Tensor& target) {
  return readable(target.scalar_type() == at::kLong ? target : target.to(at::kLong));
}

QuestionBatch checked_questions(const Tensor& preds, const Tensor& target, const CurveRule& rule) {
  const counts::ThresholdRule labels{0.5, rule.ignore_index, rule.validate_args};
  if (rule.task == Task::Binary) {
    counts::check_binary(preds, target, labels);
  } else {
    counts::check_multilabel(preds, target, rule.labels, labels);
  }
  check_scores(preds, target, rule.validate_args);
  QuestionBatch batch{readable(preds), readable_target(target), preds.numel(), 1, 1};
  if (rule.task == Task::Binary) return batch;
  batch.samples = preds.size(0);
  batch.labels = rule.labels;
  for (const int64_t size : preds.sizes().slice(2)) batch.positions *= size;
  return batch;
}

ClassBatch checked_class_rows(const Tensor& preds, const Tensor& target, const CurveRule& rule) {
  const auto shape = counts::checked_classes(
      preds, target, {.num_classes = rule.labels, .ignore_index = rule.ignore_index, .validate = rule.validate_args});
  if (!shape.scores) {
    refuse("preds: expected scores [N, ", rule.labels, ", ...] for target ", target.sizes(), ", got ", preds.sizes());
  }
  check_scores(preds, target, rule.validate_args);
  const Tensor rows = preds.dim() == 2 ? preds : preds.movedim(1, -1).reshape({-1, rule.labels});
  const Tensor labels = readable_target(target);
  return {readable(rows), labels.dim() == 1 ? labels : labels.view({-1})};
}

[[noreturn]] void throw_nan(const Tensor& scores, const Tensor& taken) {
  const Tensor first = ((scores != scores) & taken).nonzero().select(0, 0);
  refuse("preds: expected numbers, got nan in row ", first[0].item<int64_t>(),
         "; a score that is not a number has no rank");
}

/// Which questions are taken: those with a target of 0 or 1 that is not ignored.
Tensor taken_questions(const Tensor& target, const CurveRule& rule) {
  const Tensor labels = (target == 0) | (target == 1);
  return rule.ignore_index ? labels & (target != *rule.ignore_index) : labels;
}

Tensor taken_rows(const Tensor& target, const CurveRule& rule) {
  const Tensor classes = (target >= 0) & (target < rule.labels);
  return rule.ignore_index ? classes & (target != *rule.ignore_index) : classes;
}

Questions as_loops(const QuestionBatch& batch, const CurveRule& rule) {
  return {batch.scores.const_data_ptr(),
          metrics::kernels::element_of(batch.scores.scalar_type()),
          batch.target.const_data_ptr<int64_t>(),
          batch.samples,
          batch.labels,
          batch.positions,
          Ignored(rule.ignore_index)};
}

ClassRows as_loops(const ClassBatch& batch, const CurveRule& rule) {
  return {batch.scores.const_data_ptr(),
          metrics::kernels::element_of(batch.scores.scalar_type()),
          batch.target.const_data_ptr<int64_t>(),
          batch.scores.size(0),
          batch.scores.size(1),
          Ignored(rule.ignore_index)};
}

/// Looks at a batch and throws for what validation refuses.
Seen looked_at(const QuestionBatch& batch, const CurveRule& rule) {
  Seen seen;
  if (batch.scores.is_cpu()) {
    seen = kernels::look(as_loops(batch, rule));
  } else {
    seen = plain::look(batch.scores, taken_questions(batch.target, rule));
    Tensor bad = (batch.target != 0) & (batch.target != 1);
    if (rule.ignore_index) bad = bad & (batch.target != *rule.ignore_index);
    seen.invalid = bad.any().item<bool>();
  }
  if (!rule.validate_args) return seen;
  if (seen.invalid) {
    counts::throw_bad_label(batch.scores, batch.target, counts::ThresholdRule{0.5, rule.ignore_index, true});
  }
  if (seen.nan) throw_nan(batch.scores, taken_questions(batch.target, rule));
  return seen;
}

Seen looked_at(const ClassBatch& batch, const CurveRule& rule) {
  Seen seen;
  if (batch.scores.is_cpu()) {
    seen = kernels::look(as_loops(batch, rule));
  } else {
    seen = plain::look(batch.scores, taken_rows(batch.target, rule).unsqueeze(1));
    Tensor bad = (batch.target < 0) | (batch.target >= rule.labels);
    if (rule.ignore_index) bad = bad & (batch.target != *rule.ignore_index);
    seen.invalid = bad.any().item<bool>();
  }
  if (!rule.validate_args) return seen;
  if (seen.invalid) {
    counts::throw_bad_label(batch.scores, batch.target,
                            counts::ClassRule{.num_classes = rule.labels, .ignore_index = rule.ignore_index});
  }
  if (seen.nan) throw_nan(batch.scores, taken_rows(batch.target, rule).unsqueeze(1));
  return seen;
}

// --- Binned: counts of buckets.

/// The states that a batch is counted into. Once a score outside [0, 1] is seen, the counts of probabilities will not
/// be asked for again.
struct CountedStates {
  State* as_probability = nullptr;
  State* as_logit = nullptr;
  int64_t* to_note_outside = nullptr;  // where it is to be noted that such a score was seen

  /// Comes after the counting, which may fail.
  void note() const {
    if (to_note_outside != nullptr) *to_note_outside = 1;
  }
};

CountedStates counted_states(States& states, ScoreInput input, bool outside) {
  if (input == ScoreInput::Probabilities) return {.as_probability = &states.at(0)};
  if (input == ScoreInput::Logits) return {.as_logit = &states.at(0)};
  State& flag = states.at(2);
  if (!flag.tensor().is_cpu()) {
    if (outside) flag.raise(at::ones({}, flag.tensor().options()));
    outside = flag.tensor().item<int64_t>() != 0;
    return {.as_probability = outside ? nullptr : &states.at(0), .as_logit = &states.at(1)};
  }
  int64_t* const noted = flag.counts();
  return {.as_probability = outside || *noted != 0 ? nullptr : &states.at(0),
          .as_logit = &states.at(1),
          .to_note_outside = outside ? noted : nullptr};
}

kernels::BucketTables memory_of(const CountedStates& states) {
  return {states.as_probability ? states.as_probability->counts() : nullptr,
          states.as_logit ? states.as_logit->counts() : nullptr};
}

plain::Tables tensors_of(const CountedStates& states) {
  return {states.as_probability ? states.as_probability->tensor() : Tensor(),
          states.as_logit ? states.as_logit->tensor() : Tensor()};
}

/// Widens scores for a metric in float64, as rows that are kept are widened: their thresholds are probabilities in
/// float64, and are compared with those.
void widen_scores(const States& states, Tensor& scores) {
  if (states.dtype() == at::kDouble) scores = scores.to(at::kDouble);
}

/// Adds up what the rows of a batch weigh, `rows` of them, in buckets.
template <class Batch>
void add_weights(States& states, const CurvePlan& plan, Batch batch, int64_t rows, bool outside,
                 const Weights& weights) {
  batch.scores = batch.scores.to(at::kCPU);
  batch.target = batch.target.to(at::kCPU);
  const ScoreInput input = plan.rule().input;
  const bool both = input == ScoreInput::Auto;
  const int64_t size = states.at(0).tensor().numel();
  const auto count = [&]<class Number>(Number* sums, const Number* of_rows) {
    const kernels::WeightTables<Number> tables{input == ScoreInput::Logits ? nullptr : sums,
                                               both ? sums + size : (input == ScoreInput::Logits ? sums : nullptr)};
    kernels::add_weights(as_loops(batch, plan.rule()), *plan.bins(),
                         kernels::RowsWeights<Number>{of_rows, rows / weights.rows()}, tables);
  };
  const int64_t elements = batch.scores.numel() / weights.rows();
  counts::counted(weights, both ? 2 * size : size, elements, count, [&](auto sums) {
    const auto table = static_cast<std::size_t>(size);
    if (!both) return counts::add_to(states.at(0), sums);
    counts::add_to_readings(states, sums.first(table), sums.subspan(table), outside);
  });
}

void count(States& states, const CurvePlan& plan, QuestionBatch batch, const Weights& weights) {
  const CurveRule& rule = plan.rule();
  if (batch.scores.numel() == 0) return;
  widen_scores(states, batch.scores);
  const Seen seen = looked_at(batch, rule);
  if (weights.given()) return add_weights(states, plan, batch, batch.samples, seen.outside, weights);
  if (batch.scores.is_cpu()) {
    const CountedStates counted = counted_states(states, rule.input, seen.outside);
    kernels::count_buckets(as_loops(batch, rule), *plan.bins(), memory_of(counted));
    return counted.note();
  }
  const Tensor codes = at::where(taken_questions(batch.target, rule), batch.target, -1);
  plain::count_questions(tensors_of(counted_states(states, rule.input, seen.outside)), batch.in_three(batch.scores),
                         batch.in_three(codes), *plan.bins());
}

void count(States& states, const CurvePlan& plan, ClassBatch batch, const Weights& weights) {
  const CurveRule& rule = plan.rule();
  if (batch.scores.numel() == 0) return;
  widen_scores(states, batch.scores);
  const Seen seen = looked_at(batch, rule);
  if (weights.given()) return add_weights(states, plan, batch, batch.scores.size(0), seen.outside, weights);
  if (batch.scores.is_cpu()) {
    const CountedStates counted = counted_states(states, rule.input, seen.outside);
    kernels::count_buckets(as_loops(batch, rule), *plan.bins(), memory_of(counted));
    return counted.note();
  }
  const Tensor target = at::where(taken_rows(batch.target, rule), batch.target, -1);
  plain::count_classes(tensors_of(counted_states(states, rule.input, seen.outside)), batch.scores, target,
                       *plan.bins());
}

// --- Exact: rows of scores and codes of their targets (see curves.h).

/// Appends to all states or to none.
void append_rows(States& states, const Tensor& scores, const Tensor& codes, const Tensor& weights) {
  States::Attempt attempt(states);
  if (weights.defined()) states.fill_row_weights();
  states.at(kPreds).append(scores);
  states.at(kTarget).append(codes);
  if (weights.defined()) states.row_weights()->append(weights);
  attempt.succeed();
}

/// What each of so many rows weighs where the batch's rows have several positions; undefined without weights.
Tensor weights_of(const Weights& weights, int64_t rows, const Tensor& scores) {
  if (!weights.given()) return {};
  const Tensor of_rows = weights.tensor().to(at::TensorOptions(at::kDouble).device(scores.device()));
  return rows == weights.rows() ? of_rows : of_rows.repeat_interleave(rows / std::max<int64_t>(1, weights.rows()));
}

Tensor taken_of(const Tensor& weights, const Tensor& rows) {
  return weights.defined() ? weights.index_select(0, rows) : weights;
}

Tensor codes_of(const QuestionBatch& batch, const CurveRule& rule) {
  if (!batch.target.is_cpu()) {
    return at::where(taken_questions(batch.target, rule), batch.target, kSkipped).to(at::kChar);
  }
  Tensor codes = at::empty(batch.target.sizes(), at::kChar);
  kernels::encode_questions(batch.target.const_data_ptr<int64_t>(), batch.target.numel(), Ignored(rule.ignore_index),
                            static_cast<int8_t>(kSkipped), codes.mutable_data_ptr<int8_t>());
  return codes;
}

void keep(States& states, const CurvePlan& plan, const QuestionBatch& batch, const Weights& weights) {
  const CurveRule& rule = plan.rule();
  if (batch.scores.numel() == 0) return;
  looked_at(batch, rule);
  const Tensor codes = codes_of(batch, rule);
  if (rule.task == Task::Multilabel) {
    const auto rows = [&](const Tensor& t) { return batch.in_three(t).transpose(1, 2).reshape({-1, rule.labels}); };
    return append_rows(states, rows(batch.scores), rows(codes),
                       weights_of(weights, batch.samples * batch.positions, batch.scores));
  }
  const Tensor scores = batch.scores.view({-1});
  const Tensor flat = codes.view({-1});
  const Tensor of_rows = weights_of(weights, scores.numel(), scores);
  if (rule.validate_args && !rule.ignore_index) return append_rows(states, scores, flat, of_rows);
  const Tensor taken = at::nonzero(flat != kSkipped).view({-1});
  append_rows(states, scores.index_select(0, taken), flat.index_select(0, taken), taken_of(of_rows, taken));
}

/// The least integers that hold all classes and their complements.
at::ScalarType code_type(int64_t classes) {
  if (classes <= std::numeric_limits<int8_t>::max()) return at::kChar;
  return classes <= std::numeric_limits<int16_t>::max() ? at::kShort : at::kInt;
}

void keep(States& states, const CurvePlan& plan, const ClassBatch& batch, const Weights& weights) {
  const CurveRule& rule = plan.rule();
  if (batch.scores.numel() == 0) return;
  looked_at(batch, rule);
  const at::ScalarType type = code_type(rule.labels);
  const Tensor of_rows = weights_of(weights, batch.scores.size(0), batch.scores);
  if (rule.validate_args && !rule.ignore_index) {
    return append_rows(states, batch.scores, batch.target.to(type), of_rows);
  }
  const Tensor taken = at::nonzero(taken_rows(batch.target, rule)).view({-1});
  append_rows(states, batch.scores.index_select(0, taken), batch.target.index_select(0, taken).to(type),
              taken_of(of_rows, taken));
}

// --- As torchmetrics has them.

/// Buckets [T, ..., 2, 2] as counts at each threshold, in the order in which those are given.
Tensor cumulated(const Tensor& buckets, const CurvePlan::Bins& bins) {
  const Tensor reached = buckets.select(-1, 1);            // [T, ..., 2]
  const Tensor above = reached.flip(0).cumsum(0).flip(0);  // at or above each
  const Tensor all = buckets.select(-1, 0).select(0, 0).unsqueeze(0) + above.narrow(0, 0, 1);
  const Tensor sorted = at::stack({all - above, above}, -1);
  return at::empty_like(sorted).index_copy_(0, at::tensor(bins.order).to(sorted.device()), sorted);
}

/// Throws InvalidArgument for scores and labels that torchmetrics cannot have kept under the rule.
void check_kept(const Tensor& preds, const Tensor& target, const CurveRule& rule) {
  if (!preds.defined() && !target.defined()) return;
  if (!preds.defined() || !preds.is_floating_point()) refuse("state `preds`: expected floating scores");
  if (!target.defined() || !at::isIntegralType(target.scalar_type(), /*includeBool=*/true)) {
    refuse("state `target`: expected integers or bools");
  }
  const bool row_of_labels = rule.task != Task::Binary && !rule.flattened;
  std::vector<int64_t> shape{target.dim() == 0 ? -1 : target.size(0)};
  if (row_of_labels) shape.push_back(rule.labels);
  const at::IntArrayRef targets =
      rule.task == Task::Multilabel ? at::IntArrayRef(shape) : at::IntArrayRef(shape).slice(0, 1);
  if (preds.sizes() != at::IntArrayRef(shape) || target.sizes() != targets ||
      (rule.flattened && shape[0] % rule.labels)) {
    refuse("states `preds` and `target`: expected shapes that go together, got ", preds.sizes(), " and ",
           target.sizes());
  }
  const bool classes = rule.task == Task::Multiclass && !rule.flattened;
  Tensor bad = (target < 0) | (target >= (classes ? rule.labels : 2));
  if (rule.ignore_index) bad = bad & (target != *rule.ignore_index);
  if (rule.validate_args && bad.any().item<bool>()) refuse("state `target`: holds a number that is no label");
}

/// The inverse of `cumulated`.
Tensor differences(const Tensor& counts, const CurvePlan::Bins& bins) {
  const Tensor sorted = counts.index_select(0, at::tensor(bins.order).to(counts.device()));
  const Tensor above = sorted.select(-1, 1);
  const int64_t size = above.size(0);
  const Tensor reached =
      at::cat({above.narrow(0, 0, size - 1) - above.narrow(0, 1, size - 1), above.narrow(0, size - 1, 1)});
  Tensor buckets = at::stack({at::zeros_like(reached), reached}, -1);
  buckets.select(0, 0).select(-1, 0).copy_(sorted.select(0, 0).select(-1, 0));
  return buckets;
}

}  // namespace

void check(const CurveRule& rule) {
  if (rule.task == Task::Multiclass) check_at_least("num_classes", rule.labels, rule.validate_args ? 2 : 1);
  if (rule.task == Task::Multilabel) check_at_least("num_labels", rule.labels, rule.validate_args ? 2 : 1);
  check_thresholds(rule.thresholds, rule.validate_args);
}

void check_average(Average average, std::initializer_list<Average> allowed) {
  if (std::find(allowed.begin(), allowed.end(), average) != allowed.end()) return;
  std::string names;
  for (const Average each : allowed) {
    (names += names.empty() ? "'" : ", '").append(enum_names<Average>[static_cast<std::size_t>(each)]) += "'";
  }
  refuse("average: expected one of ", names, ", got '", enum_names<Average>[static_cast<std::size_t>(average)], "'");
}

void check_normalization(Normalization normalization) {
  if (normalization != Normalization::Softmax) return;
  refuse("normalization: expected 'sigmoid' or None for one score a sample, got 'softmax'");
}

void declare(States& states, const CurvePlan& plan) {
  if (!plan.bins()) {
    states.add("preds", Reduction::Cat);
    states.add("target", Reduction::Cat);
    return states.add_row_weights();
  }
  std::vector<int64_t> shape{plan.bins()->size(), 2, 2};
  if (plan.rule().task != Task::Binary) shape.insert(shape.begin() + 1, plan.rule().labels);
  declare_readings(states, {"confmat"}, Reduction::Sum, at::zeros(shape, at::kLong), plan.rule().input);
}

void update(States& states, const CurvePlan& plan, const Tensor& preds, const Tensor& target, const Weights& weights) {
  const auto fold = [&](const auto& batch) {
    plan.bins() ? count(states, plan, batch, weights) : keep(states, plan, batch, weights);
  };
  if (plan.rule().task == Task::Multiclass) {
    fold(checked_class_rows(preds, target, plan.rule()));
  } else {
    fold(checked_questions(preds, target, plan.rule()));
  }
}

void show_as_torchmetrics(States& states, const CurvePlan& plan) {
  if (plan.bins()) {
    const State& holds = reading_that_applies(states, plan.rule().input);
    const Tensor shown = cumulated(holds.tensor(), *plan.bins());
    return states.at(0).assign(shown, shown.is_floating_point() ? at::zeros_like(shown) : Tensor(), {});
  }
  const CurveRule& rule = plan.rule();
  if (states.at(kPreds).rows() == 0) return;
  const Tensor codes = states.at(kTarget).tensor().to(at::kLong);
  Tensor labels = at::where(codes < 0, -1 - codes, codes);
  Tensor probabilities = probabilities_of(states, plan);
  if (rule.task == Task::Multilabel) labels = at::where(labels == kSkipped, rule.ignore_index.value_or(-1), labels);
  if (rule.flattened) {
    probabilities = probabilities.reshape({-1});
    labels = at::one_hot(labels, rule.labels).view({-1});
  }
  states.at(kPreds).assign(probabilities, {}, {});
  states.at(kTarget).assign(labels, {}, {});
}

void complete_from_torchmetrics(States& states, const CurvePlan& plan) {
  const CurveRule& rule = plan.rule();
  if (plan.bins()) {
    const Tensor buckets = differences(states.at(0).tensor(), *plan.bins());
    const auto assign = [&](State& state, const Tensor& value) {
      state.assign(value, value.is_floating_point() ? at::zeros_like(value) : Tensor(), {});
    };
    assign(states.at(0), buckets);
    if (rule.input == ScoreInput::Auto) assign(states.at(1), buckets.clone());
    return;
  }
  check_kept(states.at(kPreds).tensor(), states.at(kTarget).tensor(), rule);
  if (states.at(kTarget).rows() == 0) return;
  Tensor scores = states.at(kPreds).tensor();
  Tensor labels = states.at(kTarget).tensor().to(at::kLong);
  if (rule.flattened) {
    scores = scores.reshape({-1, rule.labels});
    labels = labels.view({-1, rule.labels}).argmax(1);
  }
  if (rule.task == Task::Multilabel) labels = at::where(taken_questions(labels, rule), labels, kSkipped);
  // torchmetrics has decided that these are probabilities, whatever is still to come.
  if (rule.input != ScoreInput::Probabilities) labels = -1 - labels;
  const at::ScalarType type = rule.task == Task::Multiclass ? code_type(rule.labels) : at::kChar;
  states.at(kPreds).assign(scores, {}, {});
  states.at(kTarget).assign(labels.to(type), {}, {});
}

std::string update_key(const CurveRule& rule) {
  const auto text = [](const auto& value) {
    return detail::option_text(Codec<std::remove_cvref_t<decltype(value)>>::write(value));
  };
  std::ostringstream key;
  key << "curve states: task=" << static_cast<int>(rule.task) << ", labels=" << rule.labels
      << ", thresholds=" << text(rule.thresholds) << ", ignore_index=" << text(rule.ignore_index)
      << ", validate_args=" << rule.validate_args << ", input=" << text(rule.input);
  return key.str();
}

}  // namespace metrics::classification::curves
