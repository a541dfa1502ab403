#include "../paired/exact_products.h"
#include "../paired/inputs.h"
#include <metrics/core/define.h>
#include <metrics/core/warning.h>
#include <metrics/regression/r2.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <limits>
#include <sstream>

namespace metrics {

namespace {

// Σ y² - (Σ y)² / n has no digit left below this share of Σ y², whatever the number of sums: the targets are equal.
constexpr double rounding_of_sums = 1e-24;

/// The targets' Σ (y - mean)² of each column, from sums in double-double.
Tensor squared_deviations(const State& sum, const State& sum_of_squares, double n) {
  using paired::difference, paired::product, paired::quotient;
  const auto exact = [](const State& state) {
    return std::pair(state.tensor().detach().to(at::kCPU).contiguous(), state.residual().to(at::kCPU).contiguous());
  };
  const auto [sums, sums_low] = exact(sum);
  const auto [squares, squares_low] = exact(sum_of_squares);
  Tensor deviations = at::empty(sums.sizes(), at::kDouble);
  for (int64_t column = 0; column < sums.numel(); ++column) {
    const auto of = [column](const Tensor& values) { return values.const_data_ptr<double>()[column]; };
    const DoubleDouble total{of(sums), of(sums_low)};
    const DoubleDouble total_of_squares{of(squares), of(squares_low)};
    const double rest = difference(total_of_squares, quotient(product(total, total), n)).value();
    const bool equal = rest <= rounding_of_sums * total_of_squares.high;
    deviations.mutable_data_ptr<double>()[column] = equal ? 0 : rest;
  }
  return deviations.to(sum.tensor().device());
}

/// `value`, with the derivative of `formula`, which would give the same without rounding.
Tensor with_gradient_of(const Tensor& value, const Tensor& formula) {
  return formula.requires_grad() ? value + (formula - formula.detach()) : value;
}

/// 1 - errors / deviations; where targets do not deviate, 1 without errors and else 0.
Tensor scores(const Tensor& errors, const Tensor& deviations) {
  const Tensor equal = deviations == 0;
  // What is masked must not be divided by 0 either: its derivative would be NaN for all.
  const Tensor score = 1 - errors / at::where(equal, 1.0, deviations);
  return at::where(equal, (errors == 0).to(at::kDouble), score);
}

Tensor averaged(const Tensor& scores, const Tensor& deviations, MultiOutput multioutput) {
  switch (multioutput) {
    case MultiOutput::RawValues:
      return scores;
    case MultiOutput::UniformAverage:
      return scores.mean();
    case MultiOutput::VarianceWeighted:
      return (deviations / deviations.sum() * scores).sum();
  }
  return scores;
}

Tensor adjusted(const Tensor& score, int64_t regressors, int64_t n) {
  if (regressors == 0) return score;
  if (regressors >= n - 1) {
    warn("R2Score: adjusted=" + std::to_string(regressors) + " for " + std::to_string(n) +
         " samples leaves no degree of freedom: the score is not adjusted");
    return score;
  }
  return 1 - (1 - score) * (static_cast<double>(n - 1) / static_cast<double>(n - regressors - 1));
}

void check_columns(const States& states, const Tensor& preds) {
  const Tensor held = states["sum_error"].tensor();
  if (*states["total"].tensor().to(at::kCPU).const_data_ptr<int64_t>() == 0) return;
  if (held.sizes() == preds.sizes().slice(1)) return;
  std::ostringstream message;
  message << "R2Score: inputs of shape " << preds.sizes() << " after inputs of shape [N";
  if (held.dim() == 1) message << ", " << held.size(0);
  message << "]: expected as many outputs as before";
  throw InvalidArgument(message.str());
}

void add_fit(States& states, const std::vector<paired::kernels::FitSums>& fit, at::IntArrayRef shape) {
  const auto add = [&](const char* state, auto member) {
    std::vector<DoubleDouble> sums;
    for (const auto& column : fit) sums.push_back(column.*member);
    paired::add_sums(states[state], sums, shape);
  };
  using paired::kernels::FitSums;
  add("sum_squared_error", &FitSums::squared_target);
  add("sum_error", &FitSums::target);
  add("residual", &FitSums::squared_error);
}

/// The same in tensors. Of y = k + v, where k has few enough digits that its square is exact: Σ y = Σ v + n k, and
/// Σ y² = Σ v² + 2 k Σ v + n k², where n k² is exact in two parts.
void add_fit(States& states, const Tensor& preds, const Tensor& target) {
  const auto n = static_cast<double>(target.size(0));
  const auto with_float_digits = [](const Tensor& value) { return value.to(at::kFloat).to(at::kDouble); };
  const Tensor k = with_float_digits(target.mean(0).clamp(-1e18, 1e18));
  const Tensor v = target - k;
  const Tensor sum_of_v = v.sum(0);
  const Tensor high = with_float_digits(k * k);
  State& squares = states["sum_squared_error"];
  squares.add(v.square().sum(0));
  squares.add(2 * k * sum_of_v);
  squares.add(n * high);
  squares.add(n * (k * k - high));
  states["sum_error"].add(sum_of_v);
  states["sum_error"].add(n * k);
  states["residual"].add((target - preds).square().sum(0));
}

/// Gives the states of one batch, which hold it already, the derivatives of what they hold.
void attach_gradients(States& states, const Tensor& preds, const Tensor& target) {
  const Tensor x = preds.to(at::kDouble);
  const Tensor y = target.to(at::kDouble);
  const auto attach = [&](const char* name, const Tensor& formula) {
    State& state = states[name];
    state.assign(with_gradient_of(state.tensor(), formula), state.residual(), {});
  };
  attach("sum_squared_error", y.square().sum(0));
  attach("sum_error", y.sum(0));
  attach("residual", (y - x).square().sum(0));
}

}  // namespace

namespace definitions {

void R2Score::check(const Options& options) {
  if (options.adjusted >= 0) return;
  throw InvalidArgument("R2Score: adjusted: expected an integer of at least 0, got " +
                        std::to_string(options.adjusted));
}

void R2Score::declare(States& states, const Options&) {
  for (const char* state : {"sum_squared_error", "sum_error", "residual"}) {
    states.add(state, Reduction::Sum, at::zeros({}, at::kFloat), ShapeFrom::Data);
  }
  states.add("total", Reduction::Sum, at::zeros({}, at::kLong));
}

void R2Score::update(States& states, const Options&, const Tensor& preds, const Tensor& target) {
  paired::check_pairs(name, preds, target);
  paired::check_one_or_two_dimensional(name, preds);
  check_columns(states, preds);
  const int64_t rows = preds.size(0);
  if (rows == 0) return;
  const auto shape = preds.sizes().slice(1);
  const bool differentiable = paired::carries_gradients(preds, target);
  if (paired::has_kernel(preds) && !differentiable) {
    add_fit(states, paired::kernels::fit_sums(paired::KernelPairs(preds, target, preds.numel() / rows).get()), shape);
  } else {
    add_fit(states, preds.detach().to(at::kDouble), target.detach().to(at::kDouble));
  }
  paired::add_count(states["total"], rows);
  if (differentiable) attach_gradients(states, preds, target);
}

Tensor R2Score::finalise(const States& states, const Options& options) {
  const State& sum = states["sum_error"];
  const State& sum_of_squares = states["sum_squared_error"];
  const Tensor errors = states["residual"].tensor();
  const int64_t n = states["total"].tensor().item<int64_t>();
  if (n < 2) {
    const Tensor none = errors * std::numeric_limits<double>::quiet_NaN();
    return options.multioutput == MultiOutput::RawValues ? none : none.mean();
  }
  const auto count = static_cast<double>(n);
  const Tensor deviations = with_gradient_of(squared_deviations(sum, sum_of_squares, count),
                                             sum_of_squares.tensor() - sum.tensor().square() / count);
  return adjusted(averaged(scores(errors, deviations), deviations, options.multioutput), options.adjusted, n);
}

}  // namespace definitions

METRICS_DEFINE(definitions::R2Score);

namespace functional {

Tensor r2_score(const Tensor& preds, const Tensor& target, const R2ScoreOptions& options) {
  return paired::value_of<definitions::R2Score>(options, preds, target);
}

}  // namespace functional
}  // namespace metrics
