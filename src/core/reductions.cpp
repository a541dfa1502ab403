#include "reductions.h"

#include <ATen/TensorOperators.h>

#include <array>
#include <cstddef>

namespace metrics {

/// How two states become one, by what only `State` can do.
struct State::Merges {
  static void sums(State& into, const State& from, int64_t, int64_t) { into.merge_sum(from); }
  static void means(State& into, const State& from, int64_t updates, int64_t updates_of_from) {
    into.merge_mean(from, updates, updates_of_from);
  }
  static void minima(State& into, const State& from, int64_t, int64_t) { into.lower(from.value_); }
  static void maxima(State& into, const State& from, int64_t, int64_t) { into.raise(from.value_); }
  static void rows(State& into, const State& from, int64_t, int64_t) { into.merge_rows(from); }
  static void by_the_metric(State&, const State&, int64_t, int64_t) {}

  static const std::array<ReductionRules, 7> rules;
};

namespace {

Tensor as_given(const Tensor& initial) {
  return initial;
}

Tensor in_float64(const Tensor& initial) {
  return initial.to(at::kDouble);
}

Tensor in_widest(const Tensor& initial) {
  if (initial.is_complex()) return initial;
  return initial.to(initial.is_floating_point() ? at::kDouble : at::kLong);
}

bool any(const Tensor&, const Tensor&) {
  return true;
}

/// Sums of integers that begin at 0 are counts, of weighted rows, too.
bool floating_or_counts(const Tensor& value, const Tensor& initial) {
  if (initial.is_floating_point() || initial.min().item<int64_t>() < 0) return true;
  return (value >= 0).all().item<bool>();
}

bool not_above(const Tensor& value, const Tensor& initial) {
  return !(value > initial).any().item<bool>();
}

bool not_below(const Tensor& value, const Tensor& initial) {
  return !(value < initial).any().item<bool>();
}

}  // namespace

constinit const std::array<ReductionRules, 7> State::Merges::rules{{
    {.reduction = Reduction::Sum,
     .name = "sum",
     .fold = "add",
     .grows = false,
     .compensated = true,
     .weighted = UnderWeights::Scaled,
     .kept_form = in_widest,
     .merge = sums,
     .large = LargeForm::Added,
     .in_file = FileForm::RoundedTensor,
     .can_hold = floating_or_counts},
    {.reduction = Reduction::Mean,
     .name = "mean",
     .fold = "average",
     .grows = false,
     .compensated = false,
     .weighted = UnderWeights::Unknown,
     .kept_form = in_float64,
     .merge = means,
     .large = LargeForm::InSlices,
     .in_file = FileForm::RoundedTensor,
     .can_hold = any},
    {.reduction = Reduction::Min,
     .name = "min",
     .fold = "lower",
     .grows = false,
     .compensated = false,
     .weighted = UnderWeights::Same,
     .kept_form = as_given,
     .merge = minima,
     .large = LargeForm::Least,
     .in_file = FileForm::RoundedTensor,
     .can_hold = not_above},
    {.reduction = Reduction::Max,
     .name = "max",
     .fold = "raise",
     .grows = false,
     .compensated = false,
     .weighted = UnderWeights::Same,
     .kept_form = as_given,
     .merge = maxima,
     .large = LargeForm::Greatest,
     .in_file = FileForm::RoundedTensor,
     .can_hold = not_below},
    {.reduction = Reduction::Cat,
     .name = "cat",
     .fold = "append",
     .grows = true,
     .compensated = false,
     .weighted = UnderWeights::Unknown,
     .kept_form = as_given,
     .merge = rows,
     .large = LargeForm::None,
     .in_file = FileForm::Rows,
     .can_hold = any},
    {.reduction = Reduction::List,
     .name = "list",
     .fold = "append_item",
     .grows = true,
     .compensated = false,
     .weighted = UnderWeights::Unknown,
     .kept_form = as_given,
     .merge = rows,
     .large = LargeForm::None,
     .in_file = FileForm::Items,
     .can_hold = any},
    {.reduction = Reduction::Own,
     .name = "own",
     .fold = "set",
     .grows = false,
     .compensated = false,
     .weighted = UnderWeights::Unknown,
     .kept_form = as_given,
     .merge = by_the_metric,
     .large = LargeForm::None,
     .in_file = FileForm::Tensor,
     .can_hold = any},
}};

const ReductionRules& rules_of(Reduction reduction) {
  return State::Merges::rules[static_cast<std::size_t>(reduction)];
}

std::string_view to_string(Reduction reduction) {
  return rules_of(reduction).name;
}

}  // namespace metrics
