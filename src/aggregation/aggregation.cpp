#include "../core/loaded_states.h"
#include "compensated_sum.h"
#include "extremes.h"
#include "families/numbers.h"
#include "kernels/checked_rows.h"
#include "kernels/parallel.h"
#include "kernels/plain_tensor.h"
#include <metrics/aggregation/aggregation.h>
#include <metrics/core/define.h>
#include <metrics/core/warning.h>

#include <ATen/ExpandUtils.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/max.h>
#include <ATen/ops/min.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>
#include <optional>
#include <sstream>

namespace metrics {

namespace {

struct Weighted {
  Tensor value;
  Tensor weight;    // undefined: all ones
  Tensor of_row{};  // what its row weighs beside that; undefined: rows count once
};

bool any_nan(const Tensor& tensor) {
  if (!tensor.defined() || !tensor.is_floating_point()) return false;
  if (tensor.numel() == 1) return std::isnan(tensor.item<double>());
  if (kernels::is_plain(tensor) && tensor.scalar_type() == at::kFloat)
    return kernels::has_nan(tensor.const_data_ptr<float>(), tensor.numel());
  if (kernels::is_plain(tensor) && tensor.scalar_type() == at::kDouble)
    return kernels::has_nan(tensor.const_data_ptr<double>(), tensor.numel());
  return at::isnan(tensor).any().item<bool>();
}

/// Whether NaN is looked for at all.
bool looks_for_nan(const AggregatorOptions& options) {
  const auto* strategy = std::get_if<aggregation::NanStrategy>(&options.nan_strategy);
  return strategy == nullptr || *strategy != aggregation::NanStrategy::Disable;
}

/// The values without NaN, as the strategy says.
Weighted without_nan(Weighted given, const AggregatorOptions& options, std::string_view metric) {
  if (!looks_for_nan(options) || (!any_nan(given.value) && !any_nan(given.weight))) return given;
  const auto* strategy = std::get_if<aggregation::NanStrategy>(&options.nan_strategy);
  if (strategy != nullptr && *strategy == aggregation::NanStrategy::Error) {
    throw InvalidArgument(std::string(metric) + ": NaN in input `" + (any_nan(given.value) ? "value" : "weight") +
                          "`, and nan_strategy is 'error'");
  }
  Tensor nan = at::isnan(given.value);
  if (given.weight.defined()) nan = nan.logical_or(at::isnan(given.weight));
  if (strategy == nullptr) {
    const double replacement = std::get<double>(options.nan_strategy);
    // Wider where the values' type could not hold the replacement: an integer's weight may be NaN, and halves are coarse.
    const bool holds = given.value.scalar_type() == at::kFloat || given.value.scalar_type() == at::kDouble;
    given.value = (holds ? given.value : given.value.to(at::kDouble)).masked_fill(nan, replacement);
    if (given.weight.defined()) given.weight = given.weight.masked_fill(nan, 1);
    return given;
  }
  if (*strategy == aggregation::NanStrategy::Warn) warn(std::string(metric) + ": NaN values are left out");
  const Tensor kept = nan.logical_not();
  given.value = given.value.masked_select(kept);
  if (given.weight.defined()) given.weight = given.weight.masked_select(kept);
  if (given.of_row.defined()) given.of_row = given.of_row.masked_select(kept);
  return given;
}

Tensor without_nan(const Tensor& values, const AggregatorOptions& options, std::string_view metric) {
  return without_nan(Weighted{values, {}}, options, metric).value;
}

DoubleDouble sum_of(const Tensor& values) {
  if (!values.is_cpu()) return {values.sum(at::kDouble).item<double>(), 0};
  const Tensor flat = kernels::is_plain(values) ? values : values.resolve_neg().contiguous();
  if (flat.scalar_type() == at::kFloat) return aggregation::compensated_sum(flat.const_data_ptr<float>(), flat.numel());
  const Tensor wide = flat.scalar_type() == at::kDouble ? flat : flat.to(at::kDouble);
  return aggregation::compensated_sum(wide.const_data_ptr<double>(), wide.numel());
}

/// The sum of what the strategy leaves of the values, and how many they are. A sum that is not NaN has met
/// none, so that the values are read once.
struct Summed {
  DoubleDouble sum;
  int64_t count;
};
Summed summed(const Tensor& values, const AggregatorOptions& options, std::string_view metric) {
  const DoubleDouble sum = sum_of(values);
  if (!std::isnan(sum.high) || !looks_for_nan(options)) return {sum, values.numel()};
  const Tensor kept = without_nan(values, options, metric);
  return {sum_of(kept), kept.numel()};
}

/// One end of numbers: the same by a kernel, where there is one for them, and in tensors.
struct Greatest {
  static Tensor of(const Tensor& values) { return at::max(values); }
  template <class T>
  static double of(const T* values, int64_t n) {
    return aggregation::greatest(values, n);
  }
  static void fold(State& state, double found) { state.raise(found); }
  static void fold(State& state, const Tensor& found) { state.raise(found); }
};
struct Least {
  static Tensor of(const Tensor& values) { return at::min(values); }
  template <class T>
  static double of(const T* values, int64_t n) {
    return aggregation::least(values, n);
  }
  static void fold(State& state, double found) { state.lower(found); }
  static void fold(State& state, const Tensor& found) { state.lower(found); }
};

/// The end of the few numbers that one thread has looked through before others have begun.
template <class End>
std::optional<double> end_of_few(const Tensor& values) {
  const int64_t n = values.numel();
  if (n > kernels::elements_per_task || !kernels::is_plain(values)) return std::nullopt;
  switch (values.scalar_type()) {
    case at::kFloat:
      return End::of(values.const_data_ptr<float>(), n);
    case at::kDouble:
      return End::of(values.const_data_ptr<double>(), n);
    case at::kLong:
      return End::of(values.const_data_ptr<int64_t>(), n);
    default:
      return std::nullopt;
  }
}

/// Folds the end of what the strategy leaves of the values into the state.
template <class End>
void fold_end(State& state, const Tensor& values, const AggregatorOptions& options, std::string_view metric) {
  if (values.numel() == 0) return;
  if (const std::optional<double> found = end_of_few<End>(values)) {
    if (!std::isnan(*found) || !looks_for_nan(options)) return End::fold(state, *found);
  } else {
    const Tensor end = End::of(values);
    if (!looks_for_nan(options) || !any_nan(end)) return End::fold(state, end);
  }
  const Tensor kept = without_nan(values, options, metric);
  if (kept.numel() > 0) End::fold(state, End::of(kept));
}

Tensor number(double value) {
  return at::full({}, value, at::kDouble);
}

constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

namespace definitions {

void SumMetric::declare(States& states, const Options&) {
  states.add("sum_value", Reduction::Sum, number(0));
}

void SumMetric::update(States& states, const Options& options, const Values& value) {
  states["sum_value"].add(summed(value.tensor(), options, name).sum);
}

Tensor SumMetric::finalise(const States& states, const Options&) {
  return states["sum_value"].tensor();
}

void MeanMetric::declare(States& states, const Options&) {
  states.add("mean_value", Reduction::Sum, number(0));
  states.add("weight", Reduction::Sum, number(0));
}

void MeanMetric::update(States& states, const Options& options, const Values& value,
                        const std::optional<Values>& weight, const Rows& rows) {
  Weighted given{value.tensor(), {}};
  if (weight) {
    if (!at::is_expandable_to(weight->tensor().sizes(), given.value.sizes())) {
      std::ostringstream message;
      message << name << ": input `weight` of shape " << weight->tensor().sizes() << " does not broadcast to `value`'s "
              << given.value.sizes();
      throw InvalidArgument(message.str());
    }
    given.weight = weight->tensor().to(given.value.device()).expand(given.value.sizes());
  }
  if (rows.weights) {
    if (given.value.dim() == 0) given.value = given.value.unsqueeze(0);
    std::vector<int64_t> of_rows(static_cast<std::size_t>(given.value.dim()), 1);
    of_rows.front() = given.value.size(0);
    given.of_row = rows.weights->detach().to(at::kDouble).view(of_rows).expand(given.value.sizes());
  }
  if (rows.valid) {
    const Tensor valid = rows.valid->to(given.value.device());
    if (given.value.dim() == 0) given.value = given.value.unsqueeze(0);
    if (given.weight.defined()) given.weight = given.weight.expand(given.value.sizes()).index({valid});
    if (given.of_row.defined()) given.of_row = given.of_row.index({valid});
    given.value = given.value.index({valid});
  }
  if (!given.weight.defined() && !given.of_row.defined()) {
    const auto [sum, count] = summed(given.value, options, name);
    return State::add_all({{states["mean_value"], sum}, {states["weight"], {static_cast<double>(count), 0}}});
  }
  given = without_nan(std::move(given), options, name);
  const Tensor own = given.weight.defined() ? given.weight.to(at::kDouble) : given.of_row;
  const Tensor weights = given.weight.defined() && given.of_row.defined() ? own * given.of_row : own;
  const DoubleDouble weighted = sum_of(given.value.to(at::kDouble).mul(weights));
  const DoubleDouble total = sum_of(weights);
  State::add_all({{states["mean_value"], weighted}, {states["weight"], total}});
}

Tensor MeanMetric::finalise(const States& states, const Options&) {
  return families::value_of([](const auto& sum, const auto& weight) { return sum / weight; },
                            states["mean_value"].tensor(), states["weight"].tensor());
}

void MaxMetric::declare(States& states, const Options&) {
  states.add("max_value", Reduction::Max, number(-infinity));
}

void MaxMetric::update(States& states, const Options& options, const Values& value) {
  fold_end<Greatest>(states["max_value"], value.tensor(), options, name);
}

Tensor MaxMetric::finalise(const States& states, const Options&) {
  return states["max_value"].tensor();
}

void MinMetric::declare(States& states, const Options&) {
  states.add("min_value", Reduction::Min, number(infinity));
}

void MinMetric::update(States& states, const Options& options, const Values& value) {
  fold_end<Least>(states["min_value"], value.tensor(), options, name);
}

Tensor MinMetric::finalise(const States& states, const Options&) {
  return states["min_value"].tensor();
}

void CatMetric::declare(States& states, const Options&) {
  states.add("value", Reduction::Cat);
}

void CatMetric::update(States& states, const Options& options, const Values& value) {
  const Tensor values = without_nan(value.tensor(), options, name);
  if (values.numel() == 0) return;
  const bool is_as_kept = values.scalar_type() == states.dtype() && values.device() == states.device();
  states["value"].append(is_as_kept ? values : values.to(states.device(), states.dtype()));
}

Tensor CatMetric::finalise(const States& states, const Options&) {
  const Tensor values = states["value"].tensor();
  return values.defined() ? values : at::empty({0}, at::TensorOptions(states.dtype()).device(states.device()));
}

void CatMetric::complete_from_torchmetrics(States& states, const Options&) {
  require_floating_rows(states["value"]);
}

}  // namespace definitions

METRICS_DEFINE_CLASS(SumMetric);
METRICS_DEFINE_CLASS(MeanMetric);
METRICS_DEFINE_CLASS(MaxMetric);
METRICS_DEFINE_CLASS(MinMetric);
METRICS_DEFINE_CLASS(CatMetric);

}  // namespace metrics
