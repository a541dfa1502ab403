// One rank of a group over the backend that its argument names: "nccl" on the CUDA device of its local number, "gloo" on
// the CPU. It ends with 0 when metrics and a collective of the program's own give there what one process gives on the
// CPU. One rank alone has no backend, and plays its device. scripts/check_gpu.sh starts it.
#include <metrics/classification/accuracy.h>
#include <metrics/classification/auroc.h>
#include <metrics/distributed/process_group.h>

#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <c10/core/DeviceGuard.h>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include <chrono>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

void expect(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error("expected " + what);
}

void play(const std::string& backend) {
  const auto group = metrics::init_process_group({.backend = backend, .timeout = std::chrono::minutes(1)});
  const bool alone = group->world_size() == 1;
  expect(group->backend() == (alone ? "none" : backend), "the backend " + backend + ", not " + group->backend());
  const auto number = static_cast<c10::DeviceIndex>(group->local_rank());
  const at::Device device = backend == "nccl" ? at::Device(at::kCUDA, number) : at::Device(at::kCPU);
  const c10::OptionalDeviceGuard guard(device.is_cpu() ? std::nullopt : std::optional(device));

  // Each rank has rows of its own, on each fewer than on the one before.
  const auto labels_of = [](int64_t rank) { return at::arange(2000 * rank, 2000 * rank + 2000 / (rank + 1)); };
  const auto preds_of = [](const at::Tensor& labels) { return labels.mul(31).add(labels.remainder(3)).remainder(5); };
  const auto target_of = [](const at::Tensor& labels) { return labels.remainder(5); };
  const auto scores_of = [](const at::Tensor& labels) {
    return labels.mul(7919).remainder(10007).to(at::kFloat) / 10007;
  };
  const auto positive_of = [](const at::Tensor& labels) { return labels.mul(17).remainder(3).eq(0).to(at::kLong); };

  // Counters that are summed, and samples that are gathered.
  metrics::MulticlassAccuracy accuracy({.num_classes = 5});
  metrics::BinaryAUROC auroc;
  accuracy.to(device);
  auroc.to(device);
  const at::Tensor mine = labels_of(group->rank());
  accuracy.update(preds_of(mine).to(device), target_of(mine).to(device));
  auroc.update(scores_of(mine).to(device), positive_of(mine).to(device));

  std::vector<at::Tensor> shares;
  for (int64_t rank = 0; rank < group->world_size(); ++rank) shares.push_back(labels_of(rank));
  const at::Tensor all = at::cat(shares);
  const at::Tensor whole_accuracy =
      metrics::functional::multiclass_accuracy(preds_of(all), target_of(all), {.num_classes = 5});
  const at::Tensor whole_area = metrics::functional::binary_auroc(scores_of(all), positive_of(all));
  for (int round = 0; round < 2; ++round) {
    const at::Tensor value = accuracy.compute(), area = auroc.compute();
    expect(value.device() == device && area.device() == device, "values on " + device.str());
    expect(at::equal(value.cpu(), whole_accuracy), "the accuracy of all ranks' samples");
    expect(at::allclose(area.cpu(), whole_area, 1e-6, 1e-6), "the AUROC of all ranks' samples");
  }

  if (alone) {
    std::cout << device << ": one rank alone, which has sent nothing, agrees with the CPU\n";
    return;
  }
  std::vector<at::Tensor> sum{at::full({3}, group->rank() + 1, at::TensorOptions(device).dtype(at::kLong))};
  group->c10d()->allreduce(sum)->wait();
  const int64_t total = group->world_size() * (group->world_size() + 1) / 2;
  expect(at::equal(sum[0].cpu(), at::full({3}, total, at::kLong)), "the sum of a collective of the program's own");
  group->barrier();
  if (group->rank() == 0)
    std::cout << backend << ": " << group->world_size() << " ranks agree with one process\n";
}

}  // namespace

int main(int argc, char** argv) {
  try {
    expect(argc == 2, "the backend as the only argument");
    play(argv[1]);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "device_ranks: " << error.what() << "\n";
    return 1;
  }
}
