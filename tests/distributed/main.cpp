#define DOCTEST_CONFIG_IMPLEMENT
#include "worker.h"
#include "worker_server.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

namespace metrics_test {
namespace {

constexpr const char* worker_variable = "METRICS_TEST_WORKER";

std::map<std::string, void (*)()>& workers() {
  static std::map<std::string, void (*)()> instance;
  return instance;
}

}  // namespace

Worker::Worker(const char* name, void (*run)()) {
  workers()[name] = run;
}

int64_t max_world_size() {
  const char* most = std::getenv("METRICS_TEST_MAX_WORLD_SIZE");
  return most == nullptr ? 64 : std::stoll(most);
}

std::vector<int64_t> world_sizes(std::vector<int64_t> sizes) {
  std::erase_if(sizes, [](int64_t size) { return size > max_world_size(); });
  return sizes;
}

std::string this_program() {
  return metrics::distributed::current_command().front();
}

metrics::distributed::LaunchResult run_workers(const std::string& name, int64_t processes,
                                               std::map<std::string, std::string> environment, bool keep_going) {
  environment[worker_variable] = name;
  environment.merge(server_environment());
  return metrics::distributed::launch({.processes = processes,
                                       .command = {METRICS_TEST_WORKER_PROGRAM},
                                       .environment = std::move(environment),
                                       .timeout = std::chrono::seconds(60),
                                       .keep_going = keep_going});
}

void check_survived(const metrics::distributed::LaunchResult& result, const std::vector<int64_t>& killed) {
  for (const auto& process : result.processes) {
    CAPTURE(process.rank);
    CAPTURE(process.error);
    CHECK_FALSE(process.ended_by_launcher);
    // UndefinedBehaviorSanitizer reports and goes on.
    CHECK(process.error.find("runtime error:") == std::string::npos);
    if (std::find(killed.begin(), killed.end(), process.rank) != killed.end())
      CHECK(process.signal == SIGKILL);
    else
      CHECK(process.ok());
  }
}

void die() {
  ::kill(::getpid(), SIGKILL);
  std::abort();
}

int run_as_worker() {
  const char* name = std::getenv(worker_variable);
  if (name == nullptr) return -1;
  const auto found = workers().find(name);
  if (found == workers().end()) {
    std::cerr << "no worker is called " << name << "\n";
    return 2;
  }
  try {
    found->second();
  } catch (const std::exception& error) {
    std::cerr << name << ": " << error.what() << "\n";
    return 1;
  }
  return 0;
}

}  // namespace metrics_test

int main(int argc, char** argv) {
  const int code = metrics_test::run_as_worker();
  if (code >= 0) return code;
  metrics_test::serve_workers(&metrics_test::run_as_worker);
  return doctest::Context(argc, argv).run();
}
