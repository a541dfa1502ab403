#pragma once

#include <metrics/export.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace metrics::trainer {

/// Values by name (`validation/accuracy`), in the order of the stages and of their metrics.
using StageValues = std::vector<std::pair<std::string, at::Tensor>>;

/// Where a run stands: what callbacks are told.
struct Run {
  int64_t rank = 0;
  int64_t world_size = 1;
  int64_t epoch = 0;  ///< from 0
  int64_t epochs = 0;
  int64_t step = 0;  ///< how often the optimizer has stepped so far, over all epochs
  std::string stage{};               ///< name of the stage that is under way
  int64_t batch = 0;                 ///< from 0 in each stage
  std::optional<int64_t> batches{};  ///< of this rank in the stage, where its loader says how many
  at::Tensor loss{};                 ///< of this rank's last batch; undefined where the step gave none
  StageValues values{};              ///< of the stages of this epoch that have ended: over all ranks, alike on all
  /// Set by a callback on any rank, it ends the run with this epoch, on all ranks.
  bool stop = false;
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
};

/// The seed that a rank draws by in an epoch (dropout, augmentation): `Draws(seed, epoch).word(rank)`.
METRICS_API uint64_t seed_of(uint64_t seed, int64_t epoch, int64_t rank);

}  // namespace metrics::trainer
