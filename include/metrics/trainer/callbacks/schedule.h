#pragma once

#include <metrics/export.h>
#include <metrics/trainer/run.h>

#include <memory>
#include <string>

namespace torch::optim {
class LRScheduler;
class ReduceLROnPlateauScheduler;
}  // namespace torch::optim

namespace metrics::trainer {

/// When a schedule moves on.
enum class Each {
  Epoch,
  Step  ///< of the optimizer: with `accumulate`, after several batches
};

/// Has LibTorch's schedulers set the learning rate. A run that goes on has a scheduler, made anew, catch up with the
/// steps that it has taken, because LibTorch's have no states of their own to save; the rates themselves are in the
/// optimizer's states.
METRICS_API Callback schedule(std::shared_ptr<torch::optim::LRScheduler> scheduler, Each each = Each::Epoch);
/// By a value over all ranks, such as `validation/loss`, after each epoch that has it. Throws InvalidArgument for one
/// that cannot steer a run.
METRICS_API Callback schedule(std::shared_ptr<torch::optim::ReduceLROnPlateauScheduler> scheduler, std::string value);

}  // namespace metrics::trainer
