#pragma once

#include <metrics/aggregation/aggregation.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/core/dynamic.h>
#include <metrics/core/metric.h>
#include <metrics/export.h>
#include <metrics/trainer/run.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace metrics::trainer {

/// What a step makes of a batch.
struct Result {
  /// In training a loss to be minimised, of one element or, of several, by its mean. In evaluation as well if defined:
  /// one of [N] elements counts each sample for itself, exactly; a single one counts as the mean of its batch.
  at::Tensor loss{};
  /// What the update of the stage's metrics takes, such as predictions and targets: by position for all of them, by
  /// name for those that have an input of that name.
  Args outputs{};
  Kwargs named{};
};

/// The metrics of a stage and, under the name `loss`, the mean of its losses over samples.
class METRICS_API StageMetrics {
 public:
  StageMetrics(std::string stage, MetricCollection metrics);

  const std::string& stage() const { return stage_; }
  /// Forgets what was accumulated.
  void reset();
  void update(const Result& result, const Rows& rows, int64_t samples);
  /// Collective: one exchange for all of them, and for others whose values over the ranks are asked for with them. They
  /// have the values over all ranks until `unsync`
  /// (`synchronize_values`).
  StageValues compute(std::span<Metric* const> together_with = {});
  void unsync();
  /// What its values are called, `stage/name`, the loss first.
  std::vector<std::string> names() const;
  /// The metric of that name in `stage/name`; null for the loss and for a name of another stage.
  const Metric* find(const std::string& name) const;

  /// Throws InvalidArgument where a metric is another stage's, too.
  void require_own(StageMetrics& other);
  /// Collective: what was accumulated over all ranks. Loaded on one rank, the others begin with nothing.
  io::Object state();
  /// Throws InvalidArgument for states that are not these metrics'.
  void load_state(const io::Object& state);

  /// Merges over these ranks rather than the default group's what is not the caller's.
  void set_process_group(std::shared_ptr<Synchroniser> group);

 private:
  std::string stage_;
  MetricCollection metrics_;
  MeanMetric loss_;
};

/// A part of an epoch: batches, what to do with one, and the metrics of the results.
///
/// `loader`: whatever a range-for loop takes. What of the following it has is used: `set_epoch(n)`, `size()` as the
/// number of this rank's batches, `batches_of(rank)`; of its batches `rows()`, `size()` or the tensor `data`.
/// `step`: `Result(model, batch)` or, to log on the way, `Result(model, batch, const Run&)`. In training `model` is the
/// module under DistributedDataParallel, in evaluation the module itself. Its metrics are its own, or shared with
/// whoever has a handle to them (`share`).
template <class Loader, class Step>
struct Stage {
  using Members = std::initializer_list<MetricCollection::Member>;

  Stage(std::string name, Loader& batches, Step what, MetricCollection collection)
      : loader(batches), step(std::move(what)), metrics(std::move(name), std::move(collection)) {}
  Stage(std::string name, Loader& batches, Step what, Members members = {})
      : Stage(std::move(name), batches, std::move(what), MetricCollection(members)) {}

  Loader& loader;
  Step step;
  StageMetrics metrics;
};

namespace detail {

template <class Batch>
Rows rows_of(const Batch& batch) {
  if constexpr (requires { Rows(batch.rows()); }) {
    return batch.rows();
  } else {
    return {};
  }
}

template <class Step, class Model, class Batch>
Result result_of(Step& step, Model& model, const Batch& batch, const Run& run) {
  if constexpr (std::is_invocable_v<Step&, Model&, const Batch&, const Run&>) {
    return step(model, batch, run);
  } else {
    return step(model, batch);
  }
}

template <class Batch>
int64_t samples_of(const Batch& batch) {
  if constexpr (requires { static_cast<int64_t>(batch.size()); }) {
    return static_cast<int64_t>(batch.size());
  } else if constexpr (requires { batch.data.size(0); }) {
    return batch.data.size(0);
  } else {
    return 1;
  }
}

}  // namespace detail

}  // namespace metrics::trainer
