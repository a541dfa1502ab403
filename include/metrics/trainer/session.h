#pragma once

#include <metrics/aggregation/aggregation.h>
#include <metrics/export.h>
#include <metrics/trainer/options.h>
#include <metrics/trainer/ranks.h>
#include <metrics/trainer/run.h>
#include <metrics/trainer/stage.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace torch::nn {
class Module;
}  // namespace torch::nn

namespace metrics::trainer {

/// What a trainer does around its loops: callbacks, values to the console and to files, weights, the ranks' agreement.
class METRICS_API Session {
 public:
  /// Throws InvalidArgument for options that cannot be.
  explicit Session(Options options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const Options& options() const { return options_; }
  const Run& run() const { return run_; }
  const Ranks& ranks() const { return ranks_; }
  void add(Callback callback) { callbacks_.push_back(std::move(callback)); }

  /// Runs `body` on all ranks, and ends all when one throws.
  void guarded(const std::function<void()>& body);
  /// Runs a part of it. The others learn what it throws before anything else is undone.
  void reporting(const std::function<void()>& body);

  /// To begin with: the stages that there are.
  void start(const std::vector<StageMetrics*>& stages);
  void finish();

  /// Around the epochs: files and callbacks.
  void start_epochs();
  void end_epochs();
  bool more_epochs() const { return run_.epoch < run_.epochs && !run_.stop; }
  void start_epoch();
  void end_epoch(torch::nn::Module& module);

  void start_stage(StageMetrics& metrics, std::optional<int64_t> batches, bool training);
  void start_batch();
  void end_batch(const at::Tensor& loss);
  void end_stage(StageMetrics& metrics);
  /// Gives all ranks rank 0's running means and their like, so that all evaluate the same model.
  void share_buffers(torch::nn::Module& module);

 private:
  class Outputs;

  void move_to(Progress progress);
  void call(std::function<void(Run&)> Callback::*which, const char* name);
  bool is_best() const;
  /// Ranks agree whether to go on. Here one learns that another has failed where none talked to it since.
  void agree();

  Options options_;
  Ranks ranks_;
  std::vector<Callback> callbacks_;
  Run run_;
  Progress progress_{};
  bool training_ = false;
  SumMetric votes_;  // to stop
  Better better_ = Better::Higher;
  std::optional<double> best_;
  std::vector<StageMetrics*> stages_;
  std::unique_ptr<Outputs> outputs_;  // on rank 0
  std::chrono::steady_clock::time_point epoch_started_{};
};

}  // namespace metrics::trainer
