#include "log.h"
#include "metric_states.h"
#include <metrics/core/errors.h>
#include <metrics/core/unit.h>
#include <metrics/distributed/synchronize.h>
#include <metrics/trainer/stage.h>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/scalar_tensor.h>

#include <algorithm>
#include <array>

namespace metrics::trainer {
void append_value(StageValues& values, const std::string& name, const c10::IValue& value) {
  if (value.isTensor()) {
    values.emplace_back(name, value.toTensor());
  } else if (value.isDouble() || value.isInt() || value.isBool()) {
    values.emplace_back(name, at::scalar_tensor(value.toScalar(), value.isDouble() ? at::kDouble : at::kLong));
  } else if (value.isGenericDict()) {
    for (const auto& entry : value.toGenericDict())
      append_value(values, name + "/" + entry.key().toStringRef(), entry.value());
  } else if (value.isList() || value.isTuple()) {
    const auto parts = value.isList() ? value.toListRef() : at::ArrayRef<c10::IValue>(value.toTupleRef().elements());
    for (size_t i = 0; i < parts.size(); ++i) append_value(values, name + "/" + std::to_string(i), parts[i]);
  }
}

double weight_of(const Rows& rows, int64_t samples) {
  if (!rows.weights) return static_cast<double>(rows.valid ? rows.valid->sum().item<int64_t>() : samples);
  const at::Tensor weights = rows.weights->to(at::kDouble);
  return (rows.valid ? weights.masked_select(*rows.valid) : weights).sum().item<double>();
}

StageMetrics::StageMetrics(std::string stage, MetricCollection metrics)
    : stage_(std::move(stage)),
      metrics_(std::move(metrics)),
      loss_({.nan_strategy = aggregation::NanStrategy::Disable}) {
  if (stage_.empty()) throw InvalidArgument("stage: expected a name, got an empty one");
  if (find(stage_ + "/loss") != nullptr) throw InvalidArgument("stage " + stage_ + ": the name `loss` is taken");
}

void StageMetrics::set_process_group(std::shared_ptr<Synchroniser> group) {
  loss_.set_metric_options({.process_group = std::move(group)});
}

void StageMetrics::unsync() {
  for (Metric* metric : {static_cast<Metric*>(&loss_), static_cast<Metric*>(&metrics_)})
    if (metric->is_synced()) metric->unsync();
}

void StageMetrics::reset() {
  unsync();
  loss_.reset();
  metrics_.reset();
}

void StageMetrics::update(const Result& result, const Rows& rows, int64_t samples) {
  if (result.loss.defined()) {
    const at::Tensor loss = result.loss.detach();
    if (loss_.device() != loss.device()) loss_.to(loss.device());
    if (loss.dim() == 1) {
      loss_.update(loss, rows);
    } else if (const double weight = weight_of(rows, samples); weight > 0) {
      loss_.update(loss.dim() == 0 ? loss : loss.mean(), weight);
    }
  }
  if (metrics_.size() > 0) static_cast<Metric&>(metrics_).update(result.outputs, result.named, rows);
}

void StageMetrics::require_own(StageMetrics& other) {
  const std::vector<Unit*> theirs = other.metrics_.units();
  for (const std::string& name : metrics_.names())
    for (Unit* unit : metrics_[name].units())
      if (std::find(theirs.begin(), theirs.end(), unit) != theirs.end())
        throw InvalidArgument("stages " + stage_ + " and " + other.stage_ + ": `" + name +
                              "` is one metric in both, which would forget the one stage's samples for the other's: "
                              "give each a metric of its own");
}

io::Object StageMetrics::state() {
  const std::array<Metric*, 2> both{&loss_, &metrics_};
  synchronize(std::span<Metric* const>(both));
  io::Object state = io::Object::Dict{};
  state.set("loss", state_of(loss_));
  state.set("metrics", state_of(metrics_));
  unsync();
  return state;
}

void StageMetrics::load_state(const io::Object& state) {
  const std::unique_ptr<Metric> before = loss_.clone();
  load_state_of(loss_, state.at("loss"));
  try {
    load_state_of(metrics_, state.at("metrics"));
  } catch (...) {
    load_state_of(loss_, state_of(*before));
    throw;
  }
}

StageValues StageMetrics::compute(std::span<Metric* const> together_with) {
  std::vector<Metric*> all{&loss_, &metrics_};
  all.insert(all.end(), together_with.begin(), together_with.end());
  synchronize_values(all);
  StageValues values;
  // The mean of no losses at all is no value.
  if (loss_.update_called()) append_value(values, stage_ + "/loss", static_cast<Metric&>(loss_).compute());
  if (metrics_.size() == 0) return values;
  for (const auto& [name, value] : metrics_.compute()) append_value(values, stage_ + "/" + name, value);
  return values;
}

std::vector<std::string> StageMetrics::names() const {
  std::vector<std::string> names{stage_ + "/loss"};
  const auto& [prefix, postfix] = metrics_.options();
  for (const std::string& name : metrics_.names()) names.push_back(stage_ + "/" + prefix + name + postfix);
  return names;
}

const Metric* StageMetrics::find(const std::string& name) const {
  const auto& [prefix, postfix] = metrics_.options();
  for (const std::string& own : metrics_.names())
    if (name == stage_ + "/" + prefix + own + postfix) return &metrics_[own];
  return nullptr;
}

}  // namespace metrics::trainer
