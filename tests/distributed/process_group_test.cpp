#include "distributed/sigpipe_blocked.h"
#include "worker.h"
#include <metrics/aggregation/aggregation.h>
#include <metrics/core/errors.h>
#include <metrics/distributed/counting_backend.h>
#include <metrics/distributed/process_group.h>

#include <ATen/ops/full.h>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <thread>

using metrics::init_process_group;
using metrics::InvalidArgument;
using metrics::ProcessGroup;
using metrics::SyncError;
using metrics::distributed::LaunchResult;
using metrics_test::check_survived;
using metrics_test::die;
using metrics_test::expect;
using metrics_test::expect_contains;
using metrics_test::long_timeout;
using metrics_test::max_world_size;
using metrics_test::message_of;
using metrics_test::run_workers;
using metrics_test::short_timeout;
using metrics_test::sync_error_of;
using metrics_test::world_sizes;

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

int64_t summed(c10d::ProcessGroup& group, int64_t value) {
  std::vector<at::Tensor> tensors{at::full({1}, value, at::kLong)};
  group.allreduce(tensors)->wait();
  return tensors[0].item<int64_t>();
}

}  // namespace

TEST_CASE("groups: options that cannot be") {
  CHECK_THROWS_WITH_AS(init_process_group({.backend = "mpi"}), doctest::Contains("backend is 'mpi', expected 'auto'"),
                       InvalidArgument);
  CHECK_THROWS_WITH_AS(init_process_group({.timeout = milliseconds(0)}), doctest::Contains("timeout is 0 ms"),
                       InvalidArgument);
  for (const std::string method :
       {"", "http://a:1", "tcp://", "tcp://host", "tcp://host:0", "tcp://host:port", "tcp://:80", "file://"})
    CHECK_THROWS_WITH_AS(init_process_group({.init_method = method, .rank = 0, .world_size = 2}),
                         doctest::Contains(("init_method is '" + method + "'").c_str()), InvalidArgument);
  CHECK_THROWS_WITH_AS(init_process_group({.init_method = "tcp://localhost:1", .rank = 0}),
                       doctest::Contains("WORLD_SIZE"), InvalidArgument);
  CHECK_THROWS_WITH_AS(metrics::wrap_process_group({}), doctest::Contains("null"), InvalidArgument);
}

TEST_CASE("groups: without a launcher there is one process, which sends nothing") {
  const auto group = init_process_group();
  CHECK(group->rank() == 0);
  CHECK(group->world_size() == 1);
  CHECK(group->local_rank() == 0);
  CHECK(group->local_world_size() == 1);
  CHECK(group->backend() == "none");
  group->barrier();
  CHECK(group->counters() == metrics::CommunicationCounters{});
  CHECK(group->new_group({0})->world_size() == 1);
  CHECK_THROWS_AS(group->new_group({1}), InvalidArgument);
  CHECK_THROWS_AS(group->new_group({}), InvalidArgument);
  CHECK(summed(*group->c10d(), 7) == 7);
}

TEST_CASE("groups: the default group lives as long as its owner keeps it") {
  CHECK(metrics::default_process_group() == nullptr);
  auto group = init_process_group();
  CHECK(metrics::default_process_group() == group);
  auto second = init_process_group();
  CHECK(metrics::default_process_group() == second);
  second.reset();
  CHECK(metrics::default_process_group() == nullptr);
}

