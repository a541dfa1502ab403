#pragma once

#include <metrics/aggregation/aggregation.h>
#include <metrics/export.h>
#include <metrics/trainer/logger.h>
#include <metrics/trainer/options.h>
#include <metrics/trainer/ranks.h>
#include <metrics/trainer/run.h>
#include <metrics/trainer/stage.h>

#include <ATen/core/Tensor.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace torch {
namespace nn {
class Module;
}  // namespace nn
namespace optim {
class Optimizer;
}  // namespace optim
}  // namespace torch

namespace metrics::trainer {

struct LogPlace;

/// What a trainer does around its loops: callbacks, values to the loggers, weights and checkpoints, the ranks'
/// agreement.
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

  /// Around the epochs: files and callbacks. A run that goes on begins as its checkpoint says.
  void start_epochs(torch::nn::Module& module, torch::optim::Optimizer& optimizer);
  void end_epochs();
  bool more_epochs() const { return run_.epoch < run_.epochs && !run_.stop; }
  void start_epoch();
  void end_epoch(torch::nn::Module& module, torch::optim::Optimizer& optimizer);
  /// Whether evaluations follow the epoch under way.
  bool evaluates() const;

  void start_stage(StageMetrics& metrics, std::optional<int64_t> batches, bool training);
  /// Whether a batch is among those that a run which goes on had behind it.
  bool skips_batch();
  void start_batch(const Rows& rows, int64_t samples);
  /// Whether the batch under way is the first, and the last, of those that make a step of the optimizer.
  bool begins_step() const;
  bool completes_step() const;
  /// The loss to go backward from. Throws InvalidArgument where a step gave none.
  at::Tensor part_of_step(const at::Tensor& loss) const;
  /// Clips the gradients and takes the optimizer's step.
  void step(torch::optim::Optimizer& optimizer);
  void end_batch(const Result& result, bool stepped = false);
  void end_stage(StageMetrics& metrics);

  /// Between two batches of the training: whether the evaluations are due; around them; and a checkpoint, after which
  /// the run may be over.
  bool evaluates_now() const;
  void interlude(const std::function<void()>& evaluations);
  bool goes_on(torch::nn::Module& module, torch::optim::Optimizer& optimizer);
  /// Before the epochs: a few batches of each evaluation, whose values are forgotten.
  void sanity(const std::function<void()>& evaluations);
  /// Whether an evaluation has had all the batches that it is to have.
  bool had_enough() const { return in_sanity_ && run_.batch >= options_.sanity_batches; }

  /// Gives all ranks rank 0's running means and their like, so that all evaluate the same model.
  void share_buffers(torch::nn::Module& module);

 private:
  class Checkpoint;

  template <class... Parameters, class... Arguments>
  void each(void (Logger::*what)(Parameters...), const Arguments&... arguments) {
    for (const auto& logger : loggers_) (*logger.*what)(arguments...);
  }
  /// Whether what is logged goes to the loggers.
  bool logs() const;
  std::shared_ptr<Log> log_of(LogPlace place) const;
  void move_to(Progress progress);
  void call(std::function<void(Run&)> Callback::*which, const char* name);
  bool is_better();
  void decide_best();
  void save_weights(torch::nn::Module& module);
  /// Ranks agree whether to go on. Here one learns that another has failed where none talked to it since.
  void agree();
  void write_checkpoint(torch::nn::Module& module, torch::optim::Optimizer& optimizer);
  void resume(torch::nn::Module& module, torch::optim::Optimizer& optimizer);
  bool in_time() const;

  Options options_;
  Ranks ranks_;
  std::vector<Callback> callbacks_;
  Run run_;
  Progress progress_{};
  bool logging_ = false;  // loggers have begun: in `fit`, not where a stage alone is gone through
  bool in_sanity_ = false;
  bool within_epoch_ = false;  // an evaluation between batches of the training
  SumMetric votes_;            // to stop
  Better better_ = Better::Higher;
  std::optional<double> best_;
  std::vector<std::pair<double, int64_t>> kept_;  // values and epochs whose weights are kept
  std::map<std::string, std::string> unfit_;      // logged values that cannot steer the run, and why
  std::vector<StageMetrics*> stages_;
  StageMetrics* training_stage_ = nullptr;
  StageValues own_;                               // of the epoch, of this rank alone
  std::vector<std::shared_ptr<Logger>> loggers_;  // on rank 0
  std::unique_ptr<Checkpoint> resumed_;           // until the stage that it was written in goes on
  std::chrono::steady_clock::time_point started_{}, epoch_started_{};
};

}  // namespace metrics::trainer
