#include "composite_entry.h"
#include "wrapper_entries.h"
#include <metrics/classification/accuracy.h>
#include <metrics/collections/multitask.h>
#include <metrics/core/codec.h>
#include <metrics/core/errors.h>
#include <metrics/regression/mse.h>

#include <array>
#include <set>
#include <vector>

namespace metrics {

namespace {

constexpr std::array<const char*, 2> task_inputs{"task_preds", "task_targets"};
constexpr std::string_view state_prefix = "task_metrics.";

std::string_view task_of(const Children::Child& child) {
  return std::string_view(child.name).substr(state_prefix.size());
}

c10::IValue as_dict(const MultitaskWrapper::TaskInputs& inputs) {
  c10::impl::GenericDict dict(c10::StringType::get(), c10::AnyType::get());
  for (const auto& [task, tensor] : inputs) dict.insert(task, tensor);
  return dict;
}

std::set<std::string> tasks_in(const c10::IValue& input, const char* name) {
  if (!input.isGenericDict()) {
    throw InvalidArgument(std::string("MultitaskWrapper: input `") + name + "` is a dict of tasks, got " +
                          describe(input));
  }
  std::set<std::string> tasks;
  for (const auto& entry : input.toGenericDict()) {
    tasks.insert(entry.key().isString() ? entry.key().toStringRef() : describe(entry.key()));
  }
  return tasks;
}

std::string listed_tasks(const std::set<std::string>& tasks) {
  std::string all;
  for (const std::string& task : tasks) (all += all.empty() ? "" : ", ") += task;
  return all.empty() ? "none" : all;
}

/// The two inputs, whether they come by position or by name.
std::array<c10::IValue, 2> bound(const BatchInputs& inputs) {
  std::array<c10::IValue, 2> found;
  std::size_t given = inputs.args.size();
  if (given > found.size()) throw InvalidArgument("MultitaskWrapper takes task_preds and task_targets alone");
  std::copy(inputs.args.begin(), inputs.args.end(), found.begin());
  for (const auto& [name, value] : inputs.kwargs) {
    const std::size_t place = name == task_inputs[0] ? 0 : 1;
    if (name != task_inputs[place]) throw InvalidArgument("MultitaskWrapper has no input `" + name + "`");
    if (place < inputs.args.size()) throw InvalidArgument("MultitaskWrapper: input `" + name + "` is given twice");
    found[place] = value;
    ++given;
  }
  if (given == found.size()) return found;
  const std::size_t missing = inputs.args.empty() && !inputs.kwargs.contains(task_inputs[0]) ? 0 : 1;
  throw InvalidArgument(std::string("MultitaskWrapper: input `") + task_inputs[missing] + "` is missing");
}

}  // namespace

MultitaskWrapper::MultitaskWrapper(std::span<const Task> task_metrics, Options options) : options_(std::move(options)) {
  for (const Task& task : task_metrics) {
    if (task.name.empty() || task.name.find('.') != std::string::npos) {
      throw InvalidArgument("MultitaskWrapper: a task's name is not empty and has no dot, got `" + task.name + "`");
    }
    std::string child = std::string(state_prefix) + task.name;
    if (parts().find(child) < parts().size()) {
      throw InvalidArgument("MultitaskWrapper: there are two tasks `" + task.name + "`");
    }
    parts().add(std::move(child), task.metric);
  }
}

void MultitaskWrapper::update(const TaskInputs& task_preds, const TaskInputs& task_targets, const Rows& rows) {
  Metric::update({as_dict(task_preds), as_dict(task_targets)}, {}, rows);
}

NamedValues MultitaskWrapper::forward(const TaskInputs& task_preds, const TaskInputs& task_targets, const Rows& rows) {
  return NamedValues(Metric::forward({as_dict(task_preds), as_dict(task_targets)}, {}, rows));
}

MultitaskWrapper MultitaskWrapper::with_names(Options options) const {
  MultitaskWrapper copy = *this;
  copy.options_ = std::move(options);
  copy.description_changed();
  return copy;
}

Metric& MultitaskWrapper::operator[](std::string_view task) const {
  const std::size_t child = parts().find(std::string(state_prefix) += task);
  if (child < parts().size()) return parts()[child];
  throw InvalidArgument("MultitaskWrapper has no task `" + std::string(task) + "`");
}

void MultitaskWrapper::feed(const std::shared_ptr<const BatchInputs>& inputs, Feeds& feeds) {
  const std::array<c10::IValue, 2> given = bound(*inputs);
  std::set<std::string> tasks;
  for (const Children::Child& child : parts()) tasks.emplace(task_of(child));
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::set<std::string> named = tasks_in(given[i], task_inputs[i]);
    if (named == tasks) continue;
    throw InvalidArgument(std::string("MultitaskWrapper: input `") + task_inputs[i] + "` has the tasks " +
                          listed_tasks(named) + ", expected " + listed_tasks(tasks));
  }
  for (const Children::Child& child : parts()) {
    BatchInputs own{{}, {}, inputs->rows};
    for (const c10::IValue& input : given) own.args.push_back(*detail::entry_of(input, task_of(child)));
    route_to(*child.metric, std::make_shared<const BatchInputs>(std::move(own)), feeds);
  }
}

