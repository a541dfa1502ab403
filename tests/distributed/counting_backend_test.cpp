#include "worker.h"
#include <metrics/distributed/counting_backend.h>
#include <metrics/distributed/process_group.h>

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

using metrics::CommunicationCounters;
using metrics::distributed::CountingBackend;
using metrics_test::expect;

namespace {

at::Tensor filled(double value, int64_t size = 2) {
  return at::full({size}, value, at::kFloat);
}

void expect_equal(const at::Tensor& got, const at::Tensor& wanted, const std::string& what) {
  expect(at::equal(got, wanted), what);
}

}  // namespace

WORKER(every_collective_through_a_counting_backend) {
  const auto group = metrics::init_process_group({.timeout = std::chrono::seconds(30)});
  const auto backend = c10::make_intrusive<CountingBackend>(group->c10d()->getBackend(at::kCPU));
  const int64_t rank = group->rank();
  const at::Tensor mine = filled(static_cast<double>(rank + 1));
  const at::Tensor sum = filled(3);
  expect(backend->getBackendName() == "gloo", "the wrapped backend's name");
  expect(backend->getRank() == rank && backend->getSize() == 2, "the wrapped backend's place");
  // Bytes are those of this rank's tensors; eight for a tensor of two floats.
  const auto counts = [&](const std::string& what, int64_t bytes, const std::function<void()>& call) {
    const auto before = backend->counters();
    call();
    const auto counted = backend->counters() - before;
    expect(counted == CommunicationCounters{.collectives = 1, .bytes = bytes},
           what + " as one collective of " + std::to_string(bytes) + " bytes, not " + std::to_string(counted.bytes));
  };

  counts("broadcast", rank == 0 ? 8 : 0, [&] {
    std::vector<at::Tensor> tensors{mine.clone()};
    backend->broadcast(tensors, {})->wait();
    expect_equal(tensors[0], filled(1), "rank 0's tensor");
  });
  counts("allreduce", 8, [&] {
    std::vector<at::Tensor> tensors{mine.clone()};
    backend->allreduce(tensors, {})->wait();
    expect_equal(tensors[0], sum, "the sum");
  });
  counts("allreduce_coalesced", 16, [&] {
    std::vector<at::Tensor> tensors{mine.clone(), mine.clone()};
    backend->allreduce_coalesced(tensors, {})->wait();
    expect_equal(tensors[1], sum, "the sum of the second");
  });
  counts("reduce", 8, [&] {
    std::vector<at::Tensor> tensors{mine.clone()};
    backend->reduce(tensors, {})->wait();
    if (rank == 0) expect_equal(tensors[0], sum, "the sum on rank 0");
  });
  counts("allgather", 8, [&] {
    std::vector<at::Tensor> inputs{mine};
    std::vector<std::vector<at::Tensor>> outputs{{filled(0), filled(0)}};
    backend->allgather(outputs, inputs, {})->wait();
    expect_equal(outputs[0][1], filled(2), "rank 1's tensor");
  });
  counts("_allgather_base", 8, [&] {
    at::Tensor input = mine;
    at::Tensor output = filled(0, 4);
    backend->_allgather_base(output, input, {})->wait();
    expect_equal(output.slice(0, 2), filled(2), "rank 1's rows");
  });
  counts("allgather_directly", 8, [&] {
    at::Tensor copies = mine.repeat({2});
    at::Tensor output = filled(0, 4);
    backend->allgather_directly(output, copies)->wait();
    expect_equal(output.slice(0, 0, 2), filled(1), "rank 0's rows");
    expect_equal(output.slice(0, 2), filled(2), "rank 1's rows");
  });
  counts("allgather_into_tensor_coalesced", 8, [&] {
    std::vector<at::Tensor> inputs{mine};
    std::vector<at::Tensor> outputs{filled(0, 4)};
    backend->allgather_into_tensor_coalesced(outputs, inputs, {})->wait();
    expect_equal(outputs[0].slice(0, 2), filled(2), "rank 1's rows");
  });
  counts("gather", 8, [&] {
    std::vector<at::Tensor> inputs{mine};
    std::vector<std::vector<at::Tensor>> outputs;
    if (rank == 0) outputs.push_back({filled(0), filled(0)});
    backend->gather(outputs, inputs, {})->wait();
    if (rank == 0) expect_equal(outputs[0][1], filled(2), "rank 1's tensor on rank 0");
  });
  counts("scatter", rank == 0 ? 16 : 0, [&] {
    std::vector<at::Tensor> outputs{filled(0)};
    std::vector<std::vector<at::Tensor>> inputs;
    if (rank == 0) inputs.push_back({filled(5), filled(6)});
    backend->scatter(outputs, inputs, {})->wait();
    expect_equal(outputs[0], filled(5.0 + static_cast<double>(rank)), "this rank's share");
  });
  counts("_reduce_scatter_base", 16, [&] {
    at::Tensor input = filled(static_cast<double>(rank + 1), 4);
    at::Tensor output = filled(0);
    backend->_reduce_scatter_base(output, input, {})->wait();
    expect_equal(output, sum, "this rank's part of the sum");
  });
  counts("alltoall_base", 8, [&] {
    at::Tensor input = at::arange(2, at::kFloat) + static_cast<double>(10 * rank);
    at::Tensor output = filled(0);
    std::vector<int64_t> splits{1, 1};
    backend->alltoall_base(output, input, splits, splits, {})->wait();
    expect_equal(output, at::arange(2, at::kFloat) * 10 + static_cast<double>(rank), "one row of each rank");
  });
  counts(rank == 0 ? "send" : "recv", rank == 0 ? 8 : 0, [&] {
    std::vector<at::Tensor> tensors{mine.clone()};
    (rank == 0 ? backend->send(tensors, 1, 3) : backend->recv(tensors, 0, 3))->wait();
    if (rank == 1) expect_equal(tensors[0], filled(1), "what rank 0 sent");
  });
  counts("barrier", 0, [&] { backend->barrier({})->wait(); });
  counts("monitoredBarrier", 0, [&] { backend->monitoredBarrier({}, false); });
  backend->setTimeout(std::chrono::seconds(20));
  expect(backend->getBackendOptions()->timeout == std::chrono::seconds(20), "the time-out passed on");
}

TEST_CASE("counting backend: every collective arrives, and counts once") {
  const auto result = metrics_test::run_workers("every_collective_through_a_counting_backend", 2);
  for (const auto& process : result.processes) {
    CAPTURE(process.error);
    CHECK(process.ok());
  }
}
