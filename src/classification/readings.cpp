#include "readings.h"

#include "core/loaded_states.h"
#include "families/numbers.h"
#include "kernels/plain_tensor.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

namespace metrics::classification {
namespace {

// Indices of the states, in the order in which declare_readings adds them.
constexpr std::size_t kFirst = 0;
constexpr std::size_t kLogits = 1;
constexpr std::size_t kOutside = 2;

/// Whether counts can be added to those of a state where they lie.
bool go_together(const State& state, const Tensor& counts) {
  const Tensor& held = state.tensor();
  return !state.grows() && kernels::is_plain(held) && kernels::is_plain(counts) && counts.scalar_type() == at::kLong &&
         held.sizes() == counts.sizes();
}

void add_to(int64_t* held, const Tensor& counts) {
  const int64_t* added = counts.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < counts.numel(); ++i) held[i] = wrapping_sum(held[i], added[i]);
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
  if (go_together(first, counts.probabilities) && go_together(of_logits, counts.logits)) {
    int64_t* const held = first.counts();
    int64_t* const held_of_logits = of_logits.counts();
    int64_t* const held_outside = outside.counts();
    add_to(held, counts.probabilities);
    add_to(held_of_logits, counts.logits);
    if (counts.outside) *held_outside = 1;
    return;
  }
  States::Attempt attempt(states);
  fold(first, counts.probabilities);
  fold(of_logits, counts.logits);
  if (counts.outside) outside.raise(at::ones({}, counts.logits.options()));
  attempt.succeed();
}

const State& reading_that_applies(const States& states, ScoreInput input) {
  const bool logits = input == ScoreInput::Auto && families::count_in(states.at(kOutside).tensor()) != 0;
  return states.at(logits ? kLogits : kFirst);
}

void TwoReadings::show_reading(States& states, ScoreInput input) {
  if (input == ScoreInput::Auto) require_counts(states.at(1));  // that come from the metadata of a state dict
  copy_into(states.at(0), reading_that_applies(states, input));
}

void TwoReadings::complete_readings(States& states, ScoreInput input) {
  if (input == ScoreInput::Auto) copy_into(states.at(1), states.at(0));
}

}  // namespace metrics::classification
