#include "compensated_sum.h"
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

#include <limits>
#include <sstream>

namespace metrics {

namespace {

struct Weighted {
  Tensor value;
  Tensor weight;  // undefined: all ones
};

void check_real(const Tensor& tensor, std::string_view metric, std::string_view input) {
  if (!tensor.is_complex()) return;
  std::ostringstream message;
  message << metric << ": input `" << input << "` is " << tensor.scalar_type() << "; real numbers expected";
  throw InvalidArgument(message.str());
}

/// Whether there is a NaN, at the cost of a sum: only a sum that is NaN is looked at closely.
bool has_nan(const Tensor& tensor) {
  if (!tensor.defined() || !tensor.is_floating_point()) return false;
  return at::isnan(tensor.sum()).item<bool>() && at::isnan(tensor).any().item<bool>();
}

/// The values without NaN, as the strategy says.
Weighted without_nan(Weighted given, const AggregatorOptions& options, std::string_view metric) {
  const auto* strategy = std::get_if<NanStrategy>(&options.nan_strategy);
  if (strategy != nullptr && *strategy == NanStrategy::Disable) return given;
  if (!has_nan(given.value) && !has_nan(given.weight)) return given;
  if (strategy != nullptr && *strategy == NanStrategy::Error) {
    throw InvalidArgument(std::string(metric) + ": NaN in input `" + (has_nan(given.value) ? "value" : "weight") +
                          "`, and nan_strategy is 'error'");
  }
  Tensor nan = at::isnan(given.value);
  if (given.weight.defined()) nan = nan.logical_or(at::isnan(given.weight));
  if (strategy == nullptr) {
    const double replacement = std::get<double>(options.nan_strategy);
    given.value = given.value.masked_fill(nan, replacement);
    if (given.weight.defined()) given.weight = given.weight.masked_fill(nan, 1);
    return given;
  }
  if (*strategy == NanStrategy::Warn) warn(std::string(metric) + ": NaN values are left out");
  const Tensor kept = nan.logical_not();
  given.value = given.value.masked_select(kept);
  if (given.weight.defined()) given.weight = given.weight.masked_select(kept);
  return given;
}

/// The values to aggregate, without NaN and without autograd's history.
Tensor cleaned(const Values& value, const AggregatorOptions& options, std::string_view metric) {
  check_real(value.tensor(), metric, "value");
  return without_nan({value.tensor().detach(), {}}, options, metric).value;
}

DoubleDouble sum_of(const Tensor& values) {
  if (!values.is_cpu()) return {values.sum(at::kDouble).item<double>(), 0};
  const Tensor flat = values.contiguous();
  if (flat.scalar_type() == at::kFloat) return compensated_sum(flat.const_data_ptr<float>(), flat.numel());
  const Tensor wide = flat.to(at::kDouble);
  return compensated_sum(wide.const_data_ptr<double>(), wide.numel());
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
  states["sum_value"].add(sum_of(cleaned(value, options, name)));
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
  check_real(value.tensor(), name, "value");
  Weighted given{value.tensor().detach(), {}};
  if (weight) {
    check_real(weight->tensor(), name, "weight");
    if (!at::is_expandable_to(weight->tensor().sizes(), given.value.sizes())) {
      std::ostringstream message;
      message << name << ": input `weight` of shape " << weight->tensor().sizes() << " does not broadcast to `value`'s "
              << given.value.sizes();
      throw InvalidArgument(message.str());
    }
    given.weight = weight->tensor().detach().to(given.value.device()).expand(given.value.sizes());
  }
  if (rows.valid) {
    const Tensor valid = rows.valid->to(given.value.device());
    if (given.value.dim() == 0) given.value = given.value.unsqueeze(0);
    if (given.weight.defined()) given.weight = given.weight.expand(given.value.sizes()).index({valid});
    given.value = given.value.index({valid});
  }
  given = without_nan(std::move(given), options, name);
  if (!given.weight.defined()) {
    states["mean_value"].add(sum_of(given.value));
    states["weight"].add(DoubleDouble{static_cast<double>(given.value.numel()), 0});
    return;
  }
  const Tensor weights = given.weight.to(at::kDouble);
  const DoubleDouble weighted = sum_of(given.value.to(at::kDouble).mul(weights));
  const DoubleDouble total = sum_of(weights);
  states["mean_value"].add(weighted);
  states["weight"].add(total);
}

Tensor MeanMetric::finalise(const States& states, const Options&) {
  return states["mean_value"].tensor().div(states["weight"].tensor());
}

void MaxMetric::declare(States& states, const Options&) {
  states.add("max_value", Reduction::Max, number(-infinity));
}

void MaxMetric::update(States& states, const Options& options, const Values& value) {
  const Tensor values = cleaned(value, options, name);
  if (values.numel() > 0) states["max_value"].raise(at::max(values));
}

Tensor MaxMetric::finalise(const States& states, const Options&) {
  return states["max_value"].tensor();
}

void MinMetric::declare(States& states, const Options&) {
  states.add("min_value", Reduction::Min, number(infinity));
}

void MinMetric::update(States& states, const Options& options, const Values& value) {
  const Tensor values = cleaned(value, options, name);
  if (values.numel() > 0) states["min_value"].lower(at::min(values));
}

Tensor MinMetric::finalise(const States& states, const Options&) {
  return states["min_value"].tensor();
}

void CatMetric::declare(States& states, const Options&) {
  states.add("value", Reduction::Cat);
}

void CatMetric::update(States& states, const Options& options, const Values& value) {
  const Tensor values = cleaned(value, options, name);
  if (values.numel() > 0) states["value"].append(values.to(states.device(), states.dtype()));
}

Tensor CatMetric::finalise(const States& states, const Options&) {
  const Tensor values = states["value"].tensor();
  return values.defined() ? values : at::empty({0}, at::TensorOptions(states.dtype()).device(states.device()));
}

}  // namespace definitions

METRICS_DEFINE(definitions::SumMetric);
METRICS_DEFINE(definitions::MeanMetric);
METRICS_DEFINE(definitions::MaxMetric);
METRICS_DEFINE(definitions::MinMetric);
METRICS_DEFINE(definitions::CatMetric);

}  // namespace metrics