WORKER(group_from_environment) {
  const auto group = init_process_group({.timeout = long_timeout});
  const int64_t world = std::stoll(std::getenv("WORLD_SIZE"));
  expect(group->rank() == std::stoll(std::getenv("RANK")), "the launcher's rank");
  expect(group->world_size() == world, "the launcher's world size");
  expect(group->local_rank() == group->rank(), "a local rank");
  expect(group->local_world_size() == world, "a local world size");
  expect(group->backend() == "gloo", "Gloo");
  expect(!group->broken(), "a sound group");
  expect(metrics::default_process_group() == group, "the default group");
  expect(group->counters() == metrics::CommunicationCounters{}, "no collectives counted for making a group");
  expect(group->c10d_counters() == metrics::CommunicationCounters{}, "none for c10d's either");
  group->barrier();
  group->barrier();
  expect(group->counters() == metrics::CommunicationCounters{.collectives = 2, .bytes = 0}, "two barriers counted");
  expect(summed(*group->c10d(), group->rank() + 1) == world * (world + 1) / 2, "the sum over ranks");
  expect(group->c10d_counters() == metrics::CommunicationCounters{.collectives = 1, .bytes = 8},
         "one allreduce counted");
  expect(group->counters().collectives == 2, "the metrics' counters apart from the program's");
  std::cout << "rank " << group->rank() << " of " << world << "\n";
  group->shutdown();
  expect_contains(sync_error_of([&] { group->barrier(); }), "shut down");
  expect(group->counters().collectives == 2, "counters that outlive the connections");
}

TEST_CASE("groups: from the environment, at 2 and 3 ranks") {
  for (const int64_t world : world_sizes({2, 3})) check_survived(run_workers("group_from_environment", world));
}

TEST_CASE("groups: local numbers come from the ranks themselves where no variable tells them") {
  check_survived(run_workers("group_from_environment", 2, {{"LOCAL_RANK", ""}, {"LOCAL_WORLD_SIZE", ""}}));
}

WORKER(group_from_options) {
  const std::string method = std::getenv("INIT_METHOD");
  const int64_t rank = std::stoll(std::getenv("MY_RANK_IS") == nullptr ? std::getenv("RANK") : "0");
  for (const char* name : {"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR"}) ::unsetenv(name);
  const std::string place = method == "tcp" ? std::string("tcp://localhost:") + std::getenv("MASTER_PORT") : method;
  ::unsetenv("MASTER_PORT");
  const auto group = init_process_group({.timeout = long_timeout, .init_method = place, .rank = rank, .world_size = 2});
  expect(group->world_size() == 2 && group->rank() == rank && group->local_world_size() == 2, "the stated place");
  group->barrier();
}

TEST_CASE("groups: over a TCP store and over a file, without any variables") {
  check_survived(run_workers("group_from_options", 2, {{"INIT_METHOD", "tcp"}}));
  const auto file = std::filesystem::temp_directory_path() / ("metrics_group_test_" + std::to_string(::getpid()));
  check_survived(run_workers("group_from_options", 2, {{"INIT_METHOD", "file://" + file.string()}}));
  std::filesystem::remove(file);
}

TEST_CASE("groups: a file in a folder that does not exist is an error at once") {
  const auto start = Clock::now();
  const std::string message = sync_error_of([] {
    init_process_group(
        {.timeout = short_timeout, .init_method = "file:///nowhere/at/all", .rank = 0, .world_size = 2});
  });
  CHECK(message.find("there is no folder /nowhere/at") != std::string::npos);
  CHECK(Clock::now() - start < short_timeout);
}

TEST_CASE("groups: under torchrun, whose agent serves the store") {
  const auto result =
      metrics::distributed::launch({.processes = 1,
                                    .command = {METRICS_PYTHON, "-m", "torch.distributed.run", "--standalone",
                                                "--nproc-per-node=2", "--no-python", metrics_test::this_program()},
                                    .environment = {{"METRICS_TEST_WORKER", "group_from_environment"}},
                                    .timeout = seconds(100)});
  CAPTURE(result.processes[0].error);
  CHECK(result.ok());
  CHECK(result.processes[0].out.find("rank 0 of 2\n") != std::string::npos);
  CHECK(result.processes[0].out.find("rank 1 of 2\n") != std::string::npos);
}

