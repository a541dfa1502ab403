#include "families/numbers.h"
#include "families/pairs.h"
#include "fit.h"
#include "multioutput.h"
#include <metrics/core/define.h>
#include <metrics/core/warning.h>
#include <metrics/regression/r2.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

#include <limits>
#include <sstream>

namespace metrics {

namespace {

bool is_all_0(const Tensor& numbers) {
  return !numbers.any().item<bool>();
}

/// 1 - errors / deviations; where targets do not deviate, 1 without errors and else 0.
template <class N>
N score(const N& errors, const N& deviations) {
  using families::chosen;
  const auto equal = deviations == 0;
  // What is masked must not be divided by 0 either: its derivative would be NaN for all.
  return chosen(equal, families::as_double(errors == 0), 1 - errors / chosen(equal, 1.0, deviations));
}

template <class N>
N adjusted(const N& score, int64_t regressors, double n) {
  if (regressors == 0 || static_cast<double>(regressors) >= n - 1) return score;
  return 1 - (1 - score) * ((n - 1) / (n - static_cast<double>(regressors) - 1));
}

void warn_of_no_freedom(int64_t regressors, double n) {
  if (regressors == 0 || static_cast<double>(regressors) < n - 1) return;
  std::ostringstream samples;
  samples << n;
  warn("R2Score: adjusted=" + std::to_string(regressors) + " for " + samples.str() +
       " samples leaves no degree of freedom: the score is not adjusted");
}

void check_columns(const States& states, const Tensor& preds) {
  const Tensor held = states["sum_error"].tensor();
  if (regression::number_of_rows(states).high == 0) return;
  if (held.sizes() == preds.sizes().slice(1)) return;
  std::ostringstream message;
  message << "R2Score: inputs of shape " << preds.sizes() << " after inputs of shape [N";
  if (held.dim() == 1) message << ", " << held.size(0);
  message << "]: expected as many outputs as before";
  throw InvalidArgument(message.str());
}

}  // namespace

namespace definitions {

void R2Score::check(const Options& options) {
  if (options.adjusted >= 0) return;
  throw InvalidArgument("R2Score: adjusted: expected an integer of at least 0, got " +
                        std::to_string(options.adjusted));
}

void R2Score::declare(States& states, const Options&) {
  regression::declare_fit(states, at::zeros({}, at::kFloat), ShapeFrom::Data);
}

void R2Score::update(States& states, const Options&, const Tensor& preds, const Tensor& target,
                     const Weights& weights) {
  families::pairs::check_pairs(preds, target);
  families::pairs::check_one_or_two_dimensional(preds);
  check_columns(states, preds);
  if (preds.size(0) > 0) regression::fold_fit(states, preds, target, weights, preds.sizes().slice(1));
}

Tensor R2Score::finalise(const States& states, const Options& options) {
  const State& sum = states["sum_error"];
  const State& sum_of_squares = states["sum_squared_error"];
  const Tensor errors = states["residual"].tensor();
  const DoubleDouble total = regression::number_of_rows(states);
  const double n = total.value();
  const auto none = [&] {
    const Tensor nothing = errors * std::numeric_limits<double>::quiet_NaN();
    return options.multioutput == regression::MultiOutput::RawValues ? nothing : nothing.mean();
  };
  // Fractions of rows may be several, as they are where targets deviate.
  const bool weighted = states["total"].is_weighted();
  if (n == 0 || (n < 2 && !weighted)) return none();
  if (n < 2 && is_all_0(regression::squared_deviations(sum, sum_of_squares, total))) return none();
  warn_of_no_freedom(options.adjusted, n);
  if (const auto fit = regression::PlainFit::of(states)) {
    const auto deviations = [&](int64_t column) { return fit->deviations(column, total); };
    return regression::averaged_numbers(
        fit->columns(), options.multioutput, sum.tensor().sizes(),
        [&](int64_t column) { return score(fit->errors(column), deviations(column)); }, deviations,
        [&](double value) { return adjusted(value, options.adjusted, n); });
  }
  const regression::Fit fit = regression::fit_in(states, total);
  const Tensor scores = score(fit.errors, fit.deviations);
  return adjusted(regression::averaged(scores, fit.weights, options.multioutput), options.adjusted, n);
}

Tensor R2Score::functional_value(const Tensor& preds, const Tensor& target, const Options& options, const Rows& rows) {
  const Tensor value = MetricOf<R2Score>::value_of(options, {preds, target}, rows);
  // As in torchmetrics: the class makes a number of the vector of one column, the functional does not.
  const bool one_column = preds.dim() == 2 && preds.size(1) == 1;
  return one_column && options.multioutput == regression::MultiOutput::RawValues ? value.reshape({1})
                                                                                 : families::pairs::of_outputs(value);
}

}  // namespace definitions

METRICS_DEFINE_CLASS(R2Score);

}  // namespace metrics
