#include "../core/loaded_states.h"
#include "compensated_sum.h"
#include "kernels/checked_rows.h"
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
#include <sstream>

namespace metrics {

namespace {

struct Weighted {
  Tensor value;
  Tensor weight;  // undefined: all ones
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
  return given;
}

Tensor without_nan(const Tensor& values, const AggregatorOptions& options, std::string_view metric) {
  return without_nan(Weighted{values, {}}, options, metric).value;
}

DoubleDouble sum_of(const Tensor& values) {
  if (!values.is_cpu()) return {values.sum(at::kDouble).item<double>(), 0};
  const Tensor flat = values.resolve_neg().contiguous();
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

/// The extreme of what the strategy leaves of the values, by at::min or at::max; undefined where nothing is left.
template <class Extreme>
Tensor extreme_of(const Values& value, const AggregatorOptions& options, std::string_view metric, Extreme extreme) {
  if (value.tensor().numel() == 0) return {};
  const Tensor found = extreme(value.tensor());
  if (!looks_for_nan(options) || !any_nan(found)) return found;
  const Tensor kept = without_nan(value.tensor(), options, metric);
  return kept.numel() == 0 ? Tensor() : extreme(kept);
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
  if (rows.valid) {
    const Tensor valid = rows.valid->to(given.value.device());
    if (given.value.dim() == 0) given.value = given.value.unsqueeze(0);
    if (given.weight.defined()) given.weight = given.weight.expand(given.value.sizes()).index({valid});
    given.value = given.value.index({valid});
  }
  if (!given.weight.defined()) {
    const auto [sum, count] = summed(given.value, options, name);
    return State::add_all({{states["mean_value"], sum}, {states["weight"], {static_cast<double>(count), 0}}});
  }
  given = without_nan(std::move(given), options, name);
  const Tensor weights = given.weight.to(at::kDouble);
  const DoubleDouble weighted = sum_of(given.value.to(at::kDouble).mul(weights));
  const DoubleDouble total = sum_of(weights);
  State::add_all({{states["mean_value"], weighted}, {states["weight"], total}});
}

Tensor MeanMetric::finalise(const States& states, const Options&) {
  return states["mean_value"].tensor().div(states["weight"].tensor());
}

void MaxMetric::declare(States& states, const Options&) {
  states.add("max_value", Reduction::Max, number(-infinity));
}

void MaxMetric::update(States& states, const Options& options, const Values& value) {
  const Tensor highest = extreme_of(value, options, name, [](const Tensor& values) { return at::max(values); });
  if (highest.defined()) states["max_value"].raise(highest);
}

Tensor MaxMetric::finalise(const States& states, const Options&) {
  return states["max_value"].tensor();
}

void MinMetric::declare(States& states, const Options&) {
  states.add("min_value", Reduction::Min, number(infinity));
}

void MinMetric::update(States& states, const Options& options, const Values& value) {
  const Tensor lowest = extreme_of(value, options, name, [](const Tensor& values) { return at::min(values); });
  if (lowest.defined()) states["min_value"].lower(lowest);
}

Tensor MinMetric::finalise(const States& states, const Options&) {
  return states["min_value"].tensor();
}

void CatMetric::declare(States& states, const Options&) {
  states.add("value", Reduction::Cat);
}

void CatMetric::update(States& states, const Options& options, const Values& value) {
  const Tensor values = without_nan(value.tensor(), options, name);
  if (values.numel() > 0) states["value"].append(values.to(states.device(), states.dtype()));
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
