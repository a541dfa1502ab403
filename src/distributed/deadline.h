#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <stdexcept>
#include <thread>
#include <utility>

namespace metrics::distributed {

/// The one end of work that waits in several places, one after the other.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Deadline(std::chrono::milliseconds timeout)
      : timeout_(timeout), begin_(Clock::now()), end_(begin_ + std::min(timeout, longest)) {}

  std::chrono::milliseconds timeout() const { return timeout_; }
  Clock::time_point end() const { return end_; }
  bool passed() const { return Clock::now() >= end_; }
  std::chrono::milliseconds waited() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin_);
  }
  /// What is left, at least a millisecond: nought means other things to c10d.
  std::chrono::milliseconds remaining() const {
    return std::max(std::chrono::ceil<std::chrono::milliseconds>(end_ - Clock::now()), std::chrono::milliseconds(1));
  }

 private:
  static constexpr std::chrono::milliseconds longest = std::chrono::hours(24 * 365);

  std::chrono::milliseconds timeout_;
  Clock::time_point begin_;
  Clock::time_point end_;
};

/// What `apart` throws for a job that is not over at its end.
class DeadlinePassed : public std::runtime_error {
 public:
  DeadlinePassed() : std::runtime_error("no answer in time") {}
};

/// Runs `job` on a thread of its own and waits for it until `end`, because c10d's requests to a peer that is there and silent
/// return never. Then it calls `cut`, which makes the job end where it can, and throws DeadlinePassed. A job that still is
/// not over goes on by itself: it owns all that it touches.
template <class T>
T apart(Deadline::Clock::time_point end, std::function<T()> job, const std::function<void()>& cut = {}) {
  constexpr std::chrono::milliseconds to_end_once_cut(100);
  std::packaged_task<T()> task(std::move(job));
  std::future<T> result = task.get_future();
  std::thread thread(std::move(task));
  if (result.wait_until(end) == std::future_status::ready) {
    thread.join();
    return result.get();
  }
  try {
    if (cut) cut();
  } catch (...) {
    // Then the job goes on by itself.
  }
  if (result.wait_for(to_end_once_cut) == std::future_status::ready)
    thread.join();
  else
    thread.detach();
  throw DeadlinePassed();
}

}  // namespace metrics::distributed
