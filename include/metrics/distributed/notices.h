#pragma once

#include <metrics/distributed/process_group.h>
#include <metrics/export.h>

#include <c10/util/intrusive_ptr.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace c10d {
class Store;
}  // namespace c10d

// What a loop that ranks go through together needs of their group beside its collectives: to say where each rank is,
// and why it fails. `metrics::training::Join` is made of it.

namespace metrics::distributed {

/// Where a rank that fails leaves word for the others, whose collectives then fail for its sake.
class METRICS_API FailureBoard {
 public:
  /// The board of all ranks of `group`; null for one process.
  static std::shared_ptr<FailureBoard> of(ProcessGroup& group);

  FailureBoard(c10::intrusive_ptr<c10d::Store> store, int64_t rank, std::chrono::milliseconds timeout);
  ~FailureBoard();
  FailureBoard(const FailureBoard&) = delete;
  FailureBoard& operator=(const FailureBoard&) = delete;

  void write(const std::string& reason) noexcept;
  /// What the first rank to fail has said.
  std::optional<std::string> read() const noexcept;
  /// A SyncError for a collective, `what`, that failed with `error` after `waited`: with what a rank has left as word,
  /// else with the usual cause.
  std::exception_ptr explained(const std::exception_ptr& error, const std::string& what,
                               std::chrono::milliseconds waited) const noexcept;

 private:
  c10::intrusive_ptr<c10d::Store> store_;
  int64_t rank_;
  std::chrono::milliseconds timeout_;
};

/// A few bytes that each rank says to all others, over connections of their own, so that they meet neither the metrics'
/// collectives nor the program's. Their number is fixed, because ranks that disagree on a size end each other's
/// processes.
class METRICS_API Notices {
 public:
  static constexpr std::size_t bytes = 64;
  using Notice = std::array<std::byte, bytes>;

  /// Those of `group`, which has several ranks; the first call connects, and is collective. Throws SyncError.
  static std::shared_ptr<Notices> of(ProcessGroup& group);

  explicit Notices(ProcessGroup& group);
  ~Notices();
  Notices(const Notices&) = delete;
  Notices& operator=(const Notices&) = delete;

  /// One exchange that is under way.
  class Exchange;
  /// Sends this rank's notice without waiting for the others'. Throws SyncError.
  std::shared_ptr<Exchange> send(const Notice& own);
  /// The ranks' notices, in rank order. A warning about a long wait calls it `call`. Each exchange is received once, in
  /// the order of sending, on all ranks. Throws SyncError.
  std::vector<Notice> receive(const std::shared_ptr<Exchange>& exchange, const std::string& call);

  /// A text that belongs to a notice of this rank, under a number that the notice tells.
  void leave_text(int64_t number, const std::string& text);
  /// That of another rank; an excuse where it cannot be read.
  std::string text_of(int64_t number, int64_t rank) const;
  /// Counts what has begun on this rank, this call included.
  int64_t next_number();

  FailureBoard& board() const;
  CommunicationCounters counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Breaks a group for a reason of this rank's own and closes its connections, so that others who wait on them see it at
/// once.
METRICS_API void abandon(ProcessGroup& group, const std::string& reason) noexcept;

}  // namespace metrics::distributed
