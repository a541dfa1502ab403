#include <metrics/core/errors.h>
#include <metrics/distributed/synchronize.h>
#include <metrics/trainer/stage.h>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/scalar_tensor.h>

#include <algorithm>

namespace metrics::trainer {
namespace {

/// A value that is a dict or a list of values becomes one for each of its parts.
void append_value(NamedValues& values, const std::string& name, const c10::IValue& value) {
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

int64_t counted_rows(const Rows& rows, int64_t samples) {
  return rows.valid ? rows.valid->sum().item<int64_t>() : samples;
}

}  // namespace

StageMetrics::StageMetrics(std::string stage, Metrics metrics)
    : stage_(std::move(stage)), metrics_(std::move(metrics)), loss_({.nan_strategy = NanStrategy::Disable}) {
  if (stage_.empty()) throw InvalidArgument("stage: expected a name, got an empty one");
  for (size_t i = 0; i < metrics_.size(); ++i) {
    const std::string& name = metrics_[i].first;
    const auto same = [&](const auto& other) { return other.first == name; };
    if (name == "loss" || std::any_of(metrics_.begin(), metrics_.begin() + static_cast<std::ptrdiff_t>(i), same))
      throw InvalidArgument("stage " + stage_ + ": the name `" + name + "` is taken");
  }
}

void StageMetrics::set_process_group(std::shared_ptr<Synchroniser> group) {
  loss_.set_metric_options({.process_group = std::move(group)});
}

std::vector<Metric*> StageMetrics::all() {
  std::vector<Metric*> metrics{&loss_};
  for (const auto& [name, metric] : metrics_) metrics.push_back(&metric.get());
  return metrics;
}

void StageMetrics::unsync() {
  for (Metric* metric : all())
    if (metric->is_synced()) metric->unsync();
}

void StageMetrics::reset() {
  unsync();
  for (Metric* metric : all()) metric->reset();
}

void StageMetrics::update(const Result& result, const Rows& rows, int64_t samples) {
  if (result.loss.defined()) {
    const at::Tensor loss = result.loss.detach();
    if (loss_.device() != loss.device()) loss_.to(loss.device());
    if (loss.dim() == 1) {
      loss_.update(loss, rows);
    } else if (const int64_t counted = counted_rows(rows, samples); counted > 0) {
      loss_.update(loss.dim() == 0 ? loss : loss.mean(), counted);
    }
  }
  if (metrics_.empty()) return;
  std::vector<Metric*> metrics = all();
  metrics.erase(metrics.begin());
  update_together(metrics, result.outputs, {}, rows);
}

NamedValues StageMetrics::compute() {
  const std::vector<Metric*> metrics = all();
  synchronize(metrics);
  NamedValues values;
  // The mean of no losses at all is no value.
  if (loss_.update_called()) append_value(values, stage_ + "/loss", static_cast<Metric&>(loss_).compute());
  for (const auto& [name, metric] : metrics_) append_value(values, stage_ + "/" + name, metric.get().compute());
  return values;
}

std::vector<std::string> StageMetrics::names() const {
  std::vector<std::string> names{stage_ + "/loss"};
  for (const auto& [name, metric] : metrics_) names.push_back(stage_ + "/" + name);
  return names;
}

const Metric* StageMetrics::find(const std::string& name) const {
  for (const auto& [own, metric] : metrics_)
    if (name == stage_ + "/" + own) return &metric.get();
  return nullptr;
}

}  // namespace metrics::trainer