c10::IValue MultitaskWrapper::value() {
  c10::impl::GenericDict by_task(c10::StringType::get(), c10::AnyType::get());
  for (const Children::Child& child : parts()) {
    by_task.insert(options_.prefix + std::string(task_of(child)) + options_.postfix, value_of_child(*child.metric));
  }
  return by_task;
}

std::string MultitaskWrapper::describe_options() const {
  std::string text;
  for (const Children::Child& child : parts()) (text += task_of(child)) += "=" + child.metric->to_string() + ", ";
  return text + "prefix=" + describe(options_.prefix) + ", postfix=" + describe(options_.postfix);
}

/// `{"task": metric, …}`.
struct TaskMetrics {
  std::vector<MultitaskWrapper::Task> tasks{};
};

template <>
struct Codec<TaskMetrics> {
  static std::string type() { return "dict of metric by task"; }
  static std::optional<TaskMetrics> read(const c10::IValue& v) {
    if (!v.isGenericDict()) return std::nullopt;
    TaskMetrics read;
    for (const auto& entry : v.toGenericDict()) {
      auto metric = entry.key().isString() ? Codec<MetricHandle>::read(entry.value()) : std::nullopt;
      if (!metric) return std::nullopt;
      read.tasks.push_back({entry.key().toStringRef(), std::move(*metric)});
    }
    return read;
  }
  static c10::IValue write(const TaskMetrics& value) {
    std::map<std::string, c10::IValue> entries;
    for (const auto& [task, metric] : value.tasks) entries.emplace(task, metric->to_string());
    return detail::dict_of(entries);
  }
};

namespace {

struct MultitaskArguments {
  TaskMetrics task_metrics{};
  std::optional<std::string> prefix{};
  std::optional<std::string> postfix{};

  static constexpr auto fields() {
    using Self = MultitaskArguments;
    return metrics::fields<&Self::task_metrics, &Self::prefix, &Self::postfix>(1).about(
        {"The metric of each task.", "What stands before the name of a task.", "What stands behind it."});
  }
};

std::unique_ptr<Metric> make_multitask(const MultitaskArguments& given) {
  return std::make_unique<MultitaskWrapper>(
      given.task_metrics.tasks,
      MultitaskWrapper::Options{.prefix = given.prefix.value_or(""), .postfix = given.postfix.value_or("")});
}

MultitaskArguments multitask_example() {
  MultitaskArguments example;
  example.task_metrics.tasks.push_back({"label", MulticlassAccuracy({.num_classes = 3})});
  example.task_metrics.tasks.push_back({"age", MeanSquaredError()});
  return example;
}

}  // namespace

MetricEntry multitask_wrapper_entry(std::string_view domain) {
  MetricEntry entry =
      composite_entry<MultitaskArguments, make_multitask, multitask_example>("MultitaskWrapper", domain);
  for (const char* input : task_inputs) entry.inputs.push_back({input, "dict of Tensor by task"});
  return entry;
}

}  // namespace metrics
