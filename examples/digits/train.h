#pragma once

#include "idx.h"

#include <ATen/core/Tensor.h>

#include <ostream>

namespace digits {

struct TrainOptions {
  int64_t epochs = 6;
  int64_t batch_size = 32;
  double learning_rate = 3e-3;
  uint64_t seed = 1;
  int threads = 1;  ///< one keeps the scores the same on any number of cores
};

/// Trains a small convolutional net on `train` and gives its scores (logits) of `test`, [N, C] float32, in the order of
/// the images. Writes a line per epoch to `log`. Equal options give equal scores on machines of one kind.
at::Tensor train_and_score(const LabelledImages& train, const LabelledImages& test, const TrainOptions& options,
                           std::ostream& log);

}  // namespace digits
