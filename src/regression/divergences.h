#pragma once

#include "../core/loaded_states.h"
#include "families/formula.h"
#include "families/numbers.h"
#include "families/pairs.h"
#include "rows.h"
#include <metrics/core/define.h>
#include <metrics/regression/divergences.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <sstream>

// The bodies of DivergenceOfRows, for the source of a divergence: of rows of probabilities and of their logarithms,
// `of(x, y, columns)` and `of_logarithms(x, y, columns)` of numbers, and the same of float64 tensors [N, D].

namespace metrics {

namespace detail {

inline void check_distributions(const Tensor& p, const Tensor& q) {
  families::pairs::check_pairs(p, q, {"p", "q"});
  if (p.dim() == 2) return;
  std::ostringstream message;
  message << "inputs `p` and `q` [N, D] of two dimensions expected, got shape " << p.sizes();
  throw InvalidArgument(message.str());
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
void DivergenceOfRows<Divergence>::update(States& states, const Options& options, const Tensor& p, const Tensor& q) {
  detail::check_distributions(p, q);
  const int64_t rows = p.size(0);
  const bool keeps_rows = options.reduction == regression::Reduction::None;
  const at::ScalarType dtype = states.dtype() == at::kDouble ? at::kDouble : at::kFloat;
  State& measures = states["measures"];
  if (!families::pairs::has_kernel(p) || families::pairs::carries_gradients(p, q)) {
    const Tensor x = p.to(at::kDouble), y = q.to(at::kDouble);
    const Tensor values = options.log_prob ? Divergence::of_logarithms(x, y) : Divergence::of(x, y);
    if (keeps_rows) return measures.append(values.to(dtype));
    families::pairs::CountToAdd total(states, "total", rows);
    measures.add(values.sum());
    return total.add();
  }
  std::vector<double> values;
  if (p.numel() > 0) {
    const families::pairs::KernelPairs pairs(p, q, p.size(1));
    const auto row = [log_prob = options.log_prob](const auto* x, const auto* y, int64_t columns) METRICS_INLINED {
      return log_prob ? Divergence::of_logarithms(x, y, columns) : Divergence::of(x, y, columns);
    };
    values = regression::row_values(row, pairs.get());
  } else {
    // Rows of no probability: 0 divided by 0, and no logarithms.
    values.assign(static_cast<std::size_t>(rows), 0.0);
  }
  if (keeps_rows) return measures.append(at::tensor(values, at::kDouble).to(dtype));
  families::pairs::CountToAdd total(states, "total", rows);
  measures.add(regression::sum_in_double_double(values));
  total.add();
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
