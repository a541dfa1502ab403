#pragma once

#include "log.h"
#include <metrics/io/object.h>
#include <metrics/trainer/session.h>

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace metrics::trainer {

/// What a run that goes on has to take up within an epoch: how many batches of the training are behind it, what its
/// metrics held, where its draws were.
class Session::Checkpoint {
 public:
  Checkpoint(int64_t batch, io::Object stage, at::Tensor draws)
      : batch_(batch), stage_(std::move(stage)), draws_(std::move(draws)) {}

  int64_t batch() const { return batch_; }
  /// Gives the stage's metrics and what was logged back, on rank 0: they were merged over the ranks.
  void load(StageMetrics& metrics, Log& log, const Run& run) const;
  /// Sets this rank's generator to where it was.
  void draw_on(const Run& run) const;

 private:
  int64_t batch_;
  io::Object stage_;
  at::Tensor draws_;  // uint8 [ranks, bytes of a generator's state]
};

}  // namespace metrics::trainer
