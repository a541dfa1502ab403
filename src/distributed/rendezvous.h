#pragma once

#include "backends.h"
#include "bounded_store.h"
#include <metrics/distributed/environment.h>
#include <metrics/distributed/process_group.h>

#include <string>

namespace metrics::distributed {

/// Where this process stands and the store over which it meets the others; no store for a single process.
struct Rendezvous {
  Environment environment;
  BoundedStore::Pointer store;
};

/// Reads the environment and connects to the store. Throws SyncError that says what it waited for until `deadline`.
Rendezvous rendezvous(const ProcessGroupOptions& options, const Deadline& deadline);

/// What the members of a group know of each other once all have come.
struct Meeting {
  /// Of this meeting alone: no earlier or later one has seen its keys.
  BoundedStore::Pointer store;
  bool one_host = false;
  /// This process among the members on its machine.
  int64_t local_rank = 0;
  int64_t local_world_size = 1;
};

/// Waits until all members have come to the meeting of that name at `store`; of `membership` it takes rank, size and
/// names. Member 0 opens attempts, one after the other; an attempt is valid once member 0 has said so, which it does
/// when all have come to this very attempt and none has given up. A member that fails or comes late therefore leaves
/// the others able to try again. Throws SyncError that names those who have not come by `deadline`.
Meeting meet(const BoundedStore::Pointer& store, const std::string& name, const Membership& membership,
             const Deadline& deadline);

}  // namespace metrics::distributed
