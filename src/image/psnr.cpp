#include "../core/loaded_states.h"
#include "families/formula.h"
#include "families/numbers.h"
#include "families/pairs.h"
#include <metrics/core/define.h>
#include <metrics/core/warning.h>
#include <metrics/image/psnr.h>

#include <ATen/ops/clamp.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <sstream>

namespace metrics {

namespace {

using PsnrOptions = PeakSignalNoiseRatioOptions;

/// The power of two by which errors are multiplied before they are squared. The ratio does not depend on it, but
/// squares could leave float32, in which rows are stored: it is 1 for ranges whose squares are far from the ends of
/// that.
double error_scale(const PsnrOptions& options) {
  const int exponent = std::ilogb(options.data_range->width());
  return std::abs(exponent) <= 40 ? 1 : std::ldexp(1.0, -std::clamp(exponent, -1000, 1000));
}

Tensor scaled(const Tensor& values, double scale) {
  return scale == 1 ? values : values.to(at::kDouble).mul(scale);
}

/// Multiplies the squares of errors by that of `factor`.
void rescale(States& states, double factor) {
  State& sums = states["sum_squared_error"];
  if (factor == 1 || !sums.tensor().defined()) return;
  const auto times = [factor](const Tensor& squares) { return squares.mul(factor).mul(factor); };
  if (sums.grows()) {
    sums.assign(times(sums.tensor()), {}, {});
  } else {
    sums.assign(times(sums.tensor()), times(sums.residual()), {});
  }
}

Tensor clamped(const Tensor& values, const image::DataRange& range) {
  if (!range.clamps) return values;
  // Half types and integers are widened, because the ends need not be numbers of theirs.
  const at::ScalarType dtype = values.scalar_type();
  const bool wide = dtype == at::kFloat || dtype == at::kDouble;
  return at::clamp(wide ? values : values.to(values.is_floating_point() ? at::kFloat : at::kDouble), range.low,
                   range.high);
}

/// Whether each sample has rows of its own whatever the inputs' dimensions are. A number from the end might be the
/// first one.
bool keeps_samples(const std::variant<int64_t, std::vector<int64_t>>& dim) {
  const auto* one = std::get_if<int64_t>(&dim);
  const std::vector<int64_t> all = one != nullptr ? std::vector{*one} : std::get<std::vector<int64_t>>(dim);
  return !all.empty() && std::all_of(all.begin(), all.end(), [](int64_t each) { return each > 0; });
}

/// The summed dimensions of inputs with `dims` dimensions, as a mask.
std::vector<bool> summed_dimensions(const PsnrOptions& options, int64_t dims) {
  std::vector<bool> summed(static_cast<std::size_t>(dims), false);
  const auto refuse = [&](int64_t given, const char* why) {
    throw InvalidArgument("PeakSignalNoiseRatio: dim: " + std::to_string(given) + why + " for inputs of " +
                          std::to_string(dims) + " dimensions");
  };
  const auto take = [&](int64_t given) {
    const int64_t index = given < 0 ? given + dims : given;
    if (index < 0 || index >= dims) refuse(given, " is out of range");
    if (summed[static_cast<std::size_t>(index)]) refuse(given, " is named twice");
    summed[static_cast<std::size_t>(index)] = true;
  };
  if (const auto* one = std::get_if<int64_t>(&*options.dim)) {
    take(*one);
    return summed;
  }
  for (int64_t each : std::get<std::vector<int64_t>>(*options.dim)) take(each);
  // No dimension means all, as in torch.
  if (std::find(summed.begin(), summed.end(), true) == summed.end()) summed.assign(summed.size(), true);
  return summed;
}

/// Both inputs as [values, errors of a value].
struct RowPairs {
  Tensor preds, target;
};
RowPairs row_pairs(const Tensor& preds, const Tensor& target, const std::vector<bool>& summed) {
  std::vector<int64_t> order, inner;
  int64_t rows = 1;
  for (std::size_t d = 0; d < summed.size(); ++d) {
    (summed[d] ? inner : order).push_back(static_cast<int64_t>(d));
    if (!summed[d]) rows *= preds.size(static_cast<int64_t>(d));
  }
  order.insert(order.end(), inner.begin(), inner.end());
  const auto shaped = [&](const Tensor& values) {
    return values.permute(order).reshape({rows, values.numel() / rows});
  };
  return {shaped(preds), shaped(target)};
}

void add_to_sums(States& states, const Tensor& preds, const Tensor& target, bool by_kernel) {
  State& sum = states["sum_squared_error"];
  families::pairs::CountToAdd total(states, "total", preds.numel());
  if (by_kernel) {
    families::pairs::add_sums(
        sum, kernels::pairs::squared_errors(families::pairs::KernelPairs(preds, target, 1).get()).of, {});
  } else {
    sum.add(preds.to(at::kDouble).sub(target.to(at::kDouble)).square().sum());
  }
  total.add();
}

void append_rows(States& states, const RowPairs& pairs, bool by_kernel) {
  const int64_t rows = pairs.preds.size(0);
  const int64_t columns = pairs.preds.size(1);
  Tensor sums;
  if (by_kernel) {
    sums = at::tensor(
        kernels::pairs::row_squared_errors(families::pairs::KernelPairs(pairs.preds, pairs.target, columns).get()),
        at::kDouble);
  } else {
    sums = pairs.preds.to(at::kDouble).sub(pairs.target.to(at::kDouble)).square().sum(1);
  }
  States::Attempt attempt(states);
  // Rows as torchmetrics stores them: in the metric's dtype.
  states["sum_squared_error"].append(sums.to(states.dtype() == at::kDouble ? at::kDouble : at::kFloat));
  states["total"].append(at::full({rows}, columns, sums.options().dtype(at::kLong).requires_grad(false)));
  attempt.succeed();
}

/// Where `dim` leaves several dimensions, torchmetrics keeps them until it computes.
void flatten_rows(States& states) {
  for (State& state : states) {
    if (state.grows() && state.tensor().defined() && state.tensor().dim() > 1) {
      state.assign(state.tensor().flatten(), {}, {});
    }
  }
}

}  // namespace

namespace definitions {

void PeakSignalNoiseRatio::check(const Options& options) {
  image::check_data_range(name, options.data_range);
  if (!(options.base > 0) || options.base == 1 || !std::isfinite(options.base)) {
    std::ostringstream message;
    message << name << ": base: expected a number above 0 other than 1, got " << options.base;
    throw InvalidArgument(message.str());
  }
  if (!options.dim && options.reduction != image::Reduction::ElementwiseMean) {
    warn("PeakSignalNoiseRatio: reduction has no effect without dim: there is one value");
  }
}

void PeakSignalNoiseRatio::declare(States& states, const Options& options) {
  if (options.dim) {
    states.add("sum_squared_error", metrics::Reduction::Cat);
    states.add("total", metrics::Reduction::Cat);
    if (options.reduction != image::Reduction::None && keeps_samples(*options.dim)) states.add_row_weights();
  } else {
    states.add("sum_squared_error", metrics::Reduction::Sum, at::zeros({}, at::kFloat));
    states.add("total", metrics::Reduction::Sum, at::zeros({}, at::kLong));
  }
  // The same in all states, so that its maximum is their mean; but rows that weigh have nothing to do with a maximum.
  states.add("data_range", metrics::Reduction::Max, at::full({}, options.data_range->width(), at::kDouble));
}

void PeakSignalNoiseRatio::update(States& states, const Options& options, const Tensor& preds, const Tensor& target) {
  families::pairs::check_pairs(preds, target);
  const bool by_kernel = families::pairs::has_kernel(preds) && !families::pairs::carries_gradients(preds, target);
  const double scale = error_scale(options);
  const Tensor x = scaled(clamped(preds, options.data_range), scale);
  const Tensor y = scaled(clamped(target, options.data_range), scale);
  if (!options.dim) return add_to_sums(states, x, y, by_kernel);
  const std::vector<bool> summed = summed_dimensions(options, preds.dim());
  if (preds.numel() > 0) append_rows(states, row_pairs(x, y, summed), by_kernel);
}

Tensor PeakSignalNoiseRatio::finalise(const States& states, const Options& options) {
  const Tensor errors = states["sum_squared_error"].tensor();
  if (options.dim && !errors.defined()) {
    const Tensor none = at::empty({0}, at::kDouble);
    return options.reduction == image::Reduction::None  ? none
           : options.reduction == image::Reduction::Sum ? none.sum()
                                                        : none.mean();
  }
  const auto ratio_of = [&](const auto& sum, const auto& total, const auto& range) {
    using families::formula::value_logarithm;
    const auto mean = families::as_double(sum) / total;
    const auto logarithms = value_logarithm(range * error_scale(options)) * 2 - value_logarithm(mean);
    return logarithms * (10 / kernels::logarithm(options.base));
  };
  const Tensor ratio = families::value_of(ratio_of, errors, states["total"].tensor(), states["data_range"].tensor());
  if (!options.dim || options.reduction == image::Reduction::None) return ratio;
  const State* const weights = states.row_weights();
  if (weights == nullptr || weights->rows() == 0) {
    return options.reduction == image::Reduction::Sum ? ratio.sum() : ratio.mean();
  }
  const Tensor sum = ratio.mul(weights->tensor()).sum();
  return options.reduction == image::Reduction::Sum ? sum : sum / weights->tensor().sum();
}

void PeakSignalNoiseRatio::show_as_torchmetrics(States& states, const Options& options) {
  rescale(states, 1 / error_scale(options));
}

void PeakSignalNoiseRatio::complete_from_torchmetrics(States& states, const Options& options) {
  if (options.dim) {
    // torchmetrics keeps sums of integers as such.
    State& sums = states["sum_squared_error"];
    if (sums.rows() > 0 && !sums.tensor().is_floating_point()) sums.assign(sums.tensor().to(at::kDouble), {}, {});
    require_integer_rows(states["total"]);
    require_counts(states["total"]);
    flatten_rows(states);
    require_equal_rows(states, {"sum_squared_error", "total"});
  }
  rescale(states, error_scale(options));
}

Tensor PeakSignalNoiseRatio::functional_value(const Tensor& preds, const Tensor& target, const Options& options) {
  const Tensor value = MetricOf<PeakSignalNoiseRatio>::value_of(options, {preds, target});
  if (!options.dim || options.reduction != image::Reduction::None) return value;
  const std::vector<bool> summed = summed_dimensions(options, preds.dim());
  std::vector<int64_t> kept;
  for (std::size_t d = 0; d < summed.size(); ++d) {
    if (!summed[d]) kept.push_back(preds.size(static_cast<int64_t>(d)));
  }
  return value.reshape(kept);
}

}  // namespace definitions

METRICS_DEFINE_CLASS(PeakSignalNoiseRatio);

}  // namespace metrics
