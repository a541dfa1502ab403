#pragma once

#include "backends.h"
#include "transport.h"
#include <metrics/distributed/counting_backend.h>
#include <metrics/distributed/process_group.h>

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace metrics {

namespace distributed {

class Notices;

/// The control blocks, kept from one synchronisation to the next.
struct SyncBuffers {
  Tensor own_block;
  Tensor blocks;

  void prepare(int64_t world_size);
};

}  // namespace distributed

struct ProcessGroup::Impl {
  distributed::Membership membership;
  int64_t local_rank = 0;
  int64_t local_world_size = 1;
  std::string backend = "none";
  /// Nothing for a single process, which talks to nobody.
  std::optional<distributed::Transport> transport;
  /// The program's own; made when asked for where there is a single process.
  c10::intrusive_ptr<c10d::ProcessGroup> c10d;
  c10::intrusive_ptr<distributed::CountingBackend> c10d_counting;
  CommunicationCounters c10d_counters;  ///< As they were when the group was shut down.
  distributed::SyncBuffers buffers;
  /// Join's connections, made when the first join begins.
  std::shared_ptr<distributed::Notices> notices;
  std::mutex synchronising;
  std::thread::id thread;  ///< That synchronises over this group; none before the first.
  /// Why this rank cannot use the group; empty for a member.
  std::string outside;
  bool closed = false;
};

}  // namespace metrics
