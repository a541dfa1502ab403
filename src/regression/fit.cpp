#include "fit.h"

#include "families/numbers.h"
#include "families/pairs.h"
#include "kernels/pairs/exact_products.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/DimVector.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

namespace metrics::regression {

namespace {

// Σ y² - (Σ y)² / n has no digit left below this fraction of Σ y², whatever the number of sums: the targets are equal.
constexpr double rounding_of_sums = 1e-24;

// Sums of squares that would leave float64 are those of scaled numbers (kernels::pairs::square_scales), each beside
// the others.
constexpr std::array<const char*, 3> target_squares{"sum_squared_error", "_sum_squared_error_of_large",
                                                    "_sum_squared_error_of_small"};
constexpr std::array<const char*, 3> error_squares{"residual", "_residual_of_large", "_residual_of_small"};

/// What a sum of squares of each scale is times, as an exponent of two.
constexpr std::array<int, 3> square_exponents{0, 1200, -1200};

}  // namespace

std::vector<DoubleDouble> sums_in(const State& state, int64_t columns) {
  std::vector<DoubleDouble> sums(static_cast<std::size_t>(columns));
  if (state.has_open_shape() && columns != 1) return sums;
  const Tensor high = state.tensor().detach().to(at::kCPU).contiguous();
  const Tensor low = state.residual().to(at::kCPU).contiguous();
  for (std::size_t i = 0; i < sums.size(); ++i) {
    sums[i] = {high.const_data_ptr<double>()[i], low.const_data_ptr<double>()[i]};
  }
  return sums;
}

Tensor with_gradient_of(const Tensor& value, const Tensor& formula) {
  if (!formula.requires_grad()) return value;
  const Tensor nothing = formula - formula.detach();
  return value + at::where(at::isfinite(formula), nothing, 0.0);
}

double squared_deviation(const DoubleDouble& total, const DoubleDouble& total_of_squares, const DoubleDouble& n) {
  using kernels::pairs::difference, kernels::pairs::product, kernels::pairs::quotient;
  const double rest = difference(total_of_squares, quotient(product(total, total), n)).value();
  return rest <= rounding_of_sums * total_of_squares.high ? 0 : rest;
}

Tensor squared_deviations(const State& sum, const State& sum_of_squares, const DoubleDouble& n) {
  const auto exact = [](const State& state) {
    return std::pair(state.tensor().detach().to(at::kCPU).contiguous(), state.residual().to(at::kCPU).contiguous());
  };
  const auto [sums, sums_low] = exact(sum);
  const auto [squares, squares_low] = exact(sum_of_squares);
  Tensor deviations = at::empty(sums.sizes(), at::kDouble);
  for (int64_t column = 0; column < sums.numel(); ++column) {
    const auto of = [column](const Tensor& values) { return values.const_data_ptr<double>()[column]; };
    deviations.mutable_data_ptr<double>()[column] =
        squared_deviation({of(sums), of(sums_low)}, {of(squares), of(squares_low)}, n);
  }
  return deviations.to(sum.tensor().device());
}

namespace {

/// A number times 2^exponent.
struct Scaled {
  DoubleDouble number;
  int exponent = 0;

