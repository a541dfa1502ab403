#include "loaded_states.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/frac.h>

namespace metrics {

namespace {

std::string rows_in_words(const State& state) {
  return std::to_string(state.rows()) + (state.rows() == 1 ? " row" : " rows");
}

}  // namespace

void require_equal_rows(const States& states, std::initializer_list<std::string_view> names) {
  const State& first = states[*names.begin()];
  for (const std::string_view name : names) {
    const State& state = states[name];
    if (state.rows() == first.rows()) continue;
    throw StateMisfit(state.name(), "has " + rows_in_words(state) + " beside " + rows_in_words(first) + " of `" +
                                        first.name() + "`; they are of the same samples");
  }
}

void require_integer_rows(const State& state) {
  const Tensor rows = state.tensor();
  if (state.rows() == 0 || at::isIntegralType(rows.scalar_type(), /*includeBool=*/true)) return;
  throw StateMisfit(state.name(), std::string("expected integers, got ") + c10::toString(rows.scalar_type()));
}

void require_floating_rows(const State& state) {
  const Tensor rows = state.tensor();
  if (state.rows() == 0 || rows.is_floating_point()) return;
  throw StateMisfit(state.name(), std::string("expected floating numbers, got ") + c10::toString(rows.scalar_type()));
}

void require_sums_of_weights(const State& state) {
  const Tensor sums = state.tensor();
  if (!sums.defined() || sums.numel() == 0) return;
  if ((sums >= 0).logical_and(sums - sums == 0).all().item<bool>())
    return;  // of NaN and infinity the difference is NaN
  throw StateMisfit(state.name(), "holds a number that is no sum of weights: these are finite and not negative");
}

void require_counts(const State& state) {
  if (state.is_weighted()) return require_sums_of_weights(state);
  const Tensor counts = state.tensor();
  if (!counts.defined() || counts.numel() == 0 || counts.scalar_type() == at::kBool) return;
  Tensor possible = counts >= 0;  // NaN is not
  if (counts.is_floating_point()) possible = possible.logical_and(at::frac(counts) == 0);  // of infinity NaN
  if (possible.all().item<bool>()) return;
  throw StateMisfit(state.name(), "holds a number that is no count: counts are whole and not negative");
}

}  // namespace metrics
