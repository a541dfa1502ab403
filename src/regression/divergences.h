#pragma once

#include "../core/loaded_states.h"
#include "families/formula.h"
#include "families/numbers.h"
#include "families/pairs.h"
#include "rows.h"
#include <metrics/core/define.h>
#include <metrics/regression/divergences.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <sstream>

// The bodies of DivergenceOfRows, for the source of a divergence: what a pair of probabilities and of their logarithms
// gives, `of(x, y)` and `of_logarithms(x, y)`, times `factor`, and the same of the rows of float64 tensors [N, D],
// `of_rows` and `of_rows_of_logarithms`.

namespace metrics {

namespace detail {

inline void check_distributions(const Tensor& p, const Tensor& q) {
  families::pairs::check_pairs(p, q, {"p", "q"});
  if (p.dim() == 2) return;
  std::ostringstream message;
  message << "inputs `p` and `q` [N, D] of two dimensions expected, got shape " << p.sizes();
  throw InvalidArgument(message.str());
}

/// A row of probabilities or of their logarithms (regression/rows.h).
template <class Divergence, bool logarithms>
struct DivergenceOfRow {
  static constexpr std::size_t sums = 1;
  static constexpr bool of_fractions = !logarithms;

  template <class N>
  METRICS_INLINE void terms(N* of, const N& x, const N& y) const {
    of[0] = logarithms ? Divergence::of_logarithms(x, y) : Divergence::of(x, y);
  }
  METRICS_INLINE double value(const std::array<double, 1>& totals) const { return totals[0] * Divergence::factor; }
};

/// Calls f with the kind of row that the options say.
template <class Divergence, class F>
void with_row(bool logarithms, const F& f) {
  logarithms ? f(DivergenceOfRow<Divergence, true>{}) : f(DivergenceOfRow<Divergence, false>{});
}

}  // namespace detail

template <class Divergence>
void DivergenceOfRows<Divergence>::declare(States& states, const Options& options) {
  if (options.reduction == regression::Reduction::None) {
    states.add("measures", Reduction::Cat);
  } else {
    states.add("measures", Reduction::Sum, at::zeros({}, at::kFloat));
  }
  states.add("total", Reduction::Sum, at::zeros({}, at::kLong));
}

template <class Divergence>
void DivergenceOfRows<Divergence>::update(States& states, const Options& options, const Tensor& p, const Tensor& q,
                                          const Weights& weights) {
  detail::check_distributions(p, q);
  const int64_t rows = p.size(0);
  const bool keeps_rows = options.reduction == regression::Reduction::None;
  const at::ScalarType dtype = states.dtype() == at::kDouble ? at::kDouble : at::kFloat;
  State& measures = states["measures"];
  const families::pairs::WeightsOfPairs of_rows(weights, rows);
  const auto append = [&](const Tensor& values) {
    const auto repeated = [&] { return detail::repeated_rows(weights).to(values.device()); };
    measures.append((weights.given() ? values.index_select(0, repeated()) : values).to(dtype));
  };
  if (!families::pairs::has_kernel(p) || families::pairs::carries_gradients(p, q)) {
    const Tensor x = p.to(at::kDouble), y = q.to(at::kDouble);
    const Tensor values = options.log_prob ? Divergence::of_rows_of_logarithms(x, y) : Divergence::of_rows(x, y);
    if (keeps_rows) return append(values);
    families::pairs::CountToAdd total(states, "total", of_rows.total());
    measures.add((weights.given() ? values * of_rows.column().to(values.device()).squeeze(1) : values).sum());
    return total.add();
  }
  if (keeps_rows) {
    // Rows of no probability: 0 divided by 0, and no logarithms.
    Tensor values = at::zeros({rows}, at::kDouble);
    if (p.numel() > 0) {
      const families::pairs::KernelPairs pairs(p, q, p.size(1));
      detail::with_row<Divergence>(options.log_prob, [&](const auto& row) {
        regression::all_row_values(row, pairs.get(), values.mutable_data_ptr<double>());
      });
    }
    return append(values);
  }
  families::pairs::CountToAdd total(states, "total", of_rows.total());
  DoubleDouble sum;
  if (p.numel() > 0) {
    const families::pairs::KernelPairs pairs(p, q, p.size(1), weights);
    detail::with_row<Divergence>(options.log_prob,
                                 [&](const auto& row) { sum = regression::sum_of_row_values(row, pairs.get()); });
  }
  measures.add(sum);
  total.add();
}

template <class Divergence>
RowWeights DivergenceOfRows<Divergence>::taken_weights(const Options& options) {
  return options.reduction == regression::Reduction::None ? RowWeights::Integers : RowWeights::Any;
}

template <class Divergence>
Tensor DivergenceOfRows<Divergence>::finalise(const States& states, const Options& options) {
  const Tensor measures = states["measures"].tensor();
  if (options.reduction == regression::Reduction::Sum) return measures;
  if (options.reduction == regression::Reduction::None)
    return measures.defined() ? measures : at::empty({0}, at::kDouble);
  return families::value_of([](const auto& sum, const auto& total) { return sum / total; }, measures,
                            states["total"].tensor());
}

template <class Divergence>
std::string DivergenceOfRows<Divergence>::update_key(const Options& options) {
  const bool keeps_rows = options.reduction == regression::Reduction::None;
  return std::string(Divergence::family) + "(log_prob=" + (options.log_prob ? "1" : "0") +
         ", keeps_rows=" + std::to_string(static_cast<int>(keeps_rows)) + ")";
}

template <class Divergence>
void DivergenceOfRows<Divergence>::complete_from_torchmetrics(States& states, const Options& options) {
  if (options.reduction != regression::Reduction::None || states["measures"].rows() == 0) return;
  require_floating_rows(states["measures"]);
  if (states["measures"].tensor().dim() == 1) return;
  throw StateMisfit("measures", "expected one number a row");
}

}  // namespace metrics
