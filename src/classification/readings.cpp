#include "readings.h"

#include "core/loaded_states.h"
#include "families/numbers.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <array>

namespace metrics::classification {
namespace {

// Indices of the states, in the order in which declare_readings adds them.
constexpr std::size_t kFirst = 0;
constexpr std::size_t kLogits = 1;
constexpr std::size_t kOutside = 2;

// Rows of counts [4, L] in the order of a label's matrix.
constexpr std::array kInMatrix{counts::TrueNegative, counts::FalsePositive, counts::FalseNegative,
                               counts::TruePositive};

void add_to(int64_t* held, const int64_t* added, int64_t size, CellLayout layout) {
  if (layout == CellLayout::Rows) {
    for (int64_t i = 0; i < size; ++i) held[i] = wrapping_sum(held[i], added[i]);
    return;
  }
  const int64_t labels = size / counts::kCells;
  for (int64_t label = 0; label < labels; ++label) {
    for (const int64_t row : kInMatrix) {
      *held = wrapping_sum(*held, added[row * labels + label]);
      ++held;
    }
  }
}

// Counts [4, L] as `shape` has them, [L, 2, 2] or [2, 2].
Tensor as_matrices(const Tensor& counts, at::IntArrayRef shape) {
  std::vector<Tensor> cells;
  for (const int64_t row : kInMatrix) cells.push_back(counts[row]);
  return at::stack(cells, 1).reshape(shape);
}

void copy_into(State& into, const State& from) {
  const auto copied = [](const Tensor& numbers) { return numbers.defined() ? numbers.clone() : numbers; };
  if (&into != &from) into.assign(copied(from.tensor()), copied(from.residual()), {});
}

void fold(State& state, const Tensor& counts) {
  if (state.grows()) {
    state.append(counts);
  } else {
    state.add(counts);
  }
}

}  // namespace

void declare_readings(States& states, const std::vector<std::string>& names, Reduction reduction, const Tensor& initial,
                      ScoreInput input) {
  states.add(names, reduction, initial);
  if (input != ScoreInput::Auto) return;
  std::vector<std::string> of_logits;
  for (const auto& name : names) of_logits.push_back("_logit_" + name);
  states.add(of_logits, reduction, initial.defined() ? initial.clone() : initial);
  states.add("_outside", Reduction::Max, at::zeros({}, at::kLong));
}

void fold_readings(States& states, ScoreInput input, const counts::ThresholdCounts& counts) {
  State& first = states.at(kFirst);
  if (input != ScoreInput::Auto) return fold(first, input == ScoreInput::Logits ? counts.logits : counts.probabilities);
  State &of_logits = states.at(kLogits), &outside = states.at(kOutside);
  States::Attempt attempt(states);
  fold(first, counts.probabilities);
  fold(of_logits, counts.logits);
  if (counts.outside) outside.raise(at::ones({}, counts.logits.options()));
  attempt.succeed();
}

void fold_readings(States& states, ScoreInput input, const counts::ThresholdNumbers& counts, CellLayout layout) {
  int64_t* const held = states.at(kFirst).counts();
  if (input != ScoreInput::Auto) {
    return add_to(held, input == ScoreInput::Logits ? counts.logits : counts.probabilities, counts.size, layout);
  }
  int64_t* const held_of_logits = states.at(kLogits).counts();
  int64_t* const held_outside = states.at(kOutside).counts();
  add_to(held, counts.probabilities, counts.size, layout);
  add_to(held_of_logits, counts.logits, counts.size, layout);
  if (counts.outside) *held_outside = 1;
}

void count_readings(States& states, ScoreInput input, const Tensor& preds, const Tensor& target,
                    std::optional<int64_t> num_labels, const counts::ThresholdRule& rule, CellLayout layout) {
  if (counts::on_cpu(preds, target)) {
    return counts::take_threshold_counts(preds, target, num_labels, rule, [&](const counts::ThresholdNumbers& numbers) {
      fold_readings(states, input, numbers, layout);
    });
  }
  auto counts = num_labels ? counts::multilabel_counts(preds, target, *num_labels, rule)
                           : counts::binary_counts(preds, target, rule);
  if (layout == CellLayout::Matrices) {
    const at::IntArrayRef shape = states.at(kFirst).tensor().sizes();
    counts.probabilities = as_matrices(counts.probabilities, shape);
    counts.logits = as_matrices(counts.logits, shape);
  }
  fold_readings(states, input, counts);
}

const State& reading_that_applies(const States& states, ScoreInput input) {
  const bool logits = input == ScoreInput::Auto && families::count_in(states.at(kOutside).tensor()) != 0;
  return states.at(logits ? kLogits : kFirst);
}

void TwoReadings::show_reading(States& states, ScoreInput input) {
  // Those that come from the metadata of a state dict; sums may be any numbers.
  if (input == ScoreInput::Auto && states.at(1).is_count()) require_counts(states.at(1));
  copy_into(states.at(0), reading_that_applies(states, input));
}

void TwoReadings::complete_readings(States& states, ScoreInput input) {
  if (input == ScoreInput::Auto) copy_into(states.at(1), states.at(0));
}

}  // namespace metrics::classification
