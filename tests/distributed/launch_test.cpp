#include "worker.h"
#include <metrics/core/errors.h>
#include <metrics/distributed/launch.h>

#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <string>
#include <thread>
#include <vector>

using metrics::InvalidArgument;
using metrics::distributed::launch;
using metrics::distributed::LaunchOptions;
using metrics::distributed::LaunchResult;
using metrics::distributed::OutputStream;
using metrics_test::run_workers;

namespace {

LaunchOptions shell(int64_t processes, const std::string& script) {
  return {.processes = processes, .command = {"sh", "-c", script}, .timeout = std::chrono::seconds(30)};
}

/// True once no process has that id, within a few seconds.
bool vanishes(pid_t pid) {
  for (int tries = 0; tries < 500; ++tries) {
    if (::kill(pid, 0) != 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace

TEST_CASE("launch: options that cannot be") {
  CHECK_THROWS_WITH_AS(launch(shell(0, "true")), doctest::Contains("processes is 0"), InvalidArgument);
  CHECK_THROWS_WITH_AS(launch({.command = {"no-such-program-here"}}), doctest::Contains("no-such-program-here"),
                       InvalidArgument);
  CHECK_THROWS_WITH_AS(launch({.command = {"/no/such/program"}}),
                       doctest::Contains("cannot execute '/no/such/program': No such file"), InvalidArgument);
  CHECK_THROWS_WITH_AS(launch({.command = {""}}), doctest::Contains("empty"), InvalidArgument);
  auto options = shell(1, "true");
  options.environment["A=B"] = "c";
  CHECK_THROWS_WITH_AS(launch(options), doctest::Contains("'A=B'"), InvalidArgument);
}

TEST_CASE("launch: each process has its place in the environment") {
  auto options = shell(3, "echo $RANK $WORLD_SIZE $LOCAL_RANK $LOCAL_WORLD_SIZE $MASTER_ADDR $MASTER_PORT $EXTRA");
  options.environment["EXTRA"] = "more";
  const LaunchResult result = launch(options);
  CHECK(result.ok());
  CHECK(result.exit_code() == 0);
  CHECK(result.message().empty());
  REQUIRE(result.processes.size() == 3);
  const std::string first = result.processes[0].out;
  const std::string port = first.substr(18, first.size() - 18 - 6);
  CHECK(std::stoi(port) > 1024);
  for (size_t rank = 0; rank < 3; ++rank) {
    const std::string number = std::to_string(rank);
    CHECK(result.processes[rank].out == number + " 3 " + number + " 3 127.0.0.1 " + port + " more\n");
  }
}

TEST_CASE("launch: variables of an outer launcher do not reach the processes") {
  auto options = shell(1, "echo \"<$NODE_RANK$TORCHELASTIC_USE_AGENT_STORE$GONE>\"");
  options.environment["GONE"] = "";
  ::setenv("NODE_RANK", "3", 1);
  ::setenv("TORCHELASTIC_USE_AGENT_STORE", "True", 1);
  ::setenv("GONE", "here", 1);
  const LaunchResult result = launch(options);
  for (const char* name : {"NODE_RANK", "TORCHELASTIC_USE_AGENT_STORE", "GONE"}) ::unsetenv(name);
  CHECK(result.processes[0].out == "<>\n");
}

TEST_CASE("launch: lines come whole, prefixed by their rank, each on its stream") {
  std::vector<std::string> out;
  std::vector<std::string> error;
  auto options = shell(2, "printf 'a'; sleep 0.05; printf 'b\\n\\nlast'; echo oops >&2");
  options.output = [&](OutputStream stream, std::string_view line) {
    (stream == OutputStream::Out ? out : error).emplace_back(line);
  };
  CHECK(launch(options).ok());
  CHECK(std::multiset<std::string>(out.begin(), out.end()) ==
        std::multiset<std::string>{"[0] ab\n", "[0] \n", "[0] last\n", "[1] ab\n", "[1] \n", "[1] last\n"});
  CHECK(std::multiset<std::string>(error.begin(), error.end()) ==
        std::multiset<std::string>{"[0] oops\n", "[1] oops\n"});
}

TEST_CASE("launch: output beyond any pipe's size comes whole") {
  const LaunchResult result = launch(shell(2, "i=0; while [ $i -lt 40000 ]; do echo line $i; i=$((i+1)); done"));
  CHECK(result.ok());
  for (const auto& process : result.processes) {
    CHECK(std::count(process.out.begin(), process.out.end(), '\n') == 40000);
    CHECK(process.out.ends_with("line 39999\n"));
  }
}

TEST_CASE("launch: when one fails the others are ended, and the failing one is named") {
  const LaunchResult exited = launch(shell(3, "if [ $RANK = 1 ]; then exit 7; fi; sleep 60"));
  CHECK_FALSE(exited.ok());
  CHECK(exited.failed_rank == 1);
  CHECK(exited.exit_code() == 7);
  CHECK(exited.message() == "rank 1 exited with code 7");
  CHECK_FALSE(exited.processes[1].ended_by_launcher);
  for (const size_t other : {0, 2}) {
    CHECK(exited.processes[other].ended_by_launcher);
    CHECK(exited.processes[other].signal == SIGTERM);
  }

  const LaunchResult killed = launch(shell(2, "if [ $RANK = 0 ]; then kill -9 $$; fi; sleep 60"));
  CHECK(killed.failed_rank == 0);
  CHECK(killed.exit_code() == 128 + 9);
  CHECK(killed.message() == "rank 0 was ended by signal 9 (Killed)");
}

TEST_CASE("launch: a process that ignores SIGTERM is killed after the grace, and its own children with it") {
  auto options = shell(2, "if [ $RANK = 1 ]; then sleep 0.3; exit 1; fi; trap '' TERM; sleep 60 & echo $!; wait; wait");
  options.grace = std::chrono::milliseconds(200);
  const LaunchResult result = launch(options);
  CHECK(result.failed_rank == 1);
  CHECK(result.processes[0].signal == SIGKILL);
  CHECK(vanishes(std::stoi(result.processes[0].out)));
}

TEST_CASE("launch: survivors run on where asked") {
  auto options = shell(2, "if [ $RANK = 0 ]; then exit 3; fi; sleep 0.2; echo survived");
  options.keep_going = true;
  const LaunchResult result = launch(options);
  CHECK_FALSE(result.ok());
  CHECK(result.failed_rank == 0);
  CHECK(result.processes[1].ok());
  CHECK(result.processes[1].out == "survived\n");
}

TEST_CASE("launch: the time-out and a request to stop end all processes") {
  auto options = shell(2, "sleep 60");
  options.timeout = std::chrono::milliseconds(100);
  const LaunchResult late = launch(options);
  CHECK(late.timed_out);
  CHECK_FALSE(late.ok());
  CHECK(late.exit_code() == 124);
  CHECK_FALSE(late.failed_rank.has_value());

  int asked = 0;
  options.timeout.reset();
  options.stop = [&] { return ++asked > 3; };
  const LaunchResult stopped = launch(options);
  CHECK(stopped.stopped);
  CHECK(stopped.exit_code() == 130);
}

TEST_CASE("launch: this program can be started again") {
  const auto command = metrics::distributed::current_command();
  CHECK(std::filesystem::equivalent(command.front(), "/proc/self/exe"));
}

WORKER(launch_and_die) {
  const std::string file = std::getenv("PID_FILE");
  launch({.processes = 1,
          .command = {"sh", "-c", "echo $$ > \"$PID_FILE\"; kill -9 " + std::to_string(::getpid()) + "; sleep 60"}});
}

TEST_CASE("launch: no process outlives a launcher that is killed") {
  const auto file = std::filesystem::temp_directory_path() / ("metrics_launch_test_" + std::to_string(::getpid()));
  const LaunchResult result = run_workers("launch_and_die", 1, {{"PID_FILE", file.string()}});
  CHECK(result.processes[0].signal == SIGKILL);
  pid_t orphan = 0;
  std::ifstream(file) >> orphan;
  std::filesystem::remove(file);
  REQUIRE(orphan > 0);
  CHECK(vanishes(orphan));
}
