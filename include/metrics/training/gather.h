#pragma once

#include <metrics/distributed/process_group.h>
#include <metrics/export.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace metrics::training {

/// The rows of all ranks, and where they come from.
struct GatheredRows {
  std::vector<at::Tensor> tensors;  ///< Of each tensor given the rows of all ranks, in rank order.
  std::vector<int64_t> begins;      ///< Where each rank's rows begin, and the end of the last.
};

/// Gathers the rows of all ranks, for a loss over the samples of all. Collective: two exchanges for all tensors
/// together, of 16 bytes a rank and of as many bytes as the most rows of a rank have. Ranks may have different numbers
/// of rows, or none. `tensors`: [N, ...] each, of one N and on one device; dtypes and further sizes are those of the
/// other ranks.
///
/// The result carries gradients: backward sums what the ranks' losses say of each row, in one allreduce for each tensor
/// that requires a gradient, and each rank has the part of its own rows. Where each rank's loss is that of all samples,
/// the averages of `DistributedDataParallel` over the same ranks are then the gradients of one process with the joint
/// batch:
///
///   const auto all = gather_rows({model(batch.data), batch.target});
///   loss(all.tensors[0], all.tensors[1]).backward();
///
/// All ranks use what they have gathered in the loss that they go backward from, because the sum waits for all of them.
/// Gradients of these gradients are not there.
///
/// With one rank the tensors come back as they are. Throws InvalidArgument on a rank whose tensors do not fit, naming
/// the tensor, and SyncError on the others, and on all where ranks differ; all can then go on.
METRICS_API GatheredRows gather_rows(const std::vector<at::Tensor>& tensors,
                                     std::shared_ptr<ProcessGroup> process_group = nullptr);
/// The same of one tensor.
METRICS_API at::Tensor gather_rows(const at::Tensor& rows, std::shared_ptr<ProcessGroup> process_group = nullptr);

}  // namespace metrics::training
