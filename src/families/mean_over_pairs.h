#pragma once

#include "families/formula.h"
#include "families/numbers.h"
#include "families/pairs.h"
#include "kernels/pairs/sum_blocks.h"
#include <metrics/core/define.h>
#include <metrics/regression/mean_over_pairs.h>

#include <ATen/core/DimVector.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <array>
#include <limits>
#include <type_traits>

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
kernels::pairs::Summed<DoubleDouble> kernel_sums(const Formula& formula, const kernels::pairs::Pairs& pairs) {
  if constexpr (requires { formula.sums(pairs); }) {
    return formula.sums(pairs);
  } else {
    return kernels::pairs::sums_of(formula, pairs);
  }
}

/// Whether the total of a formula is a sum of its own.
template <class Formula>
concept HasScale = requires(const Formula& formula) {
  formula.scale(0.0, 0.0);
};

/// Whether a formula has terms of some numbers alone.
template <class Formula>
concept HasLeast = requires(const Formula& formula) {
  formula.check_least(0.0, 0.0);
};

/// A formula and its scale, in one pass.
template <class Formula>
struct BothSums {
  static constexpr int64_t sums = 2, maxima = 0, minima = 0;
  static constexpr bool is_long = kernels::pairs::takes_long<Formula>();
  Formula formula;

  template <class N, class Weigh>
  METRICS_INLINE void fold(N* into, int64_t stride, const Weigh& weigh, const N& x, const N& y, const N&,
                           const N&) const {
    into[0] += weigh(formula(x, y));
    into[stride] += weigh(formula.scale(x, y));
  }
};

/// A formula, and the least numbers that it is given. NaN is none of them.
template <class Term>
struct SumAndLeast {
  static constexpr int64_t sums = 1, maxima = 0, minima = 2;
  static constexpr bool is_long = kernels::pairs::takes_long<Term>();
  Term term;

  template <class N, class Weigh>
  METRICS_INLINE void fold(N* into, int64_t stride, const Weigh& weigh, const N& x, const N& y, const N&,
                           const N&) const {
    into[0] += weigh(term(x, y));
    kernels::pairs::lower(into[stride], x);
    kernels::pairs::lower(into[2 * stride], y);
  }
};

/// The sums of `term` of each column, once `formula` has taken the least numbers of all.
template <class Term, class Formula>
kernels::pairs::Summed<DoubleDouble> checked_sums(const Term& term, const Formula& formula,
                                                  const kernels::pairs::Pairs& pairs) {
  kernels::pairs::Summed<DoubleDouble> totals(pairs);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  double least_x = infinity, least_y = infinity;
  kernels::pairs::each_block(SumAndLeast<Term>{term}, pairs, [&](const kernels::pairs::Block& block) {
    totals.add_weights(block);
    for (int64_t column = 0; column < pairs.columns; ++column) {
      DoubleDouble& total = totals.of[static_cast<std::size_t>(column)];
      total = total + block.of(0, column);
      kernels::pairs::lower(least_x, block.of(1, column));
      kernels::pairs::lower(least_y, block.of(2, column));
    }
  });
  formula.check_least(least_x, least_y);
  return totals;
}

/// The least number of a tensor, infinity where it has none.
inline double least_of(const Tensor& numbers) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (numbers.numel() == 0) return infinity;
  const Tensor given = numbers.detach();
  return at::where(given.isnan(), infinity, given).min().item<double>();
}

/// What a batch adds to the sum and to a total that is a sum of its own, in one column.
template <class Formula>
std::array<DoubleDouble, 2> both_sums(const Formula& formula, const kernels::pairs::Pairs& pairs) {
  std::array<DoubleDouble, 2> totals;
  kernels::pairs::each_block(BothSums<Formula>{formula}, pairs, [&](const kernels::pairs::Block& block) {
    totals[0] = totals[0] + block.of(0, 0);
    totals[1] = totals[1] + block.of(1, 0);
  });
  return totals;
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
  const bool one_column = [&] {
    if constexpr (requires { Term::takes_columns_alone; }) return preds.dim() != 1;
    return false;
  }();
  if (columns > 1 || one_column) families::pairs::check_outputs(preds, columns);
  const families::pairs::WeightsOfPairs of_rows(weights, preds.numel() / columns);
  State& sum = states[Term::states.sum];
  const auto formula = detail::formula_of<Term>(options);
  using Formula = std::remove_const_t<decltype(formula)>;
  const bool by_kernel = families::pairs::has_kernel(preds) && !families::pairs::carries_gradients(preds, target);
  const auto summed = [&](const Tensor& terms) {
    return (weights.given() ? terms * of_rows.column().to(terms.device()) : terms).sum(0).reshape(shape);
  };
  if constexpr (detail::HasScale<Formula>) {
    State& total = states[Term::states.total];
    if (by_kernel) {
      const families::pairs::KernelPairs pairs(preds, target, 1, weights);
      const auto sums = detail::both_sums(formula, pairs.get());
      return State::add_all({{sum, sums[0]}, {total, sums[1]}});
    }
    const auto [x, y] = families::pairs::wide_pairs(preds, target, 1);
    States::Attempt attempt(states);
    sum.add(summed(formula(x, y)));
    total.add(summed(formula.scale(x, y)));
    attempt.succeed();
  } else {
    // Whatever can fail of the number does so before the sum is changed.
    const auto add = [&]([[maybe_unused]] const families::pairs::PairCount& count, const auto& add_to_sum) {
      if constexpr (Term::states.total == nullptr) {
        add_to_sum();
      } else {
        families::pairs::CountToAdd number(states, Term::states.total, count);
        add_to_sum();
        number.add();
      }
    };
    if (by_kernel) {
      const families::pairs::KernelPairs pairs(preds, target, columns, weights);
      const auto sums = detail::kernel_sums(formula, pairs.get());
      return add(of_rows.total(sums.count), [&] { families::pairs::add_sums(sum, sums.of, shape); });
    }
    const auto [x, y] = families::pairs::wide_pairs(preds, target, columns);
    if constexpr (detail::HasLeast<Formula>) formula.check_least(detail::least_of(x), detail::least_of(y));
    const Tensor sums = summed(formula(x, y));
    add(of_rows.total(), [&] { sum.add(sums); });
  }
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