  double at(int other) const { return std::ldexp(number.value(), exponent - other); }
};

/// A sum of squares from its parts of all scales, in the largest scale that occurs.
Scaled joined(const DoubleDouble& plain, const DoubleDouble& of_large, const DoubleDouble& of_small) {
  constexpr int apart = square_exponents[1];
  const auto smaller = [](const DoubleDouble& sum) {
    return DoubleDouble{std::ldexp(sum.high, -apart), std::ldexp(sum.low, -apart)};
  };
  if (of_large.high != 0) return {of_large + smaller(plain), apart};
  if (plain.high != 0) return {plain + smaller(of_small), 0};
  return {of_small, of_small.high != 0 ? -apart : 0};
}

/// Nothing where no square had to be scaled.
std::optional<Fit> scaled_fit(const States& states, const DoubleDouble& n) {
  using kernels::pairs::difference, kernels::pairs::product, kernels::pairs::quotient;
  const State& sum = states["sum_error"];
  const int64_t columns = sum.tensor().numel();
  const auto parts = [&](const std::array<const char*, 3>& names) {
    std::array<std::vector<DoubleDouble>, 3> sums;
    for (std::size_t i = 0; i < names.size(); ++i) sums[i] = sums_in(states[names[i]], columns);
    return sums;
  };
  const auto squares = parts(target_squares), residuals = parts(error_squares);
  const auto occur = [](const std::array<std::vector<DoubleDouble>, 3>& sums) {
    const auto any = [](const auto& part) {
      return std::any_of(part.begin(), part.end(), [](const DoubleDouble& s) { return s.high != 0; });
    };
    return any(sums[1]) || any(sums[2]);
  };
  if (!occur(squares) && !occur(residuals)) return std::nullopt;

  const std::vector<DoubleDouble> totals = sums_in(sum, columns);
  Fit fit{at::empty(sum.tensor().sizes(), at::kDouble), at::empty(sum.tensor().sizes(), at::kDouble), {}, {}};
  std::vector<Scaled> deviations;
  std::vector<int>& exponents = fit.exponents;
  int largest = std::numeric_limits<int>::min();
  for (std::size_t i = 0; i < totals.size(); ++i) {
    const Scaled of_target = joined(squares[0][i], squares[1][i], squares[2][i]);
    const Scaled errors = joined(residuals[0][i], residuals[1][i], residuals[2][i]);
    const int half = of_target.exponent / 2;
    const DoubleDouble total{std::ldexp(totals[i].high, -half), std::ldexp(totals[i].low, -half)};
    const double rest = difference(of_target.number, quotient(product(total, total), n)).value();
    const bool equal = rest <= rounding_of_sums * of_target.number.high;
    exponents.push_back(of_target.exponent);
    deviations.push_back({{equal ? 0 : rest, 0}, of_target.exponent});
    fit.deviations.mutable_data_ptr<double>()[i] = deviations.back().number.high;
    fit.errors.mutable_data_ptr<double>()[i] = equal ? errors.number.value() : errors.at(of_target.exponent);
    if (!equal) largest = std::max(largest, of_target.exponent);
  }
  // Powers of two by column; half of an exponent, because a number has no room for the whole.
  const auto powers = [&](const auto& exponent_of) {
    Tensor result = at::empty(sum.tensor().sizes(), at::kDouble);
    for (std::size_t i = 0; i < exponents.size(); ++i) {
      const std::optional<int> exponent = exponent_of(i);
      result.mutable_data_ptr<double>()[i] = exponent ? std::ldexp(1, *exponent / 2) : 0;
    }
    return result.to(states.device());
  };
  const auto times_square = [](const Tensor& value, const Tensor& root) { return value * root * root; };
  const auto in_scale_of_columns = [&](const std::array<const char*, 3>& names, const auto& sums) {
    Tensor total = at::zeros(sum.tensor().sizes(), sum.tensor().options());
    for (std::size_t scale = 0; scale < names.size(); ++scale) {
      const Tensor part = states[names[scale]].tensor();
      if (part.sizes() != total.sizes()) continue;
      total = total + times_square(part, powers([&](std::size_t i) {
                                     return sums[scale][i].high == 0
                                                ? std::nullopt
                                                : std::optional(square_exponents[scale] - exponents[i]);
                                   }));
    }
    return total;
  };
  for (Tensor* tensor : {&fit.errors, &fit.deviations}) *tensor = tensor->to(states.device());
  const Tensor scaled_sum = sum.tensor() * powers([&](std::size_t i) { return std::optional(-exponents[i]); });
  fit.errors = with_gradient_of(fit.errors, in_scale_of_columns(error_squares, residuals));
  fit.deviations =
      with_gradient_of(fit.deviations, in_scale_of_columns(target_squares, squares) - scaled_sum.square() / n.value());
  fit.weights = times_square(fit.deviations, powers([&](std::size_t i) {
                               const bool equal = deviations[i].number.high == 0;
                               return equal ? std::nullopt : std::optional(exponents[i] - largest);
                             }));
  return fit;
}

/// Adds the fit of one column without squares that are scaled, which most are, to all states or to none. Returns
/// whether it is such a one.
bool add_plain_fit(States& states, std::span<const kernels::pairs::FitSums> fit,
                   const families::pairs::PairCount& count, at::IntArrayRef shape) {
  const auto is_scaled = [](const auto& squares) { return squares[1].high != 0 || squares[2].high != 0; };
  State& sum = states["sum_error"];
  if (fit.size() != 1 || sum.tensor().sizes() != shape) return false;
  if (is_scaled(fit[0].squared_target) || is_scaled(fit[0].squared_error)) return false;
  families::pairs::CountToAdd total(states, "total", count);
  State::add_all({{sum, fit[0].target},
                  {states[target_squares[0]], fit[0].squared_target[0]},
                  {states[error_squares[0]], fit[0].squared_error[0]}});
  total.add();
  return true;
}

void add_fit(States& states, std::span<const kernels::pairs::FitSums> fit, at::IntArrayRef shape) {
  std::vector<DoubleDouble> sums(fit.size());
  const auto add = [&](const char* state, const auto& of) {
    std::transform(fit.begin(), fit.end(), sums.begin(), of);
    families::pairs::add_sums(states[state], sums, shape);
  };
  using kernels::pairs::FitSums;
  add("sum_error", [](const FitSums& column) { return column.target; });
  for (std::size_t scale = 0; scale < target_squares.size(); ++scale) {
    const auto scaled = [&](const FitSums& column) {
      return column.squared_target[scale].high != 0 || column.squared_error[scale].high != 0;
    };
    if (scale > 0 && std::none_of(fit.begin(), fit.end(), scaled)) continue;
    add(target_squares[scale], [&](const FitSums& column) { return column.squared_target[scale]; });
    add(error_squares[scale], [&](const FitSums& column) { return column.squared_error[scale]; });
  }
}

/// Which scale the numbers of each column take before they are squared. In tensors, because on a device reading the
/// largest number would wait for it.
struct ColumnScales {
  std::array<Tensor, kernels::pairs::square_scales.size()> taken;  // whether a column takes that scale
  Tensor factor;

