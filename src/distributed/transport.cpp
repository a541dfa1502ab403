#include "transport.h"

#include "backends.h"
#include "sigpipe_blocked.h"
#include <metrics/core/errors.h>

#include <exception>
#include <utility>

namespace metrics::distributed {
namespace {

constexpr const char* new_group_needed =
    "The group is broken: local states are kept, make a new group with init_process_group.";

// Gloo's allgather goes around a ring, which takes as many waits as there are other ranks. Small inputs are therefore
// sent to all ranks at once.
constexpr int64_t most_sent_directly = 1 << 20;

c10::intrusive_ptr<CountingBackend> counted(c10::intrusive_ptr<c10d::Backend> backend) {
  return backend ? c10::make_intrusive<CountingBackend>(std::move(backend)) : nullptr;
}

}  // namespace

Transport::Transport(c10::intrusive_ptr<c10d::Backend> host, c10::intrusive_ptr<c10d::Backend> device,
                     std::chrono::milliseconds timeout, std::string own_name, RankNames names,
                     const BoundedStore::Pointer& store)
    : rank_(host->getRank()),
      world_size_(host->getSize()),
      timeout_(timeout),
      own_name_(std::move(own_name)),
      names_(std::move(names)),
      over_gloo_(host->getBackendName() == "gloo"),
      host_(counted(std::move(host))),
      device_(counted(std::move(device))),
      long_waits_(store, rank_, world_size_, names_, own_name_) {}

template <class Issue>
void Transport::run(const char* name, c10::Device device, std::vector<at::Tensor> buffers, const Issue& issue) {
  check_usable();
  const SigpipeBlocked no_sigpipe;
  const auto start = std::chrono::steady_clock::now();
  try {
    if (!device.is_cpu() && !device_)
      throw InvalidArgument(std::string(name) + ": a tensor on " + device.str() +
                            " cannot travel over this group, which has a backend for the CPU alone");
    auto& backend = device.is_cpu() ? *host_ : *device_;
    const auto work = issue(backend);
    if (!work) return;
    // Over NCCL a wait that ends early ends the collective. What travels there follows what ranks agree on over Gloo.
    if (device.is_cpu() && over_gloo_)
      long_waits_.wait(*work, [&] { return call_ ? call_() : std::string(name); });
    else
      work->wait();
  } catch (const InvalidArgument&) {
    throw;
  } catch (const std::exception& error) {
    abandoned_ = std::move(buffers);
    const bool timed_out = std::chrono::steady_clock::now() - start >= timeout_ * 9 / 10;
    const std::string where = std::string(name) + " on " + own_name_;
    const std::string reason =
        timed_out ? where + " waited " + std::to_string(timeout_.count()) +
                        " ms for the other ranks. The usual cause is a compute (or sync, or a forward with "
                        "dist_sync_on_step, where ranks with different numbers of batches need a "
                        "metrics::training::Join) that only some ranks called; else a rank has hung"
                  : where + " failed: another rank has died, left, or given up waiting";
    broken_ = reason;
    throw SyncError(reason + ". " + new_group_needed + " (" + first_line(error) + ")");
  }
}

void Transport::all_gather(const at::Tensor& input, at::Tensor& output) {
  const int64_t gathered = static_cast<int64_t>(input.nbytes()) * world_size_;
  if (input.is_cpu() && over_gloo_ && gathered <= most_sent_directly) {
    at::Tensor copies = input.reshape(-1).repeat({world_size_});
    at::Tensor flat = output.view(-1);
    return run("all_gather", input.device(), {copies, output},
               [&](CountingBackend& backend) { return backend.allgather_directly(flat, copies); });
  }
  at::Tensor from = input;
  run("all_gather", input.device(), {input, output},
      [&](CountingBackend& backend) { return backend._allgather_base(output, from, {}); });
}

void Transport::all_reduce(at::Tensor& tensor, c10d::ReduceOp::RedOpType operation) {
  std::vector<at::Tensor> tensors{tensor};
  c10d::AllreduceOptions options;
  options.reduceOp = operation;
  run("all_reduce", tensor.device(), tensors,
      [&](CountingBackend& backend) { return backend.allreduce(tensors, options); });
}

void Transport::all_to_all(const at::Tensor& input, std::vector<int64_t> input_splits, at::Tensor& output,
                           std::vector<int64_t> output_splits) {
  at::Tensor from = input;
  run("all_to_all", input.device(), {input, output},
      [&](CountingBackend& backend) { return backend.alltoall_base(output, from, output_splits, input_splits, {}); });
}

void Transport::barrier() {
  run("barrier", c10::Device(c10::kCPU), {}, [&](CountingBackend& backend) { return backend.barrier({}); });
}

CommunicationCounters Transport::counters() const {
  CommunicationCounters sum = dropped_counters_;
  for (const auto& backend : {host_, device_}) {
    if (!backend) continue;
    const auto counters = backend->counters();
    sum.collectives += counters.collectives;
    sum.bytes += counters.bytes;
  }
  return sum;
}

void Transport::abandon(const std::string& reason) {
  if (!broken_) broken_ = reason;
  drop_connections();
}

void Transport::check_usable() const {
  if (closed_) throw SyncError("This process group has been shut down; make a new one with init_process_group.");
  if (broken_)
    throw SyncError("This process group is broken by an earlier failure: " + *broken_ + ". " + new_group_needed);
}

void Transport::close() {
  closed_ = true;
  long_waits_.close();
  drop_connections();
}

void Transport::drop_connections() {
  dropped_counters_ = counters();
  if (device_ && broken_) device_->abort();
  host_.reset();
  device_.reset();
}

}  // namespace metrics::distributed
