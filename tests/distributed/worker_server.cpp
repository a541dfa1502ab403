#include "worker_server.h"

#include "worker_request.h"

#include <ATen/Parallel.h>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <vector>

namespace metrics_test {
namespace {

int asking = -1;  // what those that ask for a worker write to

struct Request {
  pid_t group = 0;
  std::vector<std::string> environment;
  int descriptors[passed_descriptors];
};

/// Nothing where nobody is left who could ask.
std::optional<Request> next_request(int from) {
  std::vector<char> text(largest_request);
  Request request;
  Message message(text.data(), text.size());
  const ssize_t got = ::recvmsg(from, &message.header, MSG_CMSG_CLOEXEC);
  const cmsghdr* const header = CMSG_FIRSTHDR(&message.header);
  if (got < static_cast<ssize_t>(sizeof(request.group)) || header == nullptr) return std::nullopt;
  std::memcpy(&request.group, text.data(), sizeof(request.group));
  std::memcpy(request.descriptors, CMSG_DATA(header), sizeof(request.descriptors));
  for (const char* at = text.data() + sizeof(request.group); at < text.data() + got; at += std::strlen(at) + 1)
    request.environment.emplace_back(at);
  return request;
}

/// Makes this process, which was just forked, the one that was asked for.
void become_worker(const Request& request) {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Whoever has ended what stands for this process wants no worker any more.
  if (::setpgid(0, request.group) != 0) ::_exit(125);
  for (int i = 0; i < 3; ++i) ::dup2(request.descriptors[i], i);
  for (const int descriptor : request.descriptors) ::close(descriptor);
  ::clearenv();
  for (const std::string& entry : request.environment) {
    const std::size_t end = entry.find('=');
    ::setenv(entry.substr(0, end).c_str(), entry.c_str() + end + 1, /*replace=*/1);
  }
  // Read when OpenMP is loaded, which has been done.
  if (const char* threads = std::getenv("OMP_NUM_THREADS")) at::set_num_threads(std::atoi(threads));
}

[[noreturn]] void serve(int from, const std::function<int()>& run) {
  sigset_t ends;
  ::sigemptyset(&ends);
  ::sigaddset(&ends, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &ends, nullptr);
  const int ended = ::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
  std::map<pid_t, int> workers;  // where the status of each is written
  while (true) {
    pollfd waited[] = {{from, POLLIN, 0}, {ended, POLLIN, 0}};
    ::poll(waited, 2, -1);
    signalfd_siginfo signal;
    while (::read(ended, &signal, sizeof(signal)) > 0) {
    }
    int status = 0;
    for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      const auto worker = workers.extract(pid);
      // The one that it was made for may have been ended.
      [[maybe_unused]] const auto written = ::write(worker.mapped(), &status, sizeof(status));
      ::close(worker.mapped());
    }
    if (waited[0].revents == 0) continue;
    const auto request = next_request(from);
    if (!request) ::_exit(0);
    const pid_t pid = ::fork();
    if (pid == 0) {
      for (const auto& [other, descriptor] : workers) ::close(descriptor);
      ::close(from);
      ::close(ended);
      become_worker(*request);
      std::exit(run());
    }
    for (int i = 0; i < 3; ++i) ::close(request->descriptors[i]);
    const int status_to = request->descriptors[passed_descriptors - 1];
    if (pid > 0) {
      workers[pid] = status_to;
    } else {
      ::close(status_to);  // by which the other side ends
    }
  }
}

}  // namespace

void serve_workers(const std::function<int()>& run) {
  int ends[2];
  // Inherited by the programs that ask.
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0) throw std::runtime_error("no pair of sockets");
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("no process that serves workers");
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::signal(SIGPIPE, SIG_IGN);
    ::close(ends[1]);
    serve(ends[0], run);
  }
  ::close(ends[0]);
  asking = ends[1];
}

std::map<std::string, std::string> server_environment() {
  return {{server_variable, std::to_string(asking)}};
}

}  // namespace metrics_test
