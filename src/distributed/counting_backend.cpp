#include "sigpipe_blocked.h"
#include <metrics/distributed/counting_backend.h>

#include <numeric>
#include <utility>

namespace metrics::distributed {
namespace {

int64_t bytes_of(const at::Tensor& tensor) {
  return static_cast<int64_t>(tensor.nbytes());
}

int64_t bytes_of(const std::vector<at::Tensor>& tensors) {
  return std::accumulate(tensors.begin(), tensors.end(), int64_t{0},
                         [](int64_t sum, const at::Tensor& tensor) { return sum + bytes_of(tensor); });
}

}  // namespace

CountingBackend::CountingBackend(c10::intrusive_ptr<c10d::Backend> backend)
    : c10d::Backend(backend->getRank(), backend->getSize()), backend_(std::move(backend)) {}

CountingBackend::~CountingBackend() = default;

CommunicationCounters CountingBackend::counters() const {
  return {.collectives = collectives_.load(), .bytes = bytes_.load()};
}

void CountingBackend::count_bytes(int64_t bytes) {
  ++collectives_;
  bytes_ += bytes;
}

void CountingBackend::count(const at::Tensor& input) {
  count_bytes(bytes_of(input));
}

void CountingBackend::count(const Tensors& inputs) {
  count_bytes(bytes_of(inputs));
}

void CountingBackend::count(const TensorLists& inputs) {
  int64_t bytes = 0;
  for (const auto& tensors : inputs) bytes += bytes_of(tensors);
  count_bytes(bytes);
}

const std::string CountingBackend::getBackendName() const {
  return backend_->getBackendName();
}

c10::intrusive_ptr<c10d::Backend::Options> CountingBackend::getBackendOptions() {
  return backend_->getBackendOptions();
}

void CountingBackend::setTimeout(std::chrono::milliseconds timeout) {
  backend_->setTimeout(timeout);
}

bool CountingBackend::supportsCoalescing() const {
  return backend_->supportsCoalescing();
}

void CountingBackend::startCoalescing() {
  backend_->startCoalescing();
}

CountingBackend::Work CountingBackend::endCoalescing() {
  return backend_->endCoalescing();
}

CountingBackend::Work CountingBackend::broadcast(Tensors& tensors, const c10d::BroadcastOptions& options) {
  if (options.rootRank == getRank())
    count(tensors);
  else
    count_bytes(0);
  return backend_->broadcast(tensors, options);
}

CountingBackend::Work CountingBackend::allreduce(Tensors& tensors, const c10d::AllreduceOptions& options) {
  count(tensors);
  return backend_->allreduce(tensors, options);
}

CountingBackend::Work CountingBackend::allreduce_sparse(Tensors& tensors, const c10d::AllreduceOptions& options) {
  count_bytes(0);
  return backend_->allreduce_sparse(tensors, options);
}

CountingBackend::Work CountingBackend::allreduce_coalesced(Tensors& tensors,
                                                           const c10d::AllreduceCoalescedOptions& options) {
  count(tensors);
  return backend_->allreduce_coalesced(tensors, options);
}

CountingBackend::Work CountingBackend::reduce(Tensors& tensors, const c10d::ReduceOptions& options) {
  count(tensors);
  return backend_->reduce(tensors, options);
}

CountingBackend::Work CountingBackend::allgather(TensorLists& outputs, Tensors& inputs,
                                                 const c10d::AllgatherOptions& options) {
  count(inputs);
  return backend_->allgather(outputs, inputs, options);
}

CountingBackend::Work CountingBackend::_allgather_base(at::Tensor& output, at::Tensor& input,
                                                       const c10d::AllgatherOptions& options) {
  count(input);
  return backend_->_allgather_base(output, input, options);
}

CountingBackend::Work CountingBackend::allgather_coalesced(TensorLists& outputs, Tensors& inputs,
                                                           const c10d::AllgatherOptions& options) {
  count(inputs);
  return backend_->allgather_coalesced(outputs, inputs, options);
}

CountingBackend::Work CountingBackend::allgather_into_tensor_coalesced(Tensors& outputs, Tensors& inputs,
                                                                       const c10d::AllgatherOptions& options) {
  count(inputs);
  return backend_->allgather_into_tensor_coalesced(outputs, inputs, options);
}

CountingBackend::Work CountingBackend::gather(TensorLists& outputs, Tensors& inputs,
                                              const c10d::GatherOptions& options) {
  count(inputs);
  return backend_->gather(outputs, inputs, options);
}

CountingBackend::Work CountingBackend::scatter(Tensors& outputs, TensorLists& inputs,
                                               const c10d::ScatterOptions& options) {
  count(inputs);
  return backend_->scatter(outputs, inputs, options);
}

CountingBackend::Work CountingBackend::reduce_scatter(Tensors& outputs, TensorLists& inputs,
                                                      const c10d::ReduceScatterOptions& options) {
  count(inputs);
  return backend_->reduce_scatter(outputs, inputs, options);
}

CountingBackend::Work CountingBackend::_reduce_scatter_base(at::Tensor& output, at::Tensor& input,
                                                            const c10d::ReduceScatterOptions& options) {
  count(input);
  return backend_->_reduce_scatter_base(output, input, options);
}

CountingBackend::Work CountingBackend::reduce_scatter_tensor_coalesced(Tensors& outputs, Tensors& inputs,
                                                                       const c10d::ReduceScatterOptions& options) {
  count(inputs);
  return backend_->reduce_scatter_tensor_coalesced(outputs, inputs, options);
}

CountingBackend::Work CountingBackend::alltoall_base(at::Tensor& output, at::Tensor& input,
                                                     std::vector<int64_t>& output_splits,
                                                     std::vector<int64_t>& input_splits,
                                                     const c10d::AllToAllOptions& options) {
  count(input);
  return backend_->alltoall_base(output, input, output_splits, input_splits, options);
}

CountingBackend::Work CountingBackend::alltoall(Tensors& outputs, Tensors& inputs,
                                                const c10d::AllToAllOptions& options) {
  count(inputs);
  return backend_->alltoall(outputs, inputs, options);
}

CountingBackend::Work CountingBackend::allgather_directly(at::Tensor& output, at::Tensor& copies) {
  count_bytes(static_cast<int64_t>(copies.nbytes()) / getSize());
  std::vector<int64_t> equal_splits;
  return backend_->alltoall_base(output, copies, equal_splits, equal_splits, {});
}

CountingBackend::Work CountingBackend::send(Tensors& tensors, int destination, int tag) {
  count(tensors);
  const SigpipeBlocked no_sigpipe;  // Gloo writes in this thread, not in one of its own
  return backend_->send(tensors, destination, tag);
}

CountingBackend::Work CountingBackend::recv(Tensors& tensors, int source, int tag) {
  count_bytes(0);
  const SigpipeBlocked no_sigpipe;  // Gloo writes in this thread, not in one of its own
  return backend_->recv(tensors, source, tag);
}

CountingBackend::Work CountingBackend::recvAnysource(Tensors& tensors, int tag) {
  count_bytes(0);
  const SigpipeBlocked no_sigpipe;  // Gloo writes in this thread, not in one of its own
  return backend_->recvAnysource(tensors, tag);
}

CountingBackend::Work CountingBackend::barrier(const c10d::BarrierOptions& options) {
  count_bytes(0);
  return backend_->barrier(options);
}

void CountingBackend::monitoredBarrier(const c10d::BarrierOptions& options, bool wait_all_ranks) {
  count_bytes(0);
  const SigpipeBlocked no_sigpipe;  // as above: a barrier of sends and receives
  backend_->monitoredBarrier(options, wait_all_ranks);
}

void CountingBackend::setSequenceNumberForGroup() {
  backend_->setSequenceNumberForGroup();
}

uint64_t CountingBackend::getSequenceNumberForGroup() {
  return backend_->getSequenceNumberForGroup();
}

void CountingBackend::abort() {
  backend_->abort();
}

void CountingBackend::shutdown() {
  backend_->shutdown();
}

}  // namespace metrics::distributed
