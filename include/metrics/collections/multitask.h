#pragma once

#include <metrics/collections/composite.h>
#include <metrics/collections/handle.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/export.h>

#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace metrics {

/// Metrics (or collections) of several tasks under the tasks' names, each with predictions and targets of its own.
///
///   MultitaskWrapper metrics({{"label", MulticlassAccuracy({.num_classes = 3})}, {"age", MeanSquaredError()}});
///   metrics.update({{"label", scores}, {"age", ages}}, {{"label", labels}, {"age", true_ages}});
///   metrics.compute().tensor("age");
///
/// `task_metrics`: a metric, or a collection, by each task's name; `task_preds`: predictions by task; `task_targets`:
/// targets by task. In the dynamic face `task_preds` and `task_targets` are dicts. Rows that are not valid count in no
/// task. Values are `prefix + task + postfix`; a collection's are a dict in theirs. Throws InvalidArgument where the
/// names of the inputs are not those of the tasks. Source: torchmetrics' MultitaskWrapper.
class METRICS_API MultitaskWrapper : public Composite {
 public:
  struct Task {
    std::string name;
    MetricHandle metric;
  };
  struct Options {
    std::string prefix{};   ///< Before each task's name.
    std::string postfix{};  ///< After each.
  };
  /// An input of each task by its name.
  using TaskInputs = std::map<std::string, Tensor>;

  MultitaskWrapper(std::initializer_list<Task> task_metrics) : MultitaskWrapper(task_metrics, Options{}) {}
  MultitaskWrapper(std::initializer_list<Task> task_metrics, Options options)
      : MultitaskWrapper(std::span<const Task>(task_metrics.begin(), task_metrics.size()), std::move(options)) {}
  /// Throws InvalidArgument for a name that occurs twice, is empty or has a dot.
  MultitaskWrapper(std::span<const Task> task_metrics, Options options);

  void update(const TaskInputs& task_preds, const TaskInputs& task_targets, const Rows& rows = {});
  /// The values of the batch alone.
  NamedValues forward(const TaskInputs& task_preds, const TaskInputs& task_targets, const Rows& rows = {});
  NamedValues operator()(const TaskInputs& task_preds, const TaskInputs& task_targets, const Rows& rows = {}) {
    return forward(task_preds, task_targets, rows);
  }
  NamedValues compute() { return NamedValues(Metric::compute()); }

  std::string_view name() const override { return "MultitaskWrapper"; }
  bool takes_input(std::string_view name) const override { return name == "task_preds" || name == "task_targets"; }
  std::unique_ptr<Metric> clone() const override { return std::make_unique<MultitaskWrapper>(*this); }
  /// A copy with another prefix and postfix.
  MultitaskWrapper with_names(Options options) const;
  const Options& options() const { return options_; }
  /// The metric of a task. Throws InvalidArgument for a name that is not there.
  Metric& operator[](std::string_view task) const;

 protected:
  c10::IValue value() override;
  void feed(const std::shared_ptr<const BatchInputs>& inputs, Feeds& feeds) override;
  std::string describe_options() const override;

 private:
  Options options_;
};

}  // namespace metrics
