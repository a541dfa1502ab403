#include "distributed/worker_request.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

// Stands for a worker that the server of workers makes: see tests/distributed/worker_server.h. It starts in a
// millisecond.

namespace {

void request_worker(int server, int status) {
  const pid_t group = ::getpgrp();
  std::string text(reinterpret_cast<const char*>(&group), sizeof(group));
  for (char** entry = environ; *entry != nullptr; ++entry) text.append(*entry, std::strlen(*entry) + 1);
  const int descriptors[metrics_test::passed_descriptors] = {0, 1, 2, status};
  metrics_test::Message message(text.data(), text.size());
  cmsghdr* const header = CMSG_FIRSTHDR(&message.header);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(descriptors));
  std::memcpy(CMSG_DATA(header), descriptors, sizeof(descriptors));
  if (text.size() > metrics_test::largest_request || ::sendmsg(server, &message.header, MSG_NOSIGNAL) < 0) {
    std::perror("cannot ask for a worker");
    std::exit(125);
  }
}

}  // namespace

int main() {
  const char* const server = std::getenv(metrics_test::server_variable);
  int pipe[2];
  if (server == nullptr || ::pipe(pipe) != 0) {
    std::fprintf(stderr, "%s is not set, or there is no pipe\n", metrics_test::server_variable);
    return 125;
  }
  request_worker(std::atoi(server), pipe[1]);
  ::close(pipe[1]);
  int status = 0;
  if (::read(pipe[0], &status, sizeof(status)) != sizeof(status)) {
    std::fprintf(stderr, "the server of workers has ended\n");
    return 125;
  }
  if (WIFSIGNALED(status)) {
    std::signal(WTERMSIG(status), SIG_DFL);
    ::kill(::getpid(), WTERMSIG(status));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}
