#pragma once

#include "core/first_line.h"
#include "deadline.h"
#include <metrics/distributed/rank_names.h>

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace metrics::distributed {

using metrics::detail::first_line;

/// One rank's way to the members of a group.
struct Membership {
  c10::intrusive_ptr<c10d::Store> store;
  int64_t rank = 0;
  int64_t world_size = 1;
  std::chrono::milliseconds timeout{};
  /// All members share one machine's loopback interface.
  bool one_host = false;
  RankNames names{};
  /// This member for messages: "rank 1 of 4", or "rank 2 (of the group of ranks 0,2)".
  std::string own_name() const;
};

/// "0,2"
std::string listed(const std::vector<int64_t>& ranks, const char* separator = ",");

/// Connects to all members over Gloo: over loopback where they share it, the interfaces in GLOO_SOCKET_IFNAME where it
/// is set, the one that the host's name resolves to otherwise. Each wait for a member ends at `deadline`.
c10::intrusive_ptr<c10d::Backend> make_gloo_backend(const Membership& membership, const Deadline& deadline);

/// Waits until every member has come here, at the longest until `deadline`.
void wait_for_all(c10d::Backend& backend, const Deadline& deadline);

/// Whether NCCL is compiled in and has a device to run on.
bool nccl_is_available();

/// Connects to all members over NCCL, on the CUDA device numbered `local_rank`. Failures are exceptions of the waiting
/// call: c10d's watchdog, which would end the process, is off.
c10::intrusive_ptr<c10d::Backend> make_nccl_backend(const Membership& membership, int64_t local_rank);

}  // namespace metrics::distributed
