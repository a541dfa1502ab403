#pragma once

#include "idx.h"

#include <filesystem>
#include <string>

namespace digits {

struct TrainOptions {
  int64_t epochs = 6;
  int64_t batch_size = 16;  ///< of each rank
  double learning_rate = 3e-3;
  uint64_t seed = 1;
  int threads = 1;         ///< one keeps the scores the same on any number of cores
  std::string terminal{};  ///< on which rank 0 shows its progress
};

/// Trains a small convolutional net on `train` together with the other ranks that the environment names. Each sixth
/// image is kept back: by those the best epoch is chosen, whose weights rank 0 leaves in `folder`. There rank 0 also
/// writes the net's scores (logits) of `test` to `scores`, [N, C] float32, in the order of the images, and with the labels
/// to `predictions.safetensors` for `metrics eval`. Equal options give equal scores on machines of one kind.
void train_and_score(const LabelledImages& train, const LabelledImages& test, const TrainOptions& options,
                     const std::filesystem::path& folder, const std::filesystem::path& scores);

}  // namespace digits
