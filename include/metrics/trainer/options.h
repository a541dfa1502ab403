#pragma once

#include <metrics/trainer/logger.h>
#include <metrics/training/data_parallel.h>
#include <metrics/training/join.h>

#include <c10/core/ScalarType.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace metrics::trainer {

enum class Better { Higher, Lower };

/// What the best weights are chosen by.
struct Best {
  std::string value{};             ///< such as `validation/accuracy` or `train/loss`
  std::optional<Better> better{};  ///< as the metric has it, where not stated
};

struct Options {
  int64_t epochs = 1;
  /// See `seed_of`. The order of the samples is the sampler's, by its own seed and the epoch.
  uint64_t seed = 0;
  /// The ranks that train together, and how gradients travel.
  training::DistributedDataParallelOptions ddp = training::DistributedDataParallelOptions();  // of {} g++ 12 warns
  /// Lets ranks have different numbers of batches, or none. How many a rank has is asked of its loader; where the
  /// loader does not say, or for `Divisor::Samples`, each step costs as `JoinOptions` says.
  std::optional<training::JoinOptions> join{};
  /// Where rank 0 writes the weights `last.pt` and `best.pt` and, a line an epoch, `values.csv` and `values.jsonl`.
  /// Nothing is written where it is empty.
  std::filesystem::path folder{};
  std::optional<Best> best{};
  /// How many of the best epochs keep their weights: of more than one, each in `epoch-0003.pt` beside `best.pt`.
  int64_t keep_best = 1;

  /// Batches whose gradients make one step of the optimizer, each by its mean loss divided by this number. The last
  /// step of an epoch may have fewer.
  int64_t accumulate = 1;
  /// What the norm of all gradients together is at most, and each element's absolute value.
  std::optional<double> clip_norm{};
  std::optional<double> clip_value{};
  /// Steps run under autocast to this dtype, such as at::kBFloat16 on the CPU. Weights, gradients and metrics stay as
  /// they are.
  std::optional<at::ScalarType> autocast{};

  /// Batches of each evaluation before the first epoch, to find what is broken in them early. Their values are
  /// forgotten.
  int64_t sanity_batches = 0;
  /// Evaluations follow every so many epochs, and the last.
  int64_t evaluate_every_epochs = 1;
  /// Evaluations within an epoch, too, after every so many of its batches. Loggers get their values as those of a step.
  std::optional<int64_t> evaluate_every_batches{};

  /// The run ends when rank 0's clock says that it has lasted so long: with the epoch, or within it where checkpoints
  /// are written there.
  std::optional<std::chrono::duration<double>> time_limit{};
  /// `checkpoint.pt` in `folder`, by rank 0: all that a run needs to go on (docs/training.md). Written after each epoch
  /// and, where stated, after every so many batches within it.
  bool checkpoints = true;
  std::optional<int64_t> checkpoint_every_batches{};
  /// A `checkpoint.pt` with which `fit` begins in place of the start. Rank 0 reads it. One from within an epoch goes on
  /// with as many ranks as wrote it, one from an epoch's end with any number.
  std::filesystem::path resume{};

  /// Where rank 0 prints a line an epoch; null: nowhere.
  std::ostream* console = &std::cout;
  /// The terminal on which rank 0 shows its progress; where empty, standard error if it is one.
  std::string terminal{};
  /// Where rank 0's values go besides.
  std::vector<std::shared_ptr<Logger>> loggers{};
};

}  // namespace metrics::trainer
