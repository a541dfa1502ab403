#pragma once

#include <cerrno>
#include <csignal>
#include <ctime>

namespace metrics::distributed {

/// Keeps this thread, and the threads that are made meanwhile, from being ended by SIGPIPE. A write to a peer that has gone
/// raises it in the thread that writes, and Gloo's writes do not hold it back. The signal's disposition is the program's
/// and stays as it is, so that the program's other writes (to a closed pipe, say) do what they did.
class SigpipeBlocked {
 public:
  SigpipeBlocked() {
    ::sigemptyset(&sigpipe_);
    ::sigaddset(&sigpipe_, SIGPIPE);
    sigset_t pending;
    ::sigemptyset(&pending);
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
  }
  ~SigpipeBlocked() {
    if (::sigismember(&before_, SIGPIPE) == 1) return;
    const int error = errno;
    // What our own writes have raised is taken back, because it would be delivered as soon as it is no longer blocked.
    const timespec at_once{};
    while (!was_pending_ && ::sigtimedwait(&sigpipe_, nullptr, &at_once) == -1 && errno == EINTR) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = error;
  }
  SigpipeBlocked(const SigpipeBlocked&) = delete;
  SigpipeBlocked& operator=(const SigpipeBlocked&) = delete;

 private:
  sigset_t sigpipe_;
  sigset_t before_;
  bool was_pending_ = false;
};

}  // namespace metrics::distributed
