#pragma once

#include <metrics/distributed/counting_backend.h>
#include <metrics/distributed/process_group.h>

#include <ATen/core/Tensor.h>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace metrics::distributed {

/// Where a rank that fails leaves word for the others, whose collectives then fail for its sake.
class FailureBoard {
 public:
  FailureBoard(c10::intrusive_ptr<c10d::Store> store, int64_t rank, std::chrono::milliseconds timeout);

  void write(const std::string& reason) noexcept;
  /// What the first rank to fail has said.
  std::optional<std::string> read() const noexcept;
  /// A SyncError for a collective that failed after `waited`.
  std::exception_ptr explained(const std::exception_ptr& error, const std::string& what,
                               std::chrono::milliseconds waited) const noexcept;

 private:
  c10::intrusive_ptr<c10d::Store> store_;
  int64_t rank_;
  std::chrono::milliseconds timeout_;
};

/// What one rank says of itself; of a fixed size, since ranks that disagree on a size end each other's processes.
struct Notice {
  static constexpr uint32_t expected_magic = 0x4e49'4f4a;
  enum Kind : uint16_t { Begin = 1, Step = 2, Joined = 3 };
  enum Flag : uint16_t { Refused = 1, KnowsBatches = 2 };

  uint32_t magic = expected_magic;
  uint16_t kind = 0;
  uint16_t flags = 0;
  int64_t step = 0;
  int64_t batches = 0;
  uint64_t averaging = 0;    ///< A bit for each joinable.
  uint64_t fingerprint = 0;  ///< Of joinables and options.
  int64_t unused[3] = {};

  bool has(Flag flag) const { return (flags & flag) != 0; }
};
static_assert(sizeof(Notice) == 64);

/// A group of join's own over a process group's store, so that its notices never meet DDP's collectives or the
/// metrics'.
class Notices {
 public:
  /// Those of `group`; the first call connects, and is collective. Throws SyncError.
  static std::shared_ptr<Notices> of(ProcessGroup& group);

  explicit Notices(ProcessGroup& group);

  /// One exchange that is under way.
  struct Exchange {
    c10::intrusive_ptr<c10d::Work> work;
    at::Tensor copies;
    at::Tensor all;
  };
  /// Sends this rank's notice without waiting for the others'. Throws SyncError.
  Exchange send(const Notice& own);
  /// The ranks' notices. Throws SyncError.
  std::vector<Notice> receive(Exchange& exchange);

  /// Texts that belong to notices: a rank that refuses to begin says why.
  void leave_text(int64_t number, const std::string& text);
  std::string text_of(int64_t number, int64_t rank) const;
  /// How many joins have begun on this rank, this one included.
  int64_t next_number() { return ++begun_; }

  FailureBoard& board() { return board_; }
  CommunicationCounters counters() const { return backend_->counters(); }

 private:
  int64_t rank_;
  int64_t world_size_;
  c10::intrusive_ptr<c10d::Store> store_;
  std::vector<Exchange> abandoned_;  // late peers may write to their tensors for as long as there are connections
  c10::intrusive_ptr<CountingBackend> backend_;
  FailureBoard board_;
  int64_t begun_ = 0;
};

/// The board of all ranks of a group; null for one process.
std::shared_ptr<FailureBoard> failure_board_of(ProcessGroup& group);

/// Closes a group's connections for a reason of this rank's own, so that others who wait on them see it at once.
void abandon(ProcessGroup& group, const std::string& reason) noexcept;

}  // namespace metrics::distributed