WORKER(subgroups) {
  const auto world = init_process_group({.timeout = long_timeout});
  const auto outer = world->new_group({0, 2});
  expect(outer->is_member() == (world->rank() != 1), "a group for its members alone");
  if (!outer->is_member()) {
    const std::string outside = "rank 1 of 3 is not in this group, which was made of ranks 0,2";
    expect_contains(message_of<InvalidArgument>([&] { outer->barrier(); }), outside);
    expect_contains(message_of<InvalidArgument>([&] { outer->rank(); }), outside);
    expect_contains(message_of<InvalidArgument>([&] { outer->new_group({0}); }), outside);
    expect_contains(message_of<InvalidArgument>([&] { outer->c10d(); }), outside);
    metrics::SumMetric sum({}, {.process_group = outer});
    sum.update(1.0);
    expect_contains(message_of<InvalidArgument>([&] { sum.compute(); }), outside);
    expect(sum.update_count() == 1, "the local state kept");
    const auto alone = world->new_group({0});
    metrics::SumMetric of_another({}, {.process_group = alone});
    of_another.update(1.0);
    expect_contains(message_of<InvalidArgument>([&] { of_another.compute(); }), "made of ranks 0;");
  } else {
    expect(outer->world_size() == 2 && outer->rank() == world->rank() / 2, "ranks from 0 on");
    expect(summed(*outer->c10d(), world->rank()) == 2, "a sum over the members");
    outer->barrier();
    expect(outer->counters().collectives == 1 && world->counters().collectives == 0, "counters of its own");
    const auto again = world->new_group({0, 2});
    again->barrier();
    const auto nested = again->new_group({1});
    expect(nested->is_member() == (world->rank() == 2), "a group of a group");
  }
  const auto pair = world->new_group({1, 2});
  if (pair->is_member()) pair->barrier();
  world->barrier();
}

TEST_CASE("groups: subgroups" * doctest::skip(max_world_size() < 3)) {
  check_survived(run_workers("subgroups", 3));
}

namespace {

/// The threads of this process, and which of them block SIGPIPE.
std::map<std::string, bool> threads_that_block_sigpipe() {
  std::map<std::string, bool> threads;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream status(thread.path() / "status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("SigBlk:"))
        threads[thread.path().filename()] = (std::stoull(line.substr(7), nullptr, 16) >> (SIGPIPE - 1) & 1) != 0;
  }
  return threads;
}

std::atomic<int> sigpipes = 0;

void count_sigpipe(int) {
  ++sigpipes;
}

}  // namespace

TEST_CASE("groups: a write to a peer that has gone is an error, not a signal, and the program's handler stays") {
  struct sigaction before {};
  struct sigaction mine {};
  mine.sa_handler = count_sigpipe;
  REQUIRE(::sigaction(SIGPIPE, &mine, &before) == 0);
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
  ::close(ends[1]);
  {
    const metrics::distributed::SigpipeBlocked blocked;
    CHECK(::write(ends[0], "x", 1) == -1);
    CHECK(errno == EPIPE);
    const metrics::distributed::SigpipeBlocked within;
    CHECK(::write(ends[0], "x", 1) == -1);
  }
  CHECK(sigpipes == 0);
  CHECK(::write(ends[0], "x", 1) == -1);
  CHECK(sigpipes == 1);
  ::close(ends[0]);
  struct sigaction after {};
  ::sigaction(SIGPIPE, &before, &after);
  CHECK((after.sa_handler == count_sigpipe));
}

WORKER(threads_of_a_group) {
  const auto before = threads_that_block_sigpipe();
  const auto world = init_process_group({.timeout = long_timeout});
  const auto part = world->new_group({0, 1});
  part->barrier();
  summed(*world->c10d(), 1);
  const auto after = threads_that_block_sigpipe();
  expect(after.size() > before.size() + 2, "threads that serve the groups");
  for (const auto& [thread, blocks] : after)
    expect(blocks != before.contains(thread), "SIGPIPE blocked in the groups' threads alone");
  world->barrier();
}

TEST_CASE("groups: SIGPIPE is blocked in the threads of a group, and in no other") {
  check_survived(run_workers("threads_of_a_group", 2));
}

