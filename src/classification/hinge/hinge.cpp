#include "classification/checks.h"
#include "classification/counts/elements.h"
#include "classification/counts/inputs.h"
#include "classification/readings.h"
#include "classification/row_sums.h"
#include "core/loaded_states.h"
#include "families/numbers.h"
#include "kernels/fastest.h"
#include "kernels/math.h"
#include <metrics/classification/hinge.h>
#include <metrics/core/define.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <mutex>
#include <optional>
#include <vector>

namespace metrics {

namespace classification::hinge {

namespace {

using counts::kernels::Ignored;
using counts::kernels::Wide;
using counts::kernels::widen;

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

/// What was seen among the samples that are not ignored.
struct Seen {
  bool outside = false;  ///< A score outside [0, 1]; NaN is not.
  bool nan = false;
  bool invalid = false;  ///< A target that is no label.

  void fold(const Seen& other) {
    outside |= other.outside;
    nan |= other.nan;
    invalid |= other.invalid;
  }
};

/// The loss of a margin: NaN of NaN.
METRICS_INLINE double loss_of(double margin, bool squared) {
  const double below = 1.0 - margin;
  const double loss = below < 0 ? 0.0 : below;
  return squared ? loss * loss : loss;
}

METRICS_INLINE double sigmoid(double x) {
  return 1.0 / (1.0 + metrics::kernels::exponential(-x));
}

/// Losses under the readings that are asked for.
struct Losses {
  std::optional<RowValues> as_probability, as_logit;
  Seen seen;

