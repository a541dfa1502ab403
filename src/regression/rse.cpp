#include "families/formula.h"
#include "families/numbers.h"
#include "families/pairs.h"
#include "fit.h"
#include "multioutput.h"
#include <metrics/core/define.h>
#include <metrics/regression/rse.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>

namespace metrics {

namespace {

/// errors / deviations, or its root. `least` is what deviations are at the least.
double relative(double errors, double deviations, double least, bool squared) {
  const double ratio = errors / families::formula::at_least(deviations, least);
  return squared ? ratio : std::sqrt(ratio);
}

Tensor relative(const Tensor& errors, const Tensor& deviations, const Tensor& least, bool squared) {
  const Tensor ratio = errors / at::maximum(deviations, least);
  return squared ? ratio : ratio.sqrt();
}

/// The least deviation in the scale of each column.
Tensor least_deviations(const regression::Fit& fit, double least) {
  Tensor scaled = at::empty(fit.errors.sizes(), at::kDouble);
  for (int64_t i = 0; i < scaled.numel(); ++i) {
    const int exponent = fit.exponents.empty() ? 0 : fit.exponents[static_cast<std::size_t>(i)];
    scaled.mutable_data_ptr<double>()[i] = std::ldexp(least, -exponent);
  }
  return scaled.to(fit.errors.device());
}

}  // namespace

namespace definitions {

void RelativeSquaredError::check(const Options& options) {
  families::pairs::check_num_outputs(options.num_outputs);
}

void RelativeSquaredError::declare(States& states, const Options& options) {
  regression::declare_fit(states, at::zeros({options.num_outputs}, at::kFloat), ShapeFrom::Default);
}

void RelativeSquaredError::update(States& states, const Options& options, const Tensor& preds, const Tensor& target,
                                  const Weights& weights) {
  families::pairs::check_pairs(preds, target);
  if (options.num_outputs > 1 || preds.dim() != 1) families::pairs::check_outputs(preds, options.num_outputs);
  if (preds.size(0) > 0) regression::fold_fit(states, preds, target, weights, {options.num_outputs});
}

Tensor RelativeSquaredError::finalise(const States& states, const Options& options) {
  const DoubleDouble total = regression::number_of_rows(states);
  if (total.high == 0) return families::tensor_of(std::numeric_limits<double>::quiet_NaN());
  const double least = states.dtype() == at::kDouble ? std::numeric_limits<double>::epsilon()
                                                     : double{std::numeric_limits<float>::epsilon()};
  using regression::MultiOutput;
  if (const auto fit = regression::PlainFit::of(states)) {
    const auto deviation = [&](int64_t column) { return fit->deviations(column, total); };
    const auto error = [&](int64_t column) {
      return relative(fit->errors(column), deviation(column), least, options.squared);
    };
    return regression::averaged_numbers(fit->columns(), MultiOutput::UniformAverage, {}, error, deviation,
                                        [](double mean) { return mean; });
  }
  const regression::Fit fit = regression::fit_in(states, total);
  return regression::averaged(relative(fit.errors, fit.deviations, least_deviations(fit, least), options.squared),
                              fit.deviations, MultiOutput::UniformAverage);
}

std::string RelativeSquaredError::update_key(const Options& options) {
  return "RelativeSquaredError(num_outputs=" + std::to_string(options.num_outputs) + ")";
}

Tensor RelativeSquaredError::functional_value(const Tensor& preds, const Tensor& target,
                                              const RelativeSquaredErrorFunctionalOptions& options, const Rows& rows) {
  families::pairs::check_pairs(preds, target);
  families::pairs::check_one_or_two_dimensional(preds);
  const Options of_columns{.num_outputs = preds.dim() == 2 ? preds.size(1) : 1, .squared = options.squared};
  return MetricOf<RelativeSquaredError>::value_of(of_columns, {preds, target}, rows);
}

}  // namespace definitions

METRICS_DEFINE_CLASS(RelativeSquaredError);

}  // namespace metrics