WORKER(peer_that_is_stopped) {
  // Rank 1 hears nothing while rank 0 gives up on it and leaves; then it goes on and writes to closed connections.
  const auto world = init_process_group({.timeout = short_timeout});
  metrics::SumMetric sum;
  sum.update(1.0);
  const std::filesystem::path file = std::getenv("PID_FILE");
  if (world->rank() == 0) {
    pid_t other = 0;
    while (!(std::ifstream(file) >> other) || other == 0) std::this_thread::sleep_for(milliseconds(5));
    sync_error_of([&] { sum.compute(); });
    world->shutdown();
    ::kill(other, SIGCONT);
    return;
  }
  std::ofstream(file.string() + ".new") << ::getpid() << "\n";
  std::filesystem::rename(file.string() + ".new", file);
  ::raise(SIGSTOP);
  sync_error_of([&] { sum.compute(); });
  expect(world->broken(), "a broken group");
}

TEST_CASE("groups: a rank that was stopped while its peer left goes on with a SyncError") {
  const auto file = std::filesystem::temp_directory_path() / ("metrics_stopped_" + std::to_string(::getpid()));
  for (int run = 0; run < 3; ++run) {
    std::filesystem::remove(file);
    check_survived(run_workers("peer_that_is_stopped", 2, {{"PID_FILE", file.string()}}));
  }
  std::filesystem::remove(file);
}

WORKER(two_threads_of_a_rank) {
  const auto world = init_process_group({.timeout = long_timeout});
  metrics::SumMetric first;
  metrics::SumMetric second;
  first.update(1.0);
  second.update(10.0);
  if (world->rank() == 0) {
    std::thread thread([&] { expect(first.compute().item<float>() == 2, "the first thread's value"); });
    // Rank 1 comes when this rank has seen the error.
    std::this_thread::sleep_for(milliseconds(500));
    expect_contains(sync_error_of([&] { second.compute(); }), "another thread of this rank");
    summed(*world->c10d(), 1);
    thread.join();
  } else {
    summed(*world->c10d(), 1);
    expect(first.compute().item<float>() == 2, "the first metric's value");
  }
  // On rank 0 the first thread has synchronised, and is gone.
  if (world->rank() == 0) {
    expect_contains(sync_error_of([&] { second.compute(); }), "another thread of this rank has done so");
    world->use_from_this_thread();
  }
  expect(!world->broken() && second.compute().item<float>() == 20, "the second metric's value afterwards");

  // Threads that take turns, each with a metric of its own that one function makes.
  const auto evaluate = [](double value) {
    metrics::SumMetric own;
    own.update(value);
    return own.compute().item<float>();
  };
  if (world->rank() == 0) {
    std::thread other([&] {
      expect_contains(sync_error_of([&] { evaluate(100); }), "another thread of this rank has done so");
    });
    other.join();
  }
  expect(evaluate(1) == 2, "the value of the thread that has the group");
}

TEST_CASE("groups: a second thread gets an error, unless it takes over") {
  check_survived(run_workers("two_threads_of_a_rank", 2));
}

WORKER(wrapped_group) {
  const auto world = init_process_group({.timeout = long_timeout});
  const auto given = world->c10d();
  const auto group = metrics::wrap_process_group(given, long_timeout);
  expect(group->rank() == world->rank() && group->world_size() == 2, "the given group's ranks");
  expect(group->c10d().get() == given.get(), "the given group");
  expect(metrics::default_process_group() == world, "the default group unchanged");
  group->barrier();
  expect(world->c10d_counters().collectives == 0, "connections of the metrics' own");
  expect(metrics::wrap_process_group(given, long_timeout)->local_world_size() == 2, "a second wrapping");
}

TEST_CASE("groups: one that the program has made") {
  check_survived(run_workers("wrapped_group", 2));
}

WORKER(rank_that_never_comes) {
  if (std::getenv("RANK") == std::string(std::getenv("ABSENT"))) return;
  const auto start = Clock::now();
  const std::string message = sync_error_of([] { init_process_group({.timeout = short_timeout}); });
  expect_contains(message, std::getenv("EXPECTED"));
  expect(Clock::now() - start < short_timeout + seconds(20), "an end within the time-out");
}

