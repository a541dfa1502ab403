#include "families/numbers.h"
#include "families/pairs.h"
#include "kernels/pairs/exact_products.h"
#include <metrics/core/define.h>
#include <metrics/core/warning.h>
#include <metrics/regression/r2.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <sstream>
#include <utility>
#include <vector>

namespace metrics {

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

/// The numbers of a compensated sum by column, on the CPU; 0 before the first update.
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

/// `value`, with the derivative of `formula`, which would give the same without rounding.
Tensor with_gradient_of(const Tensor& value, const Tensor& formula) {
  if (!formula.requires_grad()) return value;
  const Tensor nothing = formula - formula.detach();
  return value + at::where(at::isfinite(formula), nothing, 0.0);
}

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

/// Errors and deviations by column in a scale that both share, and the deviations in one that all columns share.
struct ScaledFit {
  Tensor errors, deviations, weights;
};

/// Nothing where no square had to be scaled.
std::optional<ScaledFit> scaled_fit(const States& states, const DoubleDouble& n) {
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
  ScaledFit fit{at::empty(sum.tensor().sizes(), at::kDouble), at::empty(sum.tensor().sizes(), at::kDouble), {}};
  std::vector<Scaled> deviations;
  std::vector<int> exponents;
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

/// Σ (y - mean)² from Σ y and Σ y², 0 where that is their rounding.
double squared_deviation(const DoubleDouble& total, const DoubleDouble& total_of_squares, const DoubleDouble& n) {
  using kernels::pairs::difference, kernels::pairs::product, kernels::pairs::quotient;
  const double rest = difference(total_of_squares, quotient(product(total, total), n)).value();
  return rest <= rounding_of_sums * total_of_squares.high ? 0 : rest;
}

/// The same of each column.
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

Tensor averaged(const Tensor& scores, const Tensor& deviations, regression::MultiOutput multioutput) {
  using families::sum_in_order;
  switch (multioutput) {
    case regression::MultiOutput::RawValues:
      return scores;
    case regression::MultiOutput::UniformAverage:
      return sum_in_order(scores) / scores.numel();
    case regression::MultiOutput::VarianceWeighted:
      return sum_in_order(deviations / sum_in_order(deviations) * scores);
  }
  return scores;
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

/// The sums of a fit as numbers, where they are such on the CPU and no square had to be scaled.
class PlainFit {
 public:
  /// Nothing where they are not.
  static std::optional<PlainFit> of(const States& states) {
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

  int64_t columns() const { return static_cast<int64_t>(target_.size()); }
  double errors(int64_t column) const { return errors_[static_cast<std::size_t>(column)].high; }
  double deviations(int64_t column, const DoubleDouble& n) const {
    const auto i = static_cast<std::size_t>(column);
    return squared_deviation(target_[i], squared_target_[i], n);
  }

 private:
  using Sums = kernels::pairs::ByColumn<DoubleDouble>;
  explicit PlainFit(int64_t columns) {
    for (Sums* sums : {&target_, &squared_target_, &errors_}) sums->resize(static_cast<std::size_t>(columns));
  }

  Sums target_, squared_target_, errors_;
};

/// What the tensors above make of one column or several, of numbers.
Tensor value_of_numbers(const PlainFit& fit, const R2ScoreOptions& options, const DoubleDouble& total,
                        at::IntArrayRef shape) {
  const double n = total.value();
  const auto deviations = [&](int64_t column) { return fit.deviations(column, total); };
  const auto score_of = [&](int64_t column) { return score(fit.errors(column), deviations(column)); };
  if (options.multioutput == regression::MultiOutput::RawValues) {
    Tensor scores = families::empty_doubles(shape);
    double* const each = scores.mutable_data_ptr<double>();
    for (int64_t i = 0; i < fit.columns(); ++i) each[i] = adjusted(score_of(i), options.adjusted, n);
    return scores;
  }
  double sum = 0, mean = 0;
  if (options.multioutput == regression::MultiOutput::UniformAverage) {
    for (int64_t i = 0; i < fit.columns(); ++i) sum += score_of(i);
    mean = sum / static_cast<double>(fit.columns());
  } else {
    for (int64_t i = 0; i < fit.columns(); ++i) sum += deviations(i);
    for (int64_t i = 0; i < fit.columns(); ++i) mean += deviations(i) / sum * score_of(i);
  }
  return families::tensor_of(adjusted(mean, options.adjusted, n));
}

/// How many rows there are, or where they weigh the sum of that.
DoubleDouble number_of_rows(const States& states) {
  const State& total = states["total"];
  return total.is_weighted() ? sums_in(total, 1).front() : double_double_of(families::count_in(total.tensor()));
}

void check_columns(const States& states, const Tensor& preds) {
  const Tensor held = states["sum_error"].tensor();
  if (number_of_rows(states).high == 0) return;
  if (held.sizes() == preds.sizes().slice(1)) return;
  std::ostringstream message;
  message << "R2Score: inputs of shape " << preds.sizes() << " after inputs of shape [N";
  if (held.dim() == 1) message << ", " << held.size(0);
  message << "]: expected as many outputs as before";
  throw InvalidArgument(message.str());
}

/// Adds the fit of one column without squares that are scaled, which most are, to all states or to none. Returns
/// whether it is such a one.
bool add_plain_fit(States& states, std::span<const kernels::pairs::FitSums> fit, int64_t rows) {
  const auto is_scaled = [](const auto& squares) { return squares[1].high != 0 || squares[2].high != 0; };
  State& sum = states["sum_error"];
  if (fit.size() != 1 || sum.tensor().dim() != 0) return false;
  if (is_scaled(fit[0].squared_target) || is_scaled(fit[0].squared_error)) return false;
  families::pairs::CountToAdd total(states, "total", rows);
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

/// The weights of the rows of targets [N] or [N, M], in a shape that goes with these.
Tensor weights_beside(const Tensor& target, const families::pairs::WeightsOfPairs& rows) {
  const Tensor column = rows.column().to(target.device());
  return target.dim() == 1 ? column.squeeze(1) : column;
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
  const bool weighted = rows.each() != nullptr;
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
  const Tensor weights = rows.each() != nullptr ? weights_beside(target, rows) : Tensor();
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

namespace definitions {

void R2Score::check(const Options& options) {
  if (options.adjusted >= 0) return;
  throw InvalidArgument("R2Score: adjusted: expected an integer of at least 0, got " +
                        std::to_string(options.adjusted));
}

void R2Score::declare(States& states, const Options&) {
  const auto add = [&](const char* state) {
    states.add(state, Reduction::Sum, at::zeros({}, at::kFloat), ShapeFrom::Data);
  };
  for (const char* state : {"sum_squared_error", "sum_error", "residual"}) add(state);
  states.add("total", Reduction::Sum, at::zeros({}, at::kLong));
  for (const auto& squares : {target_squares, error_squares}) {
    for (std::size_t scale = 1; scale < squares.size(); ++scale) add(squares[scale]);
  }
}

void R2Score::update(States& states, const Options&, const Tensor& preds, const Tensor& target,
                     const Weights& weights) {
  families::pairs::check_pairs(preds, target);
  families::pairs::check_one_or_two_dimensional(preds);
  check_columns(states, preds);
  const int64_t rows = preds.size(0);
  if (rows == 0) return;
  const auto shape = preds.sizes().slice(1);
  const bool differentiable = families::pairs::carries_gradients(preds, target);
  kernels::pairs::ByColumn<kernels::pairs::FitSums> fit;
  if (families::pairs::has_kernel(preds) && !differentiable && !weights.given()) {
    fit = kernels::pairs::fit_sums(families::pairs::KernelPairs(preds, target, preds.numel() / rows).get());
    if (shape.empty() && add_plain_fit(states, fit, rows)) return;
  }
  const families::pairs::WeightsOfPairs of_rows(weights, rows);
  States::Attempt attempt(states);
  if (!fit.empty()) {
    add_fit(states, fit, shape);
  } else {
    add_fit(states, preds.detach().to(at::kDouble), target.detach().to(at::kDouble), of_rows);
  }
  families::pairs::CountToAdd(states, "total", of_rows.total()).add();
  if (differentiable) attach_gradients(states, preds, target, of_rows);
  attempt.succeed();
}

Tensor R2Score::finalise(const States& states, const Options& options) {
  const State& sum = states["sum_error"];
  const State& sum_of_squares = states["sum_squared_error"];
  const Tensor errors = states["residual"].tensor();
  const DoubleDouble total = number_of_rows(states);
  const double n = total.value();
  const auto none = [&] {
    const Tensor nothing = errors * std::numeric_limits<double>::quiet_NaN();
    return options.multioutput == regression::MultiOutput::RawValues ? nothing : nothing.mean();
  };
  // Fractions of rows may be several, as they are where targets deviate.
  const bool weighted = states["total"].is_weighted();
  if (n == 0 || (n < 2 && !weighted)) return none();
  if (n < 2 && is_all_0(squared_deviations(sum, sum_of_squares, total))) return none();
  warn_of_no_freedom(options.adjusted, n);
  if (const auto fit = PlainFit::of(states)) return value_of_numbers(*fit, options, total, sum.tensor().sizes());
  const auto value = [&](const Tensor& of_errors, const Tensor& of_deviations, const Tensor& weights) {
    return adjusted(averaged(score(of_errors, of_deviations), weights, options.multioutput), options.adjusted, n);
  };
  if (const auto fit = scaled_fit(states, total)) return value(fit->errors, fit->deviations, fit->weights);
  const Tensor deviations = with_gradient_of(squared_deviations(sum, sum_of_squares, total),
                                             sum_of_squares.tensor() - sum.tensor().square() / n);
  return value(errors, deviations, deviations);
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
