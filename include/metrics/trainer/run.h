#pragma once

#include <metrics/core/rows.h>
#include <metrics/export.h>
#include <metrics/io/object.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace metrics {
class Metric;
class ProcessGroup;
}  // namespace metrics

namespace metrics::trainer {

class Log;
struct Result;

/// Values by name (`validation/accuracy`), in the order of the stages and of their metrics.
using StageValues = std::vector<std::pair<std::string, at::Tensor>>;

/// What becomes of a value that is logged.
struct LogOptions {
  bool on_step = false;  ///< to the loggers for the step in which it was logged
  bool on_epoch = true;  ///< the mean over a stage's batches, each weighing as its samples do, among the epoch's values
  /// Over the ranks, with one exchange for all that is logged in a step; else each rank has its own, and loggers get
  /// rank 0's.
  bool sync_dist = true;
  std::shared_ptr<ProcessGroup> group{};  ///< the ranks to reduce over; those that train together where not stated
  /// Only what rank 0 logs counts: it takes part in no exchange, and no other rank has it.
  bool rank_zero_only = false;
  std::optional<double>
      batch_size{};  ///< what the value weighs in the mean; what the batch's samples weigh where not stated
};

/// Where a run stands: what callbacks and steps are told.
struct METRICS_API Run {
  int64_t rank = 0;
  int64_t world_size = 1;
  int64_t epoch = 0;  ///< from 0
  int64_t epochs = 0;
  int64_t step = 0;                  ///< how often the optimizer has stepped so far, over all epochs
  std::string stage{};               ///< name of the stage that is under way
  int64_t batch = 0;                 ///< from 0 in each stage
  std::optional<int64_t> batches{};  ///< of this rank in the stage, where its loader says how many
  bool training = false;             ///< whether the stage under way trains
  at::Tensor loss{};                 ///< of this rank's last batch; undefined where the step gave none
  const Rows* rows = nullptr;        ///< of the batch under way: which of its rows count, and what they weigh
  int64_t samples = 0;               ///< of the batch under way
  const Result* result = nullptr;    ///< in `batch_ended`: what the step made of the batch
  bool stepped = false;              ///< in `batch_ended`: whether the optimizer has stepped
  bool evaluated = false;            ///< whether evaluations follow the epoch's training (`evaluate_every_epochs`)
  bool best = false;                 ///< in `epoch_ended`: whether the epoch is the best so far
  StageValues values{};              ///< of the stages of this epoch that have ended: over all ranks, alike on all
  /// Set by a callback on any rank, it ends the run with this epoch, on all ranks.
  bool stop = false;
  std::shared_ptr<Log> logged{};                              ///< where `log` puts things
  const std::map<std::string, std::string>* unfit = nullptr;  ///< logged values that cannot steer a run, and why

  /// A value of this epoch to decide by. Throws InvalidArgument where it is not a single number, and that says why for
  /// one that cannot steer a run, because ranks do not have the same.
  double value(const std::string& name) const;
  /// Whether there is a value of that name in this epoch.
  bool has(const std::string& name) const;

  /// Logs a number for the stage under way, in a step or in a callback: its mean over the stage becomes `stage/name`
  /// among the epoch's values, and with `on_step` the step's value goes to the loggers; with both they are
  /// `stage/name_epoch` and `stage/name_step`, as in Lightning. Throws InvalidArgument for what is no single number, a
  /// name that is taken, and options that are not those of the name's last call or cannot be.
  void log(const std::string& name, const at::Tensor& value, const LogOptions& options = {}) const;
  void log(const std::string& name, double value, const LogOptions& options = {}) const;
  /// Logs a metric, which the caller updates: at the end of the stage it is synchronised once, with all that is logged,
  /// gives its value over the ranks, and is reset. Throws InvalidArgument for `on_step`, because a metric's value of
  /// one step is what its `forward` gives, and for `rank_zero_only`.
  void log(const std::string& name, std::shared_ptr<Metric> metric, const LogOptions& options = {}) const;
  /// The same of a metric whose value is a dict, such as a collection: its values are `stage/key`.
  void log_dict(std::shared_ptr<Metric> metric, const LogOptions& options = {}) const;
  /// To all loggers, at once; on other ranks than the first nothing happens. `pixels`: uint8 [H, W, 3].
  void log_text(const std::string& name, const std::string& text) const;
  void log_histogram(const std::string& name, const at::Tensor& values) const;
  void log_image(const std::string& name, const at::Tensor& pixels) const;
};

/// What is called on the way, on every rank. A callback that throws ends all ranks with its message. One that talks to
/// the other ranks does so on all of them; where only some do, all ranks end with an error that says so: at once where
/// metrics are concerned and at the end of an epoch, else at the group's timeout. In `epoch_ended` the metrics' values
/// are those over all ranks, so that `compute` may be called on some ranks alone.
struct Callback {
  std::function<void(Run&)> run_started{};
  std::function<void(Run&)> epoch_started{};
  std::function<void(Run&)> batch_started{};
  std::function<void(Run&)> batch_ended{};
  std::function<void(Run&)> epoch_ended{};
  std::function<void(Run&)> run_ended{};
  /// Around each stage of an epoch. What `stage_ended` logs is among the epoch's values.
  std::function<void(Run&)> stage_started{};
  std::function<void(Run&)> stage_ended{};
  /// What a run that is broken off has to remember, and how it is given back when another one goes on.
  std::function<io::Object()> state{};
  std::function<void(const io::Object&)> load_state{};
};

/// Seeds what draws in this process (LibTorch's generators of all devices), and returns the seed. A trainer seeds by
/// itself: this is for what comes before it, such as a module's first weights.
METRICS_API uint64_t seed_everything(uint64_t seed);

/// The seed that a rank draws by in an epoch (dropout, augmentation): `Draws(seed, epoch).word(rank)`.
METRICS_API uint64_t seed_of(uint64_t seed, int64_t epoch, int64_t rank);

}  // namespace metrics::trainer
