#pragma once

#include <sys/socket.h>

#include <cstddef>

// What is said between a program that stands for a worker and the server of workers: a message with the process group
// in front and the environment behind it, names and values each with a zero at its end, and with it four file
// descriptors: standard input, output and error, and a pipe for the status with which the worker ends, as waitpid gives
// it.

namespace metrics_test {

inline constexpr const char* server_variable = "METRICS_TEST_WORKER_SERVER";
inline constexpr int passed_descriptors = 4;
inline constexpr std::size_t largest_request = 1 << 16;

/// What sendmsg and recvmsg are given for such a message.
struct Message {
  Message(void* text, std::size_t size) : part{text, size} {
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof(control);
  }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * passed_descriptors)] = {};
  iovec part;
  msghdr header = {};
};

}  // namespace metrics_test
