#pragma once

#include <metrics/core/synchroniser.h>
#include <metrics/export.h>

#include <c10/util/intrusive_ptr.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace c10d {
class ProcessGroup;
}  // namespace c10d

namespace metrics {

/// What this rank has sent. A collective counts once whatever its size, its bytes are those that this rank puts in.
struct CommunicationCounters {
  int64_t collectives = 0;
  int64_t bytes = 0;

  CommunicationCounters operator-(const CommunicationCounters& earlier) const {
    return {collectives - earlier.collectives, bytes - earlier.bytes};
  }
  bool operator==(const CommunicationCounters&) const = default;
};

struct ProcessGroupOptions {
  /// "gloo"; "nccl" (with Gloo beside it for tensors on the CPU); "auto": NCCL where it is compiled in and a CUDA
  /// device is there, else Gloo.
  std::string backend = "auto";
  /// How long a rank waits for the others: in all while the group is made, however many waits that takes, and in every
  /// collective.
  std::chrono::milliseconds timeout = std::chrono::minutes(10);
  /// "env://": MASTER_ADDR and MASTER_PORT, or what the launcher says in their place. "tcp://host:port": rank 0 listens
  /// there. "file:///path": a file that does not exist yet, on storage that all ranks see.
  std::string init_method = "env://";
  /// Taken from the environment where not stated.
  std::optional<int64_t> rank = {};
  std::optional<int64_t> world_size = {};
  std::optional<int64_t> local_rank = {};
  std::optional<int64_t> local_world_size = {};
};

/// Ranks that can talk to each other. Metrics talk over connections of their own, so that their collectives never
/// interleave with those that a program sends over `c10d()`. After a failure (a dead peer, a time-out) a group is
/// broken: every later call throws SyncError at once, and a new group is needed; what metrics have accumulated stays.
/// The same order of calls on every rank, and so one thread of each: the first that synchronises metrics over a group has
/// it, another gets a SyncError, until it says that it takes over (`use_from_this_thread`).
/// A peer's death is an error, never a signal: SIGPIPE is blocked where we write to peers, and the program's own handler of
/// it stays as it is.
class METRICS_API ProcessGroup : public Synchroniser {
 public:
  struct Impl;
  explicit ProcessGroup(std::unique_ptr<Impl> impl);
  /// Closes the connections. Waits for nobody.
  ~ProcessGroup() override;
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  /// False on a rank that `new_group` left out. There all that members do throws InvalidArgument.
  bool is_member() const;
  int64_t rank() const override;
  int64_t world_size() const override;
  /// Number of this process among those of its machine, and their count, in the group that the program started with.
  int64_t local_rank() const;
  int64_t local_world_size() const;
  /// "gloo", "nccl", or that of a wrapped group; "none" for a single process.
  const std::string& backend() const;
  std::chrono::milliseconds timeout() const;

  /// Returns when every rank has called it. Throws SyncError.
  void barrier();
  /// From here on this thread synchronises metrics over the group, where another one has before. Throws SyncError while
  /// that one does.
  void use_from_this_thread();

  /// As Synchroniser says; how it goes about it is told in docs/distribution.md.
  std::vector<Synchronised> synchronise(std::span<const SyncItem> items) override;

  /// Makes a group of some of this group's ranks, to be called by those alone or by all; `ranks` are ascending and
  /// become 0, 1, ... A rank that is not among them gets a group of which it is no member (`is_member`), and which throws
  /// when it is used: as a metric's `process_group` it never stands for the default group. Throws InvalidArgument, and
  /// within the timeout SyncError, which leaves this group as it was: the same ranks can try again. Messages about the new
  /// group name its ranks as the group that the program started with does.
  std::shared_ptr<ProcessGroup> new_group(const std::vector<int64_t>& ranks);

  /// The group for the program's own collectives (DistributedDataParallel's among them); null once it is closed.
  c10::intrusive_ptr<c10d::ProcessGroup> c10d() const;

  /// What metrics have sent over this group. Making a group does not count.
  CommunicationCounters counters() const;
  /// What went over `c10d()`; stays at zero for a wrapped group, whose backend is not ours.
  CommunicationCounters c10d_counters() const;

  bool broken() const;
  /// Closes the connections now; later calls throw SyncError.
  void shutdown();

  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// Makes the group of all processes, from the variables of torchrun, `metrics launch`, Slurm, Open MPI or a cluster
/// platform, or from `options`; without any of them a group of one that opens no socket. It is the default group of all
/// metrics for as long as the program keeps it. All ranks call it; it returns when all have come.
/// To follow a broken group, make the new one before letting go of the old: rank 0 may serve the meeting point.
/// Throws InvalidArgument that lists what is missing or malformed, and within the timeout SyncError that names what did not
/// come: ranks, or the place where rank 0 should be. All can then try again.
METRICS_API std::shared_ptr<ProcessGroup> init_process_group(const ProcessGroupOptions& options = {});

/// Takes a group that the program has made (with a store), which `c10d()` then returns; metrics get connections of
/// their own over its store. All its ranks call it. Does not become the default group. Throws InvalidArgument,
/// SyncError.
METRICS_API std::shared_ptr<ProcessGroup> wrap_process_group(
    c10::intrusive_ptr<c10d::ProcessGroup> group, std::chrono::milliseconds timeout = std::chrono::minutes(10));

/// The default group; nothing when none was made or its owner has let it go.
METRICS_API std::shared_ptr<ProcessGroup> default_process_group();

}  // namespace metrics
