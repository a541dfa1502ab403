#include <metrics/collections/minmax.h>
#include <metrics/core/codec.h>
#include <metrics/core/errors.h>
#include <metrics/core/readable.h>

#include <ATen/core/ivalue.h>
#include <ATen/ops/full.h>
#include <ATen/ops/scalar_tensor.h>

#include <limits>
#include <utility>

namespace metrics {

namespace {

constexpr const char* max_key = "metrics.max";
constexpr const char* min_key = "metrics.min";

Children only(const MetricHandle& metric) {
  Children children;
  children.add("_base_metric", metric);
  return children;
}

Tensor one_number(const c10::IValue& value, const Metric& metric) {
  if (value.isTensor() && value.toTensor().defined() && value.toTensor().numel() == 1) return value.toTensor();
  if (value.isDouble()) return at::scalar_tensor(value.toDouble(), at::TensorOptions(at::kFloat));
  if (value.isInt()) return at::scalar_tensor(value.toInt(), at::TensorOptions(at::kLong));
  throw Error("MinMaxMetric: expected a value of one element from " + metric.to_string() + ", got " + describe(value));
}

double number(const Tensor& extreme) {
  return extreme.item<double>();
}

Tensor limit(double value) {
  return at::full({}, value, at::TensorOptions(at::kFloat));
}

}  // namespace

MinMaxMetric::MinMaxMetric(MetricHandle base_metric) : Composite(only(base_metric)) {
  traits_.higher_is_better = base_metric->traits().higher_is_better;
}

c10::IValue MinMaxMetric::value() {
  const Tensor raw = one_number(value_of_child(parts()[0]), parts()[0]);
  const Tensor kept = raw.detach().clone();
  Extremes now = extremes_;
  if (!now.max.defined())
    now = {limit(-std::numeric_limits<double>::infinity()), limit(std::numeric_limits<double>::infinity())};
  if (number(now.max) < number(kept)) now.max = kept;
  if (number(now.min) > number(kept)) now.min = kept;
  c10::impl::GenericDict values(c10::StringType::get(), c10::AnyType::get());
  values.insert("raw", raw);
  values.insert("max", now.max.clone());
  values.insert("min", now.min.clone());
  extremes_ = std::move(now);
  return values;
}

MinMaxValue MinMaxMetric::read(const c10::IValue& value) {
  const auto entry = [&](const char* name) { return detail::entry_of(value, name)->toTensor(); };
  return {entry("raw"), entry("max"), entry("min")};
}

MinMaxValue MinMaxMetric::compute() {
  return read(Metric::compute());
}

void MinMaxMetric::collect_recorders(std::vector<Recorder*>& recorders) {
  Composite::collect_recorders(recorders);
  recorders.push_back(this);
}

std::string MinMaxMetric::describe_options() const {
  return "base_metric=" + parts()[0].to_string();
}

std::shared_ptr<const void> MinMaxMetric::history() const {
  return std::make_shared<const Extremes>(extremes_);
}

void MinMaxMetric::restore_history(std::shared_ptr<const void> history) {
  extremes_ = *std::static_pointer_cast<const Extremes>(history);
}

void MinMaxMetric::save_own_states(StateDict& destination, const std::string& prefix) const {
  Composite::save_own_states(destination, prefix);
  if (!extremes_.max.defined()) return;
  StateDict::Metadata& metadata = destination.metadata_of(prefix);
  metadata[max_key] = extremes_.max.clone();
  metadata[min_key] = extremes_.min.clone();
}

Metric::Prepared MinMaxMetric::prepare_load(const StateDict& source, const std::string& prefix, bool strict,
                                            Keys& known) {
  Prepared loaded = Composite::prepare_load(source, prefix, strict, known);
  if (!loaded) return nullptr;
  const StateDict::Metadata* metadata = source.find_metadata_of(prefix);
  const auto extreme = [&](const char* key) {
    if (metadata == nullptr || !metadata->contains(key)) return Tensor();
    const auto saved = metadata->find(key);
    const Tensor* tensor = std::get_if<Tensor>(&saved->second);
    if (tensor != nullptr && detail::is_readable(*tensor) && tensor->numel() == 1) return tensor->clone();
    throw InvalidArgument("state dict metadata `" + std::string(key) + "` of `" + prefix + "`: is not one number");
  };
  Extremes extremes{extreme(max_key), extreme(min_key)};
  if (!extremes.max.defined() || !extremes.min.defined()) extremes = {};
  return [this, loaded, extremes] {
    loaded();
    extremes_ = extremes;
  };
}

}  // namespace metrics
