#include "families/numbers.h"
#include "families/pairs.h"
#include "fit.h"
#include "multioutput.h"
#include <metrics/core/define.h>
#include <metrics/regression/explained_variance.h>

#include <ATen/ops/zeros.h>

#include <array>
#include <optional>
#include <sstream>
#include <vector>

namespace metrics {

namespace {

constexpr std::array<const char*, 4> sums_of_variances{"sum_error", "sum_squared_error", "sum_target",
                                                       "sum_squared_target"};

/// 1 - errors / deviations; 1 where the errors do not vary, and else 0 where the targets do not.
template <class N>
N explained(const N& errors, const N& deviations) {
  using families::chosen;
  const auto equal = deviations == 0;
  // What is masked must not be divided by 0 either: its derivative would be NaN for all.
  const N part = errors / chosen(equal, 1.0, deviations);
  return chosen(errors == 0, 1.0, chosen(equal, 0.0, 1 - part));
}

void check_outputs_as_before(const States& states, const Tensor& preds) {
  const State& sum = states["sum_error"];
  if (preds.dim() == 0)
    throw InvalidArgument("inputs [N] or [N, …] expected, got scalars: expected one dimension of rows");
  if (states.update_count() == 0 || sum.tensor().sizes() == preds.sizes().slice(1)) return;
  std::ostringstream message;
  message << "inputs of shape " << preds.sizes() << " after outputs of shape " << sum.tensor().sizes()
          << ": expected as many as before";
  throw InvalidArgument(message.str());
}

void add_variances(States& states, const kernels::pairs::ByColumn<kernels::pairs::ErrorFitSums>& sums,
                   at::IntArrayRef shape) {
  using kernels::pairs::ErrorFitSums;
  constexpr std::array members{&ErrorFitSums::error, &ErrorFitSums::squared_error, &ErrorFitSums::target,
                               &ErrorFitSums::squared_target};
  std::vector<DoubleDouble> column(sums.size());
  for (std::size_t state = 0; state < members.size(); ++state) {
    for (std::size_t i = 0; i < sums.size(); ++i) column[i] = sums[i].*members[state];
    families::pairs::add_sums(states[sums_of_variances[state]], column, shape);
  }
}

void add_variances(States& states, const Tensor& preds, const Tensor& target,
                   const families::pairs::WeightsOfPairs& rows) {
  const Tensor y = target.to(at::kDouble), errors = y - preds.to(at::kDouble);
  regression::add_sum_and_squares(states["sum_error"], states["sum_squared_error"], errors.detach(), rows);
  regression::add_sum_and_squares(states["sum_target"], states["sum_squared_target"], y.detach(), rows);
  if (!families::pairs::carries_gradients(preds, target)) return;
  const Tensor weights = rows.given() ? regression::weights_beside(y, rows) : Tensor();
  const auto attach = [&](const char* name, const Tensor& each) {
    State& state = states[name];
    const Tensor formula = (weights.defined() ? each * weights : each).sum(0);
    state.assign(regression::with_gradient_of(state.tensor(), formula), state.residual(), {});
  };
  attach("sum_error", errors);
  attach("sum_squared_error", errors.square());
  attach("sum_target", y);
  attach("sum_squared_target", y.square());
}

/// The sums of one column as numbers, where they are such on the CPU.
struct PlainSums {
  DoubleDouble error, squared_error, target, squared_target;
};

std::optional<kernels::pairs::ByColumn<PlainSums>> plain_sums(const States& states) {
  const int64_t columns = states["sum_error"].tensor().numel();
  kernels::pairs::ByColumn<PlainSums> sums(static_cast<std::size_t>(columns));
  constexpr std::array members{&PlainSums::error, &PlainSums::squared_error, &PlainSums::target,
                               &PlainSums::squared_target};
  for (std::size_t state = 0; state < members.size(); ++state) {
    const State& held = states[sums_of_variances[state]];
    const families::Doubles high(held.tensor()), low(held.residual());
    if (!high.are_here() || !low.are_here() || high.size() != columns || low.size() != columns) return std::nullopt;
    for (int64_t i = 0; i < columns; ++i) sums[static_cast<std::size_t>(i)].*members[state] = {high[i], low[i]};
  }
  return sums;
}

}  // namespace

namespace definitions {

void ExplainedVariance::declare(States& states, const Options&) {
  for (const char* state : sums_of_variances) {
    states.add(state, Reduction::Sum, at::zeros({}, at::kFloat), ShapeFrom::Data);
  }
  states.add("num_obs", Reduction::Sum, at::zeros({}, at::kFloat));
}

void ExplainedVariance::update(States& states, const Options&, const Tensor& preds, const Tensor& target,
                               const Weights& weights) {
  families::pairs::check_pairs(preds, target);
  check_outputs_as_before(states, preds);
  const auto shape = preds.sizes().slice(1);
  const int64_t rows = preds.size(0);
  const families::pairs::WeightsOfPairs of_rows(weights, rows);
  const bool differentiable = families::pairs::carries_gradients(preds, target);
  if (families::pairs::has_kernel(preds) && !differentiable && preds.numel() > 0) {
    const families::pairs::KernelPairs pairs(preds, target, preds.numel() / rows, weights);
    const auto sums = kernels::pairs::error_fit_sums(pairs.get());
    const DoubleDouble count = of_rows.total(sums.count).sum;
    if (shape.empty()) {
      const auto& of = sums.of.front();
      return State::add_all({{states["sum_error"], of.error},
                             {states["sum_squared_error"], of.squared_error},
                             {states["sum_target"], of.target},
                             {states["sum_squared_target"], of.squared_target},
                             {states["num_obs"], count}});
    }
    States::Attempt attempt(states);
    add_variances(states, sums.of, shape);
    states["num_obs"].add(count);
    return attempt.succeed();
  }
  States::Attempt attempt(states);
  if (rows == 0) {
    for (const char* state : sums_of_variances) states[state].add(at::zeros(shape, preds.options().dtype(at::kDouble)));
  } else {
    add_variances(states, preds, target, of_rows);
  }
  states["num_obs"].add(of_rows.total().sum);
  attempt.succeed();
}

Tensor ExplainedVariance::finalise(const States& states, const Options& options) {
  using regression::squared_deviation;
  const State& errors = states["sum_error"];
  const DoubleDouble n = regression::sums_in(states["num_obs"], 1).front();
  if (const auto sums = plain_sums(states)) {
    const auto of = [&](int64_t column) -> const PlainSums& { return (*sums)[static_cast<std::size_t>(column)]; };
    const auto deviation = [&](int64_t i) { return squared_deviation(of(i).target, of(i).squared_target, n); };
    const auto score = [&](int64_t i) {
      return explained(squared_deviation(of(i).error, of(i).squared_error, n), deviation(i));
    };
    return regression::averaged_numbers(static_cast<int64_t>(sums->size()), options.multioutput,
                                        errors.tensor().sizes(), score, deviation, [](double value) { return value; });
  }
  const auto deviations = [&](const char* sum, const char* squares) {
    const State &of_sum = states[sum], &of_squares = states[squares];
    return regression::with_gradient_of(regression::squared_deviations(of_sum, of_squares, n),
                                        of_squares.tensor() - of_sum.tensor().square() / n.value());
  };
  const Tensor of_target = deviations("sum_target", "sum_squared_target");
  return regression::averaged(explained(deviations("sum_error", "sum_squared_error"), of_target), of_target,
                              options.multioutput);
}

std::string ExplainedVariance::update_key(const Options&) {
  return "ExplainedVariance";
}

}  // namespace definitions

METRICS_DEFINE_CLASS(ExplainedVariance);

}  // namespace metrics
