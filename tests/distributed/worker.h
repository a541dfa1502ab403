#pragma once

#include <metrics/core/errors.h>
#include <metrics/distributed/launch.h>

#include <chrono>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace metrics_test {

/// A function that this program runs in place of its tests when `run_workers` has started it. It fails by an exception.
struct Worker {
  Worker(const char* name, void (*run)());
};

/// Starts `processes` ranks, each running the worker of that name, and waits for all. They are copies of this program
/// as it began (worker_server.h).
metrics::distributed::LaunchResult run_workers(const std::string& name, int64_t processes,
                                               std::map<std::string, std::string> environment = {},
                                               bool keep_going = false);

/// Runs the worker that the environment names; -1 where it names none.
int run_as_worker();

/// The most ranks that a test may start: METRICS_TEST_MAX_WORLD_SIZE, for runs under sanitizers.
int64_t max_world_size();

/// Those of `sizes` that are within it.
std::vector<int64_t> world_sizes(std::vector<int64_t> sizes);

/// The program's path, for launchers other than ours.
std::string this_program();

/// All processes ended by themselves, with success but for the ranks that were to be killed. Checks that.
void check_survived(const metrics::distributed::LaunchResult& result, const std::vector<int64_t>& killed = {});

// Time-outs that end no wait on a loaded machine, and for a test that waits one out.
inline constexpr std::chrono::milliseconds long_timeout(30000), short_timeout(3000);

/// Ends this process as if the machine had.
[[noreturn]] void die();

/// Fails the worker unless `condition` holds.
inline void expect(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error("expected " + what);
}

/// Fails the worker unless `text` contains `part`.
inline void expect_contains(const std::string& text, const std::string& part) {
  expect(text.find(part) != std::string::npos, "'" + part + "' in: " + text);
}

/// The message of the `Error` that `call` throws; fails the worker when it throws none.
template <class Error, class Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  throw std::runtime_error("expected an error");
}

template <class Call>
std::string sync_error_of(const Call& call) {
  return message_of<metrics::SyncError>(call);
}

}  // namespace metrics_test

/// Defines a worker: WORKER(name) { ... }
#define WORKER(name)                                                          \
  static void worker_##name();                                                \
  static const metrics_test::Worker registered_##name(#name, &worker_##name); \
  static void worker_##name()
