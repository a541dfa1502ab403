#pragma once

#include <metrics/trainer/logger.h>
#include <metrics/training/data_parallel.h>
#include <metrics/training/join.h>

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
  training::DistributedDataParallelOptions ddp{};
  /// Lets ranks have different numbers of batches, or none. How many a rank has is asked of its loader; where the
  /// loader does not say, or for `Divisor::Samples`, each step costs as `JoinOptions` says.
  std::optional<training::JoinOptions> join{};
  /// Where rank 0 writes the weights `last.pt` and `best.pt` and, a line an epoch, `values.csv` and `values.jsonl`.
  /// Nothing is written where it is empty.
  std::filesystem::path folder{};
  std::optional<Best> best{};
  /// Where rank 0 prints a line an epoch; null: nowhere.
  std::ostream* console = &std::cout;
  /// The terminal on which rank 0 shows its progress; where empty, standard error if it is one.
  std::string terminal{};
  /// Where rank 0's values go besides.
  std::vector<std::shared_ptr<Logger>> loggers{};
};

}  // namespace metrics::trainer
