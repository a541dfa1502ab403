#pragma once

#include <metrics/distributed/environment.h>
#include <metrics/distributed/process_group.h>

#include <torch/csrc/distributed/c10d/Store.hpp>

#include <vector>

namespace metrics::distributed {

/// Where this process stands and the store over which it meets the others; no store for a single process.
struct Rendezvous {
  Environment environment;
  c10::intrusive_ptr<c10d::Store> store;
};

/// Reads the environment and connects to the store, whose keys are apart from those of every earlier group.
Rendezvous rendezvous(const ProcessGroupOptions& options);

/// What the members of a group know of each other once all have come.
struct Meeting {
  bool one_host = false;
  /// This process among the members on its machine.
  int64_t local_rank = 0;
  int64_t local_world_size = 1;
};

/// Waits until all members have come to `store`. Throws SyncError that names those who have not within `timeout`.
Meeting meet(c10d::Store& store, int64_t rank, int64_t world_size, std::chrono::milliseconds timeout);

/// A store beside all others that this rank takes from `store` under that name: each rank's n-th is every rank's n-th.
c10::intrusive_ptr<c10d::Store> fresh_store(const c10::intrusive_ptr<c10d::Store>& store, const std::string& name,
                                            int64_t rank);

}  // namespace metrics::distributed