  Losses(int64_t rows, int64_t columns, ScoreInput input) {
    if (input != ScoreInput::Logits) as_probability.emplace(rows, columns);
    if (input != ScoreInput::Probabilities) as_logit.emplace(rows, columns);
  }
};

// --- Questions.

template <class E>
METRICS_INLINE Seen take_questions(const E* x, const int64_t* target, int64_t count, Ignored ignored, bool squared,
                                   double* as_probability, double* as_logit, int8_t* taken) {
  int32_t outside = 0, nan = 0, invalid = 0;
  for (int64_t i = 0; i < count; ++i) {
    const auto score = static_cast<double>(x[i]);
    const bool asked = !ignored(target[i]), label = static_cast<uint64_t>(target[i]) <= 1, take = asked & label;
    invalid |= asked & !label;
    nan |= take & (score != score);
    outside |= take & ((score < 0) | (score > 1));
    taken[i] = static_cast<int8_t>(take);
    const double sign = target[i] == 1 ? 1.0 : -1.0;
    if (as_probability != nullptr) as_probability[i] = take ? loss_of(sign * score, squared) : 0.0;
    if (as_logit != nullptr) as_logit[i] = take ? loss_of(sign * sigmoid(score), squared) : 0.0;
  }
  return {outside != 0, nan != 0, invalid != 0};
}

// --- Classes.

/// What is made of a row of scores.
struct Row {
  double greatest;
  double best_other;  ///< The greatest of those that are not the target's.
  bool outside, nan;
};

template <class T>
METRICS_INLINE Row row_of(const T* x, int64_t classes, int64_t target) {
  double greatest = -std::numeric_limits<double>::infinity(), least = std::numeric_limits<double>::infinity();
  double best_other = greatest;
  int32_t nan = 0;
  for (int64_t c = 0; c < classes; ++c) {
    const auto score = static_cast<double>(x[c]);
    greatest = score > greatest ? score : greatest;
    least = score < least ? score : least;
    best_other = ((c != target) & (score > best_other)) ? score : best_other;
    nan |= score != score;
  }
  return {greatest, best_other, least < 0 || greatest > 1, nan != 0};
}

/// exp(x - greatest), 1 for the greatest even if it is infinite.
METRICS_INLINE double power_of(double x, double greatest) {
  return x == greatest ? 1.0 : metrics::kernels::exponential(x - greatest);
}

template <class T>
METRICS_INLINE double sum_of_powers(const T* x, int64_t classes, double greatest) {
  double sum = 0;
  for (int64_t c = 0; c < classes; ++c) sum += power_of(static_cast<double>(x[c]), greatest);
  return sum;
}

struct ClassRule {
  int64_t classes;
  bool squared, one_vs_all;
  Ignored ignored;
};

template <class T>
METRICS_INLINE void take_row(const T* x, int64_t target, const ClassRule& rule, const Row& row, double* as_probability,
                             double* as_logit) {
  const int64_t classes = rule.classes;
  const double sum = as_logit != nullptr ? sum_of_powers(x, classes, row.greatest) : 1.0;
  const auto softmax = [&](double score) { return power_of(score, row.greatest) / sum; };
  if (!rule.one_vs_all) {
    const auto own = static_cast<double>(x[target]);
    if (as_probability != nullptr)
      *as_probability = row.nan ? kNotANumber : loss_of(own - row.best_other, rule.squared);
    if (as_logit != nullptr) {
      *as_logit = row.nan ? kNotANumber : loss_of(softmax(own) - softmax(row.best_other), rule.squared);
    }
    return;
  }
  for (int64_t c = 0; c < classes; ++c) {
    const auto score = static_cast<double>(x[c]);
    const double sign = c == target ? 1.0 : -1.0;
    if (as_probability != nullptr) as_probability[c] = loss_of(sign * score, rule.squared);
    if (as_logit != nullptr) as_logit[c] = row.nan ? kNotANumber : loss_of(sign * softmax(score), rule.squared);
  }
}

template <class E>
METRICS_INLINE Seen take_rows(const E* x, const int64_t* target, int64_t begin, int64_t end, const ClassRule& rule,
                              Losses& losses, Wide<E>* buffer) {
  Seen seen;
  const int64_t columns = rule.one_vs_all ? rule.classes : 1;
  const auto place = [columns](std::optional<RowValues>& rows, int64_t row) {
    return rows ? rows->values.data() + row * columns : nullptr;
  };
  for (int64_t r = begin; r < end; ++r) {
    if (rule.ignored(target[r])) continue;
    if (static_cast<uint64_t>(target[r]) >= static_cast<uint64_t>(rule.classes)) {
      seen.invalid = true;
      continue;
    }
    const Wide<E>* scores = widen(x + r * rule.classes, rule.classes, buffer);
    const Row row = row_of(scores, rule.classes, target[r]);
    seen.outside |= row.outside;
    seen.nan |= row.nan;
    for (std::optional<RowValues>* rows : {&losses.as_probability, &losses.as_logit}) {
      if (*rows) (*rows)->taken[static_cast<std::size_t>(r)] = 1;
    }
    take_row(scores, target[r], rule, row, place(losses.as_probability, r), place(losses.as_logit, r));
  }
  return seen;
}

/// Memory that can be read: neither to be negated on reading, nor a zero tensor, which has none.
Tensor readable(const Tensor& tensor) {
  return (tensor.is_neg() || tensor._is_zerotensor() ? tensor.clone() : tensor).contiguous();
}

Losses losses_of(const BinaryHingeLossOptions& o, const Tensor& preds, const Tensor& target) {
  Losses losses(preds.numel(), 1, o.input);
  const Tensor scores = readable(preds), labels = readable(target.to(at::kLong));
  const auto* targets = labels.const_data_ptr<int64_t>();
  const Ignored ignored(o.ignore_index);
  std::mutex folding;
  const auto place = [](std::optional<RowValues>& rows, int64_t begin) {
    return rows ? rows->values.data() + begin : nullptr;
  };
  auto& taken = (losses.as_probability ? losses.as_probability : losses.as_logit)->taken;
  metrics::kernels::with_element(
      scores.const_data_ptr(), metrics::kernels::element_of(scores.scalar_type()), [&]<class E>(const E* x) {
        metrics::kernels::parallel(scores.numel(), 1, [&](int64_t begin, int64_t end) {
          constexpr int64_t block = 512;
          std::array<Wide<E>, block> buffer;
          Seen seen;
          metrics::kernels::fastest([&]() METRICS_INLINED {
            for (int64_t i = begin; i < end; i += block) {
              const int64_t count = std::min(block, end - i);
              seen.fold(take_questions(widen(x + i, count, buffer.data()), targets + i, count, ignored, o.squared,
                                       place(losses.as_probability, i), place(losses.as_logit, i), taken.data() + i));
            }
          });
          const std::lock_guard lock(folding);
          losses.seen.fold(seen);
        });
      });
  if (losses.as_probability && losses.as_logit) losses.as_logit->taken = losses.as_probability->taken;
  return losses;
}

bool is_one_vs_all(const auto& options) {
  if constexpr (requires { options.multiclass_mode; }) return options.multiclass_mode == MulticlassMode::OneVsAll;
  return false;
}

/// Scores [N, C, ...] as rows [rows, C].
Tensor rows_of(const Tensor& preds) {
  return preds.dim() == 2 ? preds : preds.movedim(1, -1).reshape({-1, preds.size(1)});
}

Losses losses_of(const MulticlassHingeLossOptions& o, const Tensor& preds, const Tensor& target) {
  const ClassRule rule{o.num_classes, o.squared, is_one_vs_all(o), Ignored(o.ignore_index)};
  const Tensor scores = readable(rows_of(preds)), labels = readable(target.to(at::kLong));
  Losses losses(labels.numel(), rule.one_vs_all ? rule.classes : 1, o.input);
  std::mutex folding;
  metrics::kernels::with_element(
      scores.const_data_ptr(), metrics::kernels::element_of(scores.scalar_type()), [&]<class E>(const E* x) {
        metrics::kernels::parallel(labels.numel(), rule.classes, [&](int64_t begin, int64_t end) {
          std::vector<Wide<E>> buffer(static_cast<std::size_t>(counts::kernels::is_wide<E> ? 0 : rule.classes));
          Seen seen;
          metrics::kernels::fastest([&]() METRICS_INLINED {
            seen = take_rows(x, labels.const_data_ptr<int64_t>(), begin, end, rule, losses, buffer.data());
          });
          const std::lock_guard lock(folding);
          losses.seen.fold(seen);
        });
      });
  return losses;
}

// --- The same in tensor operations, for gradients and other devices.

struct PlainLosses {
  Tensor as_probability, as_logit;  ///< [rows, columns], float64, of rows that are taken.
  Tensor taken;                     ///< The indices of these.
  Seen seen;
};

Tensor plain_loss_of(const Tensor& margin, bool squared) {
  const Tensor loss = (1 - margin).clamp_min(0);
  return squared ? loss * loss : loss;
}

Seen seen_in(const Tensor& scores, const Tensor& asked, const Tensor& label, const Tensor& taken) {
  const Tensor given = scores.detach();
  return {((given < 0).logical_or(given > 1)).logical_and(taken).any().item<bool>(),
          (given != given).logical_and(taken).any().item<bool>(),
          asked.logical_and(label.logical_not()).any().item<bool>()};
}

Tensor asked_of(const Tensor& target, const std::optional<int64_t>& ignore_index) {
  return ignore_index ? target != *ignore_index : at::ones_like(target, at::kBool);
}

PlainLosses plain_losses_of(const BinaryHingeLossOptions& o, const Tensor& preds, const Tensor& target) {
  const Tensor scores = preds.reshape({-1}).to(at::kDouble), labels = target.reshape({-1}).to(at::kLong);
  const Tensor asked = asked_of(labels, o.ignore_index), label = (labels == 0).logical_or(labels == 1);
  const Tensor taken = asked.logical_and(label);
  PlainLosses losses{{}, {}, taken.nonzero().view({-1}), seen_in(scores, asked, label, taken)};
  const Tensor of_taken = scores.index_select(0, losses.taken);
  const Tensor sign = labels.index_select(0, losses.taken) * 2 - 1;
  losses.as_probability = plain_loss_of(sign * of_taken, o.squared).unsqueeze(1);
  losses.as_logit = plain_loss_of(sign * at::sigmoid(of_taken), o.squared).unsqueeze(1);
  return losses;
}

PlainLosses plain_losses_of(const MulticlassHingeLossOptions& o, const Tensor& preds, const Tensor& target) {
  const Tensor scores = rows_of(preds).to(at::kDouble), labels = target.reshape({-1}).to(at::kLong);
  const Tensor asked = asked_of(labels, o.ignore_index);
  const Tensor label = (labels >= 0).logical_and(labels < static_cast<int64_t>(o.num_classes));
  const Tensor taken = asked.logical_and(label);
  PlainLosses losses{{}, {}, taken.nonzero().view({-1}), seen_in(scores, asked, label, taken.unsqueeze(1))};
  const Tensor of_taken = scores.index_select(0, losses.taken);
  const Tensor is_target = at::one_hot(labels.index_select(0, losses.taken), o.num_classes).to(at::kBool);
  const auto losses_by = [&](const Tensor& values) {
    if (is_one_vs_all(o)) return plain_loss_of(at::where(is_target, values, -values), o.squared);
    const Tensor own = values.masked_select(is_target);
    const Tensor others = values.masked_fill(is_target, -std::numeric_limits<double>::infinity());
    const Tensor best = of_taken.size(0) == 0 ? own : std::get<0>(others.max(1));
    return plain_loss_of(own - best, o.squared).unsqueeze(1);
  };
  losses.as_probability = losses_by(of_taken);
  losses.as_logit = losses_by(at::softmax(of_taken, 1));
  return losses;
}

/// What rows weigh, each of those taken: float64 [rows, 1].
Tensor weights_of(const Tensor& taken, int64_t rows, const Weights& weights) {
  const int64_t positions = weights.rows() == 0 ? 1 : std::max<int64_t>(1, rows / weights.rows());
  const Tensor index = taken.to(at::kCPU).div(positions, "floor");
  return weights.tensor().to(at::kDouble).index_select(0, index).unsqueeze(1).to(taken.device());
}

// --- Checks and states.

void require_scores(const Tensor& preds) {
  if (!preds.is_floating_point())
    throw InvalidArgument(c10::str("preds: expected floating scores, got ", preds.scalar_type()));
}

void check_inputs(const BinaryHingeLossOptions& o, const Tensor& preds, const Tensor& target) {
  counts::check_binary(preds, target, {0.5, o.ignore_index, o.validate_args});
  require_scores(preds);
}
void check_inputs(const MulticlassHingeLossOptions& o, const Tensor& preds, const Tensor& target) {
  const auto shape = counts::checked_classes(
      preds, target, {.num_classes = o.num_classes, .ignore_index = o.ignore_index, .validate = o.validate_args});
  if (!shape.scores) {
    throw InvalidArgument(c10::str("preds: expected scores [N, ", static_cast<int64_t>(o.num_classes),
                                   ", ...] for target ", target.sizes(), ", got ", preds.sizes()));
  }
  require_scores(preds);
}

void refuse_seen(const BinaryHingeLossOptions& o, const Seen& seen, const Tensor& preds, const Tensor& target) {
  if (o.validate_args && (seen.invalid || seen.nan)) {
    counts::throw_bad_label(preds, target, counts::ThresholdRule{0.5, o.ignore_index, true});
  }
}
void refuse_seen(const MulticlassHingeLossOptions& o, const Seen& seen, const Tensor& preds, const Tensor& target) {
  if (!o.validate_args) return;
  const counts::ClassRule rule{.num_classes = o.num_classes, .ignore_index = o.ignore_index};
  if (seen.invalid) counts::throw_bad_label(preds, target, rule);
  if (seen.nan) counts::refuse_nan(preds, target, rule);
}

/// Calls `add` for the state of each reading that is asked for, with whether its losses are those of logits.
template <class Add>
void each_reading(States& states, ScoreInput input, bool outside, const Add& add) {
  if (input != ScoreInput::Auto) return add(states.at(0), input == ScoreInput::Logits);
  // Once a score outside [0, 1] is seen, nobody asks for the losses of probabilities any more.
  if (!outside) add(states.at(0), false);
  add(states.at(1), true);
  if (outside) states.at(2).raise(at::ones({}, states.at(2).tensor().options()));
}

/// Under torchmetrics' name stands the sum that applies, because of sums that a state dict rounds it keeps what they
/// lack for that one alone.
void keep_what_applies(States& states, ScoreInput input) {
  if (input != ScoreInput::Auto || families::count_in(states.at(2).tensor()) == 0) return;
  const State& of_logits = states.at(1);
  states.at(0).assign(of_logits.tensor().clone(), of_logits.residual().clone(), {});
}

void add_losses(States& states, ScoreInput input, const Losses& losses, const Weights& weights) {
  each_reading(states, input, losses.seen.outside, [&](State& state, bool of_logits) {
    state.add(sums_of(of_logits ? *losses.as_logit : *losses.as_probability, weights));
  });
}

void add_losses(States& states, ScoreInput input, const PlainLosses& losses, int64_t samples, const Weights& weights) {
  each_reading(states, input, losses.seen.outside, [&](State& state, bool of_logits) {
    const Tensor& each = of_logits ? losses.as_logit : losses.as_probability;
    const Tensor terms = weights.given() ? each * weights_of(losses.taken, samples, weights) : each;
    state.add(terms.sum(0).reshape(state.tensor().sizes()));
  });
}

}  // namespace
}  // namespace classification::hinge

using namespace classification;
using namespace classification::hinge;

template <class O, class Defaults>
void HingeLosses<O, Defaults>::check(const O& o) {
  if constexpr (requires { o.num_classes; }) check_at_least("num_classes", o.num_classes, o.validate_args ? 2 : 1);
}

template <class O, class Defaults>
void HingeLosses<O, Defaults>::declare(States& states, const O& o) {
  std::vector<int64_t> shape;
  if constexpr (requires { o.num_classes; }) {
    if (is_one_vs_all(o)) shape.push_back(o.num_classes);
  }
  declare_readings(states, {"measures"}, Reduction::Sum, at::zeros(shape, at::kFloat), o.input);
  states.add("total", Reduction::Sum, at::zeros({}, at::kLong));
}

template <class O, class Defaults>
void HingeLosses<O, Defaults>::update(States& states, const O& o, const Tensor& preds, const Tensor& target,
                                      const Weights& weights) {
  check_inputs(o, preds, target);
  if (families::pairs::has_kernel(preds) && !families::pairs::carries_gradients(preds, target)) {
    const Losses losses = losses_of(o, preds, target);
    refuse_seen(o, losses.seen, preds, target);
    add_losses(states, o.input, losses, weights);
    keep_what_applies(states, o.input);
    const auto& rows = losses.as_logit ? *losses.as_logit : *losses.as_probability;
    return families::pairs::CountToAdd(states, "total", number_of(rows.taken, weights)).add();
  }
  const PlainLosses losses = plain_losses_of(o, preds, target);
  refuse_seen(o, losses.seen, preds, target);
  add_losses(states, o.input, losses, target.numel(), weights);
  keep_what_applies(states, o.input);
  std::vector<int8_t> taken(static_cast<std::size_t>(target.numel()));
  const Tensor indices = losses.taken.to(at::kCPU);
  for (int64_t i = 0; i < indices.numel(); ++i) {
    taken[static_cast<std::size_t>(indices.const_data_ptr<int64_t>()[i])] = 1;
  }
  families::pairs::CountToAdd(states, "total", number_of(taken, weights)).add();
}

template <class O, class Defaults>
Tensor HingeLosses<O, Defaults>::finalise(const States& states, const O& o) {
  const auto mean = [](const auto& sum, const auto& total) { return sum / total; };
  return families::value_of(mean, reading_that_applies(states, o.input).tensor(), states["total"].tensor());
}

template <class O, class Defaults>
void HingeLosses<O, Defaults>::complete_from_torchmetrics(States& states, const O& o) {
  require_counts(states["total"]);
  TwoReadings::complete_from_torchmetrics(states, o);
}

template <class O, class Defaults>
std::string HingeLosses<O, Defaults>::update_key(const O& o) {
  return "hinge losses: " + describe_options(o);
}

METRICS_DEFINE_CLASS(BinaryHingeLoss);
METRICS_DEFINE_CLASS(MulticlassHingeLoss);

}  // namespace metrics
