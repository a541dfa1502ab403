#include "../core/loaded_states.h"
#include "families/formula.h"
#include "families/numbers.h"
#include "families/pairs.h"
#include "kernels/pairs/moments.h"
#include <metrics/core/define.h>
#include <metrics/regression/nrmse.h>

#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <limits>

namespace metrics {

namespace {

using kernels::pairs::ErrorBesideTarget;
using TargetSpread = kernels::pairs::MomentsOf<Tensor>;

/// The mean of the targets and how they spread; `total` as a tensor of what `mean_val` is.
TargetSpread spread_in(const States& states) {
  return {states["mean_val"].tensor(), states["var_val"].tensor(), states["total"].tensor()};
}

void set_spread(States& states, const TargetSpread& spread) {
  states["mean_val"].set(spread.mean);
  states["var_val"].set(spread.var);
}

/// Adds to all states where they lie. All memory to write to is asked for before the first write.
void fold_in_numbers(States& states, const kernels::pairs::Summed<ErrorBesideTarget>& batch) {
  const State::Sums error = states["sum_squared_error"].sums(), total = states["total"].sums(),
                    squares = states["target_squared"].sums(), of_targets = states["_sum_target"].sums();
  const auto written = [&](const char* name) { return states[name].tensor_to_write().mutable_data_ptr<double>(); };
  double* const least = written("min_val");
  double* const greatest = written("max_val");
  double* const mean = written("mean_val");
  double* const var = written("var_val");
  const auto add = [](const State::Sums& to, std::size_t column, const DoubleDouble& value) {
    const DoubleDouble sum = DoubleDouble{to.high[column], to.low[column]} + value;
    to.high[column] = sum.high;
    to.low[column] = sum.low;
  };
  for (std::size_t column = 0; column < batch.of.size(); ++column) {
    const ErrorBesideTarget& own = batch.of[column];
    using OfTargets = kernels::pairs::MomentsOf<double>;
    const OfTargets both =
        merged(OfTargets{mean[column], var[column], total.high[column]}, OfTargets{own.mean, own.var, own.n});
    mean[column] = both.mean;
    var[column] = both.var;
    add(error, column, own.squared_error);
    add(total, column, batch.count);
    add(squares, column, own.squared_target);
    add(of_targets, column, own.target);
    // A NaN that is there stays, as in torchmetrics.
    if (own.least < least[column]) least[column] = own.least;
    if (own.greatest > greatest[column]) greatest[column] = own.greatest;
  }
}

/// The same by tensors: for gradients, and elsewhere.
void fold_in_tensors(States& states, const families::pairs::WidePairs& pairs,
                     const families::pairs::WeightsOfPairs& rows) {
  const auto& [x, y] = pairs;
  const Tensor weights = rows.given() ? rows.column().to(y.device()) : Tensor();
  const auto sum = [&](const Tensor& values) { return (weights.defined() ? values * weights : values).sum(0); };
  const double n = rows.total().sum.value();
  const Tensor mean = sum(y) / n;
  const Tensor total = at::full_like(mean.detach(), n);
  const TargetSpread batch{mean, sum((y - mean).square()), total};
  States::Attempt attempt(states);
  set_spread(states, merged(spread_in(states), batch));
  states["sum_squared_error"].add(sum((x - y).square()));
  states["target_squared"].add(sum(y.square()));
  states["_sum_target"].add(sum(y));
  states["min_val"].lower(y.amin(0));
  states["max_val"].raise(y.amax(0));
  states["total"].add(total);
  attempt.succeed();
}

}  // namespace

namespace definitions {

void NormalizedRootMeanSquaredError::check(const Options& options) {
  families::pairs::check_num_outputs(options.num_outputs);
}

void NormalizedRootMeanSquaredError::declare(States& states, const Options& options) {
  const auto of = [&](double value) { return at::full({options.num_outputs}, value, at::kDouble); };
  constexpr double infinity = std::numeric_limits<double>::infinity();
  states.add("sum_squared_error", Reduction::Sum, of(0));
  states.add("total", Reduction::Sum, of(0));
  states.add("min_val", Reduction::Min, of(infinity));
  states.add("max_val", Reduction::Max, of(-infinity));
  states.add("mean_val", Reduction::Own, of(0));
  states.add("var_val", Reduction::Own, of(0));
  states.add("target_squared", Reduction::Sum, of(0));
  // By which the mean is rounded once: one that is 0 must be that.
  states.add("_sum_target", Reduction::Sum, of(0));
}

void NormalizedRootMeanSquaredError::update(States& states, const Options& options, const Tensor& preds,
                                            const Tensor& target, const Weights& weights) {
  const int64_t columns = options.num_outputs;
  families::pairs::check_pairs(preds, target);
  if (columns > 1) families::pairs::check_outputs(preds, columns);
  if (preds.numel() == 0) return;
  if (families::pairs::has_kernel(preds) && !families::pairs::carries_gradients(preds, target)) {
    const families::pairs::KernelPairs pairs(preds, target, columns, weights);
    return fold_in_numbers(states, kernels::pairs::errors_beside_targets(pairs.get()));
  }
  const families::pairs::WeightsOfPairs of_rows(weights, preds.numel() / columns);
  fold_in_tensors(states, families::pairs::wide_pairs(preds, target, columns), of_rows);
}

void NormalizedRootMeanSquaredError::merge(States& into, const States& from, const Options&) {
  set_spread(into, merged(spread_in(into), spread_in(from)));
}

Tensor NormalizedRootMeanSquaredError::finalise(const States& states, const Options& options) {
  using regression::Normalization;
  const auto value = [&](const auto& error, const auto& total, const auto& of_targets) {
    using families::formula::root;
    const auto rmse = root(error / total);
    switch (options.normalization) {
      case Normalization::Std:
        return rmse / root(of_targets / total);
      case Normalization::L2:
        return rmse / root(of_targets);
      default:
        return rmse / of_targets;
    }
  };
  const auto of_targets = [&] {
    switch (options.normalization) {
      case Normalization::Mean:
        return families::value_of([](const auto& sum, const auto& total) { return sum / total; },
                                  states["_sum_target"].tensor(), states["total"].tensor());
      case Normalization::Std:
        return states["var_val"].tensor();
      case Normalization::L2:
        return states["target_squared"].tensor();
      case Normalization::Range:
        break;
    }
    return families::value_of([](const auto& least, const auto& greatest) { return greatest - least; },
                              states["min_val"].tensor(), states["max_val"].tensor());
  };
  const Tensor denominator = of_targets();
  return families::pairs::of_outputs(
      families::value_of(value, states["sum_squared_error"].tensor(), states["total"].tensor(), denominator));
}

std::string NormalizedRootMeanSquaredError::update_key(const Options& options) {
  return "NormalizedRootMeanSquaredError(num_outputs=" + std::to_string(options.num_outputs) + ")";
}

void NormalizedRootMeanSquaredError::complete_from_torchmetrics(States& states, const Options&) {
  require_sums_of_weights(states["total"]);
  const Tensor mean = states["mean_val"].tensor(), total = states["total"].tensor();
  states["_sum_target"].add(at::where(total > 0, mean * total, 0.0));
}

}  // namespace definitions

METRICS_DEFINE_CLASS(NormalizedRootMeanSquaredError);

}  // namespace metrics