  explicit ColumnScales(const Tensor& values) {
    using kernels::pairs::least_unscaled, kernels::pairs::most_unscaled, kernels::pairs::square_scales;
    const Tensor largest = values.detach().abs().amax(0);
    const Tensor large = (largest > most_unscaled).logical_and(at::isfinite(largest));
    const Tensor small = (largest < least_unscaled).logical_and(largest > 0);
    taken = {large.logical_or(small).logical_not(), large, small};
    factor =
        taken[0].to(at::kDouble) + large.to(at::kDouble) * square_scales[1] + small.to(at::kDouble) * square_scales[2];
  }

  /// What a column has of a sum in that scale.
  Tensor at(std::size_t scale, const Tensor& sum) const { return at::where(taken[scale], sum, 0.0); }
};

/// The number cut off to as few digits as a float has, whatever its size.
Tensor with_float_digits(const Tensor& value) {
  constexpr int64_t digits_beyond = (int64_t{1} << 29) - 1;
  return value.contiguous().view(at::kLong).bitwise_and(~digits_beyond).view(at::kDouble);
}

/// A number times each of a tensor, in two parts.
std::pair<Tensor, Tensor> times(const DoubleDouble& number, const Tensor& numbers) {
  const Tensor held = numbers.detach().to(at::kCPU).contiguous();
  Tensor high = at::empty(held.sizes(), at::kDouble), low = at::empty(held.sizes(), at::kDouble);
  for (int64_t i = 0; i < held.numel(); ++i) {
    const DoubleDouble product = kernels::pairs::product(number, {held.const_data_ptr<double>()[i], 0});
    high.mutable_data_ptr<double>()[i] = product.high;
    low.mutable_data_ptr<double>()[i] = product.low;
  }
  return {high.to(numbers.device()), low.to(numbers.device())};
}

/// The same in tensors, and of rows that weigh. Of scaled y = k + v, where k has few enough digits that its square is
/// exact: Σ y = Σ v + n k, and Σ y² = Σ v² + 2 k Σ v + n k², where n k² is exact in two parts. Unscaled, k is a number,
/// too, so that Σ y, which is kept unscaled, is as exact. With weights each sum is of what they are times that, and n
/// is theirs.
void add_fit(States& states, const Tensor& preds, const Tensor& target, const families::pairs::WeightsOfPairs& rows) {
  const bool weighted = rows.given();
  const Tensor weights = weighted ? weights_beside(target, rows) : Tensor();
  const auto sum_of = [&](const Tensor& values) { return (weighted ? values * weights : values).sum(0); };
  const DoubleDouble n = rows.total().sum;
  const Tensor errors = target - preds;
  const ColumnScales of_target(target), of_error(errors);
  const Tensor y = target * of_target.factor;
  constexpr double beyond_all = 0x1p450;  // all that are finite
  const Tensor mean = sum_of(y) / n.value();
  const Tensor unscaled_k = with_float_digits(mean.clamp(-beyond_all, beyond_all) / of_target.factor);
  const Tensor k = unscaled_k * of_target.factor;
  const Tensor v = y - k;
  const Tensor sum_of_v = sum_of(v);
  const Tensor squared_errors = sum_of((errors * of_error.factor).square());
  const auto [k_squares, k_squares_low] = times(n, k * k);
  const auto [k_sums, k_sums_low] = times(n, unscaled_k);
  const std::array<Tensor, 4> squared_targets{sum_of(v.square()), 2 * k * sum_of_v, k_squares, k_squares_low};
  states["sum_error"].add(sum_of_v / of_target.factor);
  states["sum_error"].add(k_sums, k_sums_low);
  for (std::size_t scale = 0; scale < target_squares.size(); ++scale) {
    const Tensor occurs = of_target.taken[scale].logical_or(of_error.taken[scale]);
    if (scale > 0 && occurs.is_cpu() && !occurs.any().item<bool>()) continue;
    for (const Tensor& part : squared_targets) states[target_squares[scale]].add(of_target.at(scale, part));
    states[error_squares[scale]].add(of_error.at(scale, squared_errors));
  }
}

/// Attaches derivatives to the states of one batch, whose values are there already.
void attach_gradients(States& states, const Tensor& preds, const Tensor& target,
                      const families::pairs::WeightsOfPairs& rows) {
  const Tensor weights = rows.given() ? weights_beside(target, rows) : Tensor();
  const auto sum_of = [&](const Tensor& values) { return (weights.defined() ? values * weights : values).sum(0); };
  const Tensor x = preds.to(at::kDouble);
  const Tensor y = target.to(at::kDouble);
  const auto attach = [&](const char* name, const Tensor& formula) {
    State& state = states[name];
    if (state.tensor().sizes() != formula.sizes()) return;  // a scale that no column takes
    state.assign(with_gradient_of(state.tensor(), formula), state.residual(), {});
  };
  const auto attach_squares = [&](const std::array<const char*, 3>& names, const Tensor& values) {
    const ColumnScales scales(values);
    const Tensor sum = sum_of((values * scales.factor).square());
    for (std::size_t scale = 0; scale < names.size(); ++scale) attach(names[scale], scales.at(scale, sum));
  };
  attach_squares(target_squares, y);
  attach_squares(error_squares, y - x);
  attach("sum_error", sum_of(y));
}

}  // namespace

Tensor weights_beside(const Tensor& values, const families::pairs::WeightsOfPairs& rows) {
  at::DimVector shape(static_cast<std::size_t>(values.dim()), 1);
  shape[0] = values.size(0);
  return rows.column().to(values.device()).reshape(shape);
}

void add_sum_and_squares(State& sum, State& squares, const Tensor& values,
                         const families::pairs::WeightsOfPairs& rows) {
  const Tensor weights = rows.given() ? weights_beside(values, rows) : Tensor();
  const auto sum_of = [&](const Tensor& each) { return (weights.defined() ? each * weights : each).sum(0); };
  const DoubleDouble n = rows.total().sum;
  const Tensor k = with_float_digits(sum_of(values) / n.value());
  const Tensor v = values - k;
  const Tensor sum_of_v = sum_of(v);
  const auto [k_sums, k_sums_low] = times(n, k);
  const auto [k_squares, k_squares_low] = times(n, k * k);
  sum.add(sum_of_v);
  sum.add(k_sums, k_sums_low);
  for (const Tensor& part : {sum_of(v.square()), Tensor(2 * k * sum_of_v)}) squares.add(part);
  squares.add(k_squares, k_squares_low);
}

void declare_fit(States& states, const Tensor& initial, ShapeFrom shape) {
  for (const char* state : {"sum_squared_error", "sum_error", "residual"}) {
    states.add(state, metrics::Reduction::Sum, initial, shape);
  }
  states.add("total", metrics::Reduction::Sum, at::zeros({}, at::kLong));
  for (const auto& squares : {target_squares, error_squares}) {
    for (std::size_t scale = 1; scale < squares.size(); ++scale) {
      states.add(squares[scale], metrics::Reduction::Sum, at::zeros({}, at::kFloat), ShapeFrom::Data);
    }
  }
}

void fold_fit(States& states, const Tensor& preds, const Tensor& target, const Weights& weights,
              at::IntArrayRef shape) {
  const int64_t rows = preds.size(0);
  const families::pairs::WeightsOfPairs of_rows(weights, rows);
  const bool differentiable = families::pairs::carries_gradients(preds, target);
  if (families::pairs::has_kernel(preds) && !differentiable) {
    const families::pairs::KernelPairs pairs(preds, target, preds.numel() / rows, weights);
    const auto fit = kernels::pairs::fit_sums(pairs.get());
    const families::pairs::PairCount count = of_rows.total(fit.count);
    if (add_plain_fit(states, fit.of, count, shape)) return;
    States::Attempt attempt(states);
    add_fit(states, fit.of, shape);
    families::pairs::CountToAdd(states, "total", count).add();
    return attempt.succeed();
  }
  at::DimVector sizes{rows};
  sizes.append(shape.begin(), shape.end());
  const Tensor x = preds.reshape(sizes), y = target.reshape(sizes);
  States::Attempt attempt(states);
  add_fit(states, x.detach().to(at::kDouble), y.detach().to(at::kDouble), of_rows);
  families::pairs::CountToAdd(states, "total", of_rows.total()).add();
  if (differentiable) attach_gradients(states, x, y, of_rows);
  attempt.succeed();
}

Fit fit_in(const States& states, const DoubleDouble& n) {
  if (auto scaled = scaled_fit(states, n)) return *std::move(scaled);
  const State& sum = states["sum_error"];
  const State& sum_of_squares = states["sum_squared_error"];
  const Tensor deviations = with_gradient_of(squared_deviations(sum, sum_of_squares, n),
                                             sum_of_squares.tensor() - sum.tensor().square() / n.value());
  return {states["residual"].tensor(), deviations, deviations, {}};
}

DoubleDouble number_of_rows(const States& states) {
  const State& total = states["total"];
  return total.is_weighted() ? sums_in(total, 1).front() : double_double_of(families::count_in(total.tensor()));
}

std::optional<PlainFit> PlainFit::of(const States& states) {
  const State& target = states["sum_error"];
  const int64_t columns = target.tensor().numel();
  PlainFit fit(columns);
  const auto read = [&](const State& state, Sums& sums) {
    const families::Doubles high(state.tensor()), low(state.residual());
    if (!high.are_here() || !low.are_here() || high.size() != columns || low.size() != columns) return false;
    for (int64_t i = 0; i < columns; ++i) sums[static_cast<std::size_t>(i)] = {high[i], low[i]};
    return true;
  };
  const auto is_unused = [](const State& state) {
    const families::Doubles sums(state.tensor());
    bool unused = sums.are_here();
    for (int64_t i = 0; unused && i < sums.size(); ++i) unused = sums[i] == 0;
    return unused;
  };
  for (const auto& squares : {target_squares, error_squares}) {
    if (!is_unused(states[squares[1]]) || !is_unused(states[squares[2]])) return std::nullopt;
  }
  const bool are_here = read(target, fit.target_) && read(states[target_squares[0]], fit.squared_target_) &&
                        read(states[error_squares[0]], fit.errors_);
  return are_here ? std::optional(std::move(fit)) : std::nullopt;
}

}  // namespace metrics::regression
