#pragma once

#include <metrics/core/errors.h>
#include <metrics/distributed/notices.h>
#include <metrics/distributed/process_group.h>

#include <ATen/core/Tensor.h>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <vector>

// What training's own collectives need: they go over the connections that the program's others use, and a failure says
// more than Gloo does.

namespace metrics::training {

/// Issues a collective on the backend for `device`, and waits for it. Throws SyncError that calls it `what`.
template <class Issue>
void run_collective(ProcessGroup& ranks, at::DeviceType device, const std::string& what, const Issue& issue) {
  const auto start = std::chrono::steady_clock::now();
  try {
    const auto group = ranks.c10d();
    if (!group)
      throw SyncError(what + ": the process group has been shut down; make a new one with init_process_group");
    issue(*group->getBackend(device))->wait();
  } catch (const std::exception&) {
    const auto error = std::current_exception();
    const auto board = distributed::FailureBoard::of(ranks);
    if (!board) std::rethrow_exception(error);
    const auto waited = std::chrono::steady_clock::now() - start;
    std::rethrow_exception(
        board->explained(error, what, std::chrono::duration_cast<std::chrono::milliseconds>(waited)));
  }
}

/// What each rank says, in as many numbers: one collective. Throws SyncError.
std::vector<std::vector<int64_t>> numbers_of_ranks(ProcessGroup& ranks, const std::vector<int64_t>& own,
                                                   const std::string& what);

/// A text of each rank, cut to 511 bytes: one collective. Throws SyncError.
std::vector<std::string> texts_of_ranks(ProcessGroup& ranks, const std::string& own, const std::string& what);

/// The group meant by one that may not be stated; null where there is a single process.
std::shared_ptr<ProcessGroup> several_ranks(std::shared_ptr<ProcessGroup> stated);

}  // namespace metrics::training