TEST_CASE("groups: a rank that never comes is named" * doctest::skip(max_world_size() < 3)) {
  check_survived(run_workers("rank_that_never_comes", 3, {{"ABSENT", "1"}, {"EXPECTED", "for rank 1 to come"}}));
  check_survived(run_workers("rank_that_never_comes", 2, {{"ABSENT", "0"}, {"EXPECTED", "cannot reach rank 0"}}));
}

WORKER(rank_that_waits_alone) {
  const auto group = init_process_group({.timeout = short_timeout});
  if (group->rank() == 0) {
    const std::string message = sync_error_of([&] { group->barrier(); });
    expect_contains(message, "barrier on rank 0 of 2 waited 3000 ms");
    expect_contains(message, "a compute");
    expect_contains(message, "that only some ranks called");
    expect_contains(message, "make a new group");
    expect(group->broken(), "a broken group");
    const auto start = Clock::now();
    expect_contains(sync_error_of([&] { group->barrier(); }), "broken by an earlier failure");
    expect_contains(sync_error_of([&] { group->new_group({0, 1}); }), "broken by an earlier failure");
    expect(Clock::now() - start < milliseconds(1000), "later calls to throw at once");
  } else {
    std::this_thread::sleep_for(short_timeout + milliseconds(500));
    sync_error_of([&] { group->barrier(); });
    expect(group->broken(), "a broken group on the late rank too");
  }
  const auto next = init_process_group({.timeout = long_timeout});
  next->barrier();
  expect(next->counters().collectives == 1 && !next->broken(), "a sound group after the broken one");
}

TEST_CASE("groups: a collective that one rank alone calls breaks the group, and a new one works") {
  check_survived(run_workers("rank_that_waits_alone", 2));
}

/// One rank dies at WHEN; the others see an error where they still wait for it, and end.
WORKER(rank_that_dies) {
  const std::string when = std::getenv("WHEN");
  const auto group = init_process_group({.timeout = long_timeout});
  const bool victim = group->rank() == std::stoll(std::getenv("VICTIM"));
  if (victim && when == "before") die();
  if (when != "before") group->barrier();
  if (victim && when == "between") die();
  if (when == "after") {
    group->barrier();
    if (victim) die();
    return;
  }
  const auto start = Clock::now();
  const std::string message = sync_error_of([&] { group->barrier(); });
  expect_contains(message, "another rank has died");
  expect(Clock::now() - start < long_timeout / 2, "an error long before the time-out");
}

TEST_CASE("groups: a rank that dies before, between or after collectives leaves no other hanging") {
  for (const int64_t victim : {0, 1}) {
    for (const std::string when : {"before", "between", "after"}) {
      CAPTURE(victim);
      CAPTURE(when);
      check_survived(run_workers("rank_that_dies", std::min<int64_t>(3, max_world_size()),
                                 {{"WHEN", when}, {"VICTIM", std::to_string(victim)}}, /*keep_going=*/true),
                     {victim});
    }
  }
}

WORKER(rank_that_leaves) {
  auto group = init_process_group({.timeout = long_timeout});
  group->barrier();
  if (group->rank() == 0) return;
  expect_contains(sync_error_of([&] { group->barrier(); }), "another rank has died, left");
}

TEST_CASE("groups: a rank that ends early is an error on the others, not a hang") {
  check_survived(run_workers("rank_that_leaves", 2));
}

WORKER(world_that_shrinks) {
  auto group = init_process_group({.timeout = long_timeout});
  if (group->rank() == 2) die();
  sync_error_of([&] { group->barrier(); });
  group = init_process_group({.timeout = long_timeout, .world_size = 2, .local_world_size = 2});
  group->barrier();
}

TEST_CASE("groups: the living make a smaller group when one has died" * doctest::skip(max_world_size() < 3)) {
  check_survived(run_workers("world_that_shrinks", 3, {}, /*keep_going=*/true), {2});
}
