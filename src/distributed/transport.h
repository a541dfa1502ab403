#pragma once

#include "long_waits.h"
#include <metrics/distributed/counting_backend.h>
#include <metrics/distributed/rank_names.h>

#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace metrics::distributed {

/// The few collectives that metrics need, each waited for, each counted. A failure is a SyncError, after which the
/// transport is broken: Gloo's connections do not survive one. The buffers of a collective that
/// failed are not touched again, and live as long as the transport, because late peers may still write to them.
class Transport {
 public:
  /// `device` may be null: then only tensors on the CPU travel. `own_name` is this rank's in messages, `names` are all
  /// members'. `store` is for messages about long waits, and used for nothing else.
  Transport(c10::intrusive_ptr<c10d::Backend> host, c10::intrusive_ptr<c10d::Backend> device,
            std::chrono::milliseconds timeout, std::string own_name, RankNames names,
            const BoundedStore::Pointer& store);

  int64_t rank() const { return rank_; }
  int64_t world_size() const { return world_size_; }
  const RankNames& names() const { return names_; }
  /// Whether tensors on a device travel as they are.
  bool has_device() const { return device_ != nullptr; }

  /// Gathers `input`, of the same size on every rank, into `output` in rank order.
  void all_gather(const at::Tensor& input, at::Tensor& output);
  /// Replaces `tensor` by the reduction over ranks. Floating sums are in no stated order.
  void all_reduce(at::Tensor& tensor, c10d::ReduceOp::RedOpType operation);
  /// Sends rows of `input`, `input_splits[r]` of them to rank r, and receives `output_splits[r]` rows from rank r.
  void all_to_all(const at::Tensor& input, std::vector<int64_t> input_splits, at::Tensor& output,
                  std::vector<int64_t> output_splits);
  void barrier();

  /// While an object of this lives, messages about long waits name the call that the program is in, not the collective.
  class Within {
   public:
    Within(Transport& transport, LongWaits::Call call) : transport_(transport) { transport_.call_ = std::move(call); }
    ~Within() { transport_.call_ = nullptr; }
    Within(const Within&) = delete;
    Within& operator=(const Within&) = delete;

   private:
    Transport& transport_;
  };
  LongWaits& long_waits() { return long_waits_; }

  CommunicationCounters counters() const;

  bool broken() const { return broken_.has_value(); }
  /// Breaks the group for a reason of this rank's own and closes its connections, so that the others see it at once.
  void abandon(const std::string& reason);
  /// Throws SyncError when broken or closed.
  void check_usable() const;
  void close();

 private:
  template <class Issue>
  void run(const char* name, c10::Device device, std::vector<at::Tensor> buffers, const Issue& issue);

  void drop_connections();

  int64_t rank_;
  int64_t world_size_;
  std::chrono::milliseconds timeout_;
  std::string own_name_;
  RankNames names_;
  bool over_gloo_;
  c10::intrusive_ptr<CountingBackend> host_;
  c10::intrusive_ptr<CountingBackend> device_;
  CommunicationCounters dropped_counters_;
  bool closed_ = false;
  std::optional<std::string> broken_;
  LongWaits long_waits_;
  LongWaits::Call call_;
  std::vector<at::Tensor> abandoned_;
};

}  // namespace metrics::distributed
