#pragma once

#include "families/formula.h"
#include "families/numbers.h"
#include "families/pairs.h"
#include "kernels/pairs/sum_blocks.h"
#include <metrics/core/define.h>
#include <metrics/regression/mean_over_pairs.h>

#include <ATen/core/DimVector.h>
#include <ATen/ops/zeros.h>

#include <optional>

// The bodies of MeanOverPairs, for the source of a term.

namespace metrics {

namespace detail {

/// How many columns have a sum each; nothing where there is one sum, a scalar.
template <class Options>
at::DimVector columns_of(const Options& options) {
  if constexpr (requires { options.num_outputs; }) {
    return {options.num_outputs};
  } else {
    return {};
  }
}

/// The formula of a term, with the numbers that the options give it, where it has any.
template <class Term>
auto formula_of([[maybe_unused]] const typename Term::Options& options) {
  if constexpr (requires { Term::formula(options); }) {
    return Term::formula(options);
  } else {
    return typename Term::Formula{};
  }
}

/// The sums of a formula of each column; one that knows something faster than itself for its numbers sums itself.
template <class Formula>
kernels::pairs::ByColumn<DoubleDouble> kernel_sums(const Formula& formula, const kernels::pairs::Pairs& pairs) {
  if constexpr (requires { formula.sums(pairs); }) {
    return formula.sums(pairs);
  } else {
    return kernels::pairs::sums_of(formula, pairs);
  }
}

}  // namespace detail

template <class Term>
void MeanOverPairs<Term>::check(const Options& options) {
  if constexpr (requires { options.num_outputs; }) families::pairs::check_num_outputs(options.num_outputs);
  if constexpr (requires { Term::check(options); }) Term::check(options);
}

template <class Term>
void MeanOverPairs<Term>::declare(States& states, const Options& options) {
  states.add(Term::states.sum, Reduction::Sum, at::zeros(detail::columns_of(options), at::kFloat));
  if constexpr (Term::states.total != nullptr) {
    states.add(Term::states.total, Reduction::Sum, at::zeros({}, Term::states.total_dtype));
  }
}

template <class Term>
void MeanOverPairs<Term>::update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                                 const Weights& weights) {
  const at::DimVector shape = detail::columns_of(options);
  const int64_t columns = shape.empty() ? 1 : shape.front();
  families::pairs::check_pairs(preds, target, inputs);
  if (columns > 1) families::pairs::check_outputs(preds, columns);
  // Whatever can fail of the number does so before the sum is changed.
  std::optional<families::pairs::CountToAdd> number;
  const families::pairs::WeightsOfPairs of_rows(weights, preds.numel() / columns);
  if constexpr (Term::states.total != nullptr) number.emplace(states, Term::states.total, of_rows.total());
  State& sum = states[Term::states.sum];
  const auto formula = detail::formula_of<Term>(options);
  if (families::pairs::has_kernel(preds) && !families::pairs::carries_gradients(preds, target)) {
    const families::pairs::KernelPairs pairs(preds, target, columns);
    families::pairs::add_sums(sum,
                              weights.given() ? kernels::pairs::weighted_sums_of(formula, pairs.get(), of_rows.each())
                                              : detail::kernel_sums(formula, pairs.get()),
                              shape);
  } else {
    const auto [x, y] = families::pairs::wide_pairs(preds, target, columns);
    const Tensor terms = formula(x, y);
    sum.add((weights.given() ? terms * of_rows.column().to(terms.device()) : terms).sum(0).reshape(shape));
  }
  if (number) number->add();
}

template <class Term>
Tensor MeanOverPairs<Term>::finalise(const States& states, [[maybe_unused]] const Options& options) {
  using Formula = typename Term::Formula;
  const Tensor sum = states[Term::states.sum].tensor();
  if constexpr (Term::states.total == nullptr) {
    const auto value = [&](const auto& s) { return Formula::value(s, options); };
    return families::pairs::of_outputs(families::value_of(value, sum));
  } else {
    const auto value = [&](const auto& s, const auto& total) {
      if constexpr (requires { Formula::value(s, total, options); }) {
        return Formula::value(s, total, options);
      } else {
        return s / total;
      }
    };
    return families::pairs::of_outputs(families::value_of(value, sum, states[Term::states.total].tensor()));
  }
}

}  // namespace metrics
