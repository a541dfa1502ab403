#include "worker.h"
#include <metrics/aggregation/aggregation.h>
#include <metrics/core/errors.h>
#include <metrics/distributed/process_group.h>

#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using c10d::PrefixStore;
using metrics::init_process_group;
using metrics::ProcessGroup;
using metrics::ProcessGroupOptions;
using metrics::SyncError;
using metrics_test::check_survived;
using metrics_test::expect;
using metrics_test::expect_contains;
using metrics_test::long_timeout;
using metrics_test::max_world_size;
using metrics_test::run_workers;
using metrics_test::sync_error_of;

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds timeout(2000);
// A second on an idle machine; a loaded one has more, less than another timeout.
constexpr milliseconds margin(1900);

/// The message of the SyncError that `call` ends with, in time.
template <class Call>
std::string error_in_time(const Call& call, milliseconds limit = timeout) {
  const auto start = Clock::now();
  const std::string message = sync_error_of(call);
  const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - start);
  expect(took < limit + margin, "an end within " + std::to_string(limit.count()) + " ms, not " +
                                    std::to_string(took.count()) + ": " + message);
  return message;
}

/// A port of the loopback interface: one where a program listens that takes connections and says nothing, or where nobody does.
class Port {
 public:
  explicit Port(bool listens) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&address), length) == 0);
    REQUIRE(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    if (listens) REQUIRE(::listen(socket_, 16) == 0);
    number_ = ntohs(address.sin_port);
  }
  ~Port() { ::close(socket_); }
  Port(const Port&) = delete;

  std::string place() const { return "127.0.0.1:" + std::to_string(number_); }

 private:
  int socket_;
  uint16_t number_ = 0;
};

std::string error_of(const std::string& place, int64_t rank) {
  return error_in_time([&] {
    init_process_group({.timeout = timeout, .init_method = "tcp://" + place, .rank = rank, .world_size = 2});
  });
}

void check_contains(const std::string& text, const std::string& part) {
  CAPTURE(text);
  CHECK(text.find(part) != std::string::npos);
}

/// A file by which one process tells another its id.
class PidFile {
 public:
  explicit PidFile(const std::string& name)
      : path_(std::filesystem::temp_directory_path() / (name + "_" + std::to_string(::getpid()))) {}
  ~PidFile() { std::filesystem::remove(path_); }
  PidFile(const PidFile&) = delete;
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

void leave_pid() {
  const std::filesystem::path file = std::getenv("PID_FILE");
  std::ofstream(file.string() + ".new") << ::getpid() << "\n";
  std::filesystem::rename(file.string() + ".new", file);
}

pid_t awaited_pid() {
  pid_t other = 0;
  while (!(std::ifstream(std::getenv("PID_FILE")) >> other) || other == 0) std::this_thread::sleep_for(milliseconds(5));
  return other;
}

uint16_t master_port() {
  return static_cast<uint16_t>(std::stoi(std::getenv("MASTER_PORT")));
}

/// A store that outlives the ranks, as that of torchrun's agent.
class AgentStore {
 public:
  AgentStore() {
    c10d::TCPStoreOptions options;
    options.port = 0;
    options.isServer = true;
    options.waitWorkers = false;
    store_ = c10::make_intrusive<c10d::TCPStore>("127.0.0.1", options);
  }
  std::map<std::string, std::string> environment() const {
    return {{"TORCHELASTIC_USE_AGENT_STORE", "True"}, {"MASTER_PORT", std::to_string(store_->getPort())}};
  }

 private:
  c10::intrusive_ptr<c10d::TCPStore> store_;
};

}  // namespace

TEST_CASE("starting: what takes the connection and says nothing is an error at the deadline, that names the place") {
  const Port silent(true);
  check_contains(error_of(silent.place(), 1), "rank 1 of 2 waited 2000 ms for an answer of rank 0 at " + silent.place() +
                                                  ", which took the connection");
  check_contains(error_of(silent.place(), 0), "rank 0 cannot listen at " + silent.place());
}

TEST_CASE("starting: a rank 0 that never comes is an error at the deadline, that names the place") {
  const Port nobody(false);
  check_contains(error_of(nobody.place(), 1),
                 "rank 1 of 2 cannot reach rank 0 at " + nobody.place() + " within 2000 ms");
}

TEST_CASE("starting: a host without an address is an error at the deadline, that names the host") {
  check_contains(error_of("no-such-host.invalid:29500", 1),
                 "rank 1 of 2 waited 2000 ms for the host 'no-such-host.invalid' of rank 0 to have an address");
}

TEST_CASE("starting: a file that another process keeps locked is an error at the deadline, that names the file") {
  const auto path = std::filesystem::temp_directory_path() / ("metrics_locked_" + std::to_string(::getpid()));
  std::ofstream(path.string()).flush();
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  REQUIRE(::flock(file, LOCK_EX) == 0);
  const std::string message = error_in_time([&] {
    init_process_group({.timeout = timeout, .init_method = "file://" + path.string(), .rank = 1, .world_size = 2});
  });
  check_contains(message, "rank 1 of 2 waited 2000 ms for");
  check_contains(message, path.string());
  ::close(file);
  // What still waited for the lock goes on; it must find the file.
  std::this_thread::sleep_for(milliseconds(200));
  std::filesystem::remove(path);
}

WORKER(store_that_is_stopped) {
  if (std::getenv("RANK") == std::string("0")) {
    c10d::TCPStoreOptions options;
    options.port = master_port();
    options.isServer = true;
    options.waitWorkers = false;
    const auto store = c10::make_intrusive<c10d::TCPStore>("127.0.0.1", options);
    leave_pid();
    ::raise(SIGSTOP);
    return;
  }
  const pid_t other = awaited_pid();
  std::this_thread::sleep_for(milliseconds(100));
  expect_contains(error_in_time([] { init_process_group({.timeout = timeout}); }), "for an answer of rank 0 at 127.0.0.1:");
  ::kill(other, SIGCONT);
}

TEST_CASE("starting: a rank 0 that is stopped before the others come is an error at the deadline") {
  const PidFile file("metrics_stopped_before");
  check_survived(run_workers("store_that_is_stopped", 2, {{"PID_FILE", file.path()}}));
}

WORKER(stopped_in_the_meeting) {
  // Rank 2 never comes: while both wait for it, rank 0, who serves the store, is stopped.
  const std::string rank = std::getenv("RANK");
  if (rank == "2") return;
  if (rank == "0") {
    leave_pid();
    sync_error_of([] { init_process_group({.timeout = long_timeout}); });
    return;
  }
  const pid_t other = awaited_pid();
  std::thread stopper([&] {
    std::this_thread::sleep_for(milliseconds(900));
    ::kill(other, SIGSTOP);
  });
  const std::string message = error_in_time([] { init_process_group({.timeout = timeout}); });
  stopper.join();
  expect_contains(message, "rank 1 of 3 waited 2000 ms for an answer of");
  ::kill(other, SIGKILL);
}

TEST_CASE("starting: a rank 0 that is stopped during the meeting is an error at the deadline") {
  const PidFile file("metrics_stopped_during");
  check_survived(run_workers("stopped_in_the_meeting", 3, {{"PID_FILE", file.path()}}, /*keep_going=*/true), {0});
}

WORKER(attempts_that_fail) {
  // Rank 1 misses the first attempt and comes alone to a second; then both come.
  const bool first = std::getenv("RANK") == std::string("0");
  if (!first) std::this_thread::sleep_for(timeout + milliseconds(500));
  if (first)
    expect_contains(error_in_time([] { init_process_group({.timeout = timeout}); }), "for rank 1 to come");
  else
    expect_contains(error_in_time([] { init_process_group({.timeout = timeout}); }), "for rank 0 to come");
  if (first) std::this_thread::sleep_for(timeout + milliseconds(1000));
  const auto group = init_process_group({.timeout = long_timeout});
  group->barrier();
  expect(init_process_group({.timeout = long_timeout})->world_size() == 2, "a second group");
}

TEST_CASE("starting: a failed attempt leaves all able to try again, at a store that outlives the groups") {
  const AgentStore store;
  check_survived(run_workers("attempts_that_fail", 2, store.environment()));
  // The same ranks once more, as other processes.
  check_survived(run_workers("group_after_others", 2, store.environment()));
}

WORKER(group_after_others) {
  init_process_group({.timeout = long_timeout})->barrier();
}

WORKER(comes_alone) {
  expect_contains(error_in_time([] { init_process_group({.timeout = milliseconds(700)}); }, milliseconds(700)), "to come");
}

TEST_CASE("starting: one process comes again, another is new") {
  const AgentStore store;
  auto alone = store.environment();
  alone["WORLD_SIZE"] = "2";
  alone["LOCAL_WORLD_SIZE"] = "2";
  for (const std::string rank : {"0", "1", "0"}) {
    alone["RANK"] = alone["LOCAL_RANK"] = rank;
    check_survived(run_workers("comes_alone", 1, alone));
  }
  check_survived(run_workers("group_after_others", 2, store.environment()));
}

WORKER(gives_up_and_comes_again) {
  // Rank 1 gives up twice while rank 0 waits in one and the same call, for rank 2.
  const std::string rank = std::getenv("RANK");
  if (rank == "1")
    for (int i = 0; i < 2; ++i)
      expect_contains(error_in_time([] { init_process_group({.timeout = milliseconds(600)}); }, milliseconds(600)), "for rank ");
  if (rank == "2") std::this_thread::sleep_for(milliseconds(2500));
  const auto group = init_process_group({.timeout = long_timeout});
  group->barrier();
  metrics::SumMetric sum;
  sum.update(static_cast<double>(group->rank() + 1));
  expect(sum.compute().item<double>() == 6, "the sum over all");
}

TEST_CASE("starting: a rank that gives up and comes again is with those who still wait" * doctest::skip(max_world_size() < 3)) {
  check_survived(run_workers("gives_up_and_comes_again", 3));
}

/// Cuts this process off from what serves `port`.
static void cut_off(uint16_t port) {
  for (int file = 3; file < 256; ++file) {
    sockaddr_in6 peer{};  // whose port is where sockaddr_in has it
    socklen_t length = sizeof(peer);
    if (::getpeername(file, reinterpret_cast<sockaddr*>(&peer), &length) != 0) continue;
    if (peer.sin6_family != AF_INET && peer.sin6_family != AF_INET6) continue;
    if (ntohs(peer.sin6_port) == port) ::shutdown(file, SHUT_RDWR);
  }
}

WORKER(link_that_is_cut) {
  const auto world = init_process_group({.timeout = long_timeout});
  if (world->rank() == 1) {
    cut_off(master_port());
    expect_contains(error_in_time([&] { world->new_group({0, 1}); }, milliseconds(0)), "rank 1 (of the group of ranks 0,1) lost");
  }
  // Rank 0 is in its first attempt, and waits.
  world->new_group({0, 1})->barrier();
}

TEST_CASE("starting: a rank whose link to the store was cut hears of it at once, and can try again") {
  check_survived(run_workers("link_that_is_cut", 2));
}

WORKER(wrapping_that_one_misses) {
  const auto world = init_process_group({.timeout = long_timeout});
  if (world->rank() == 0)
    expect_contains(error_in_time([&] { metrics::wrap_process_group(world->c10d(), timeout); }),
                    "rank 0 of 2 waited 2000 ms for rank 1 to come");
  world->barrier();
  metrics::wrap_process_group(world->c10d(), long_timeout)->barrier();
}

TEST_CASE("starting: a wrapping that one rank missed names it, and leaves all able to try again") {
  check_survived(run_workers("wrapping_that_one_misses", 2));
}

WORKER(new_group_that_one_misses) {
  const auto world = init_process_group({.timeout = timeout});
  const std::string who = "(of the group of ranks 1,2) waited 2000 ms for rank ";
  if (world->rank() == 1)
    expect_contains(error_in_time([&] { world->new_group({1, 2}); }), "rank 1 " + who + "2 to come");
  if (world->rank() == 2) {
    std::this_thread::sleep_for(timeout + milliseconds(600));
    expect_contains(error_in_time([&] { world->new_group({1, 2}); }), "rank 2 " + who + "1 to come");
  }
  expect(!world->broken(), "a sound group");
  // The store tells when all may go on: a barrier has less time than this takes.
  const auto store = world->c10d()->getStore();
  store->add("after", 1);
  while (store->add("after", 0) < 3) std::this_thread::sleep_for(milliseconds(20));
  const auto part = world->new_group({1, 2});
  if (part->is_member()) part->barrier();
  const auto nested = world->new_group({0, 2});
  if (nested->is_member()) {
    // What the members of a part say of themselves are the numbers that the program knows.
    if (world->rank() == 2)
      expect_contains(sync_error_of([&] { nested->barrier(); }), "barrier on rank 2 (of the group of ranks 0,2)");
    else
      std::this_thread::sleep_for(timeout + milliseconds(500));
  }
}

TEST_CASE("starting: a new_group that one rank missed names it, and leaves all able to try again" *
          doctest::skip(max_world_size() < 3)) {
  check_survived(run_workers("new_group_that_one_misses", 3));
}

namespace {

/// A store at which the outcome of the first attempt comes just after this rank has looked for it.
class LateOutcome : public PrefixStore {
 public:
  explicit LateOutcome(c10::intrusive_ptr<c10d::Store> store) : PrefixStore("late", std::move(store)) {}

  bool check(const std::vector<std::string>& keys) override {
    if (looked_ || !keys.front().ends_with("/outcome") || !waited_) return PrefixStore::check(keys);
    looked_ = true;
    PrefixStore::wait(keys, long_timeout);
    return false;
  }
  void wait(const std::vector<std::string>& keys, const milliseconds& time) override {
    if (!waited_ && keys.front().ends_with("/outcome")) {
      waited_ = true;
      throw std::runtime_error("the time is over");
    }
    PrefixStore::wait(keys, time);
  }

 private:
  bool waited_ = false;
  bool looked_ = false;
};

}  // namespace

TEST_CASE("starting: an outcome that comes right after a look is not missed") {
  const auto store = c10::make_intrusive<c10d::HashStore>();
  const auto wrapped = [&](const c10::intrusive_ptr<c10d::Store>& own, int rank) {
    return metrics::wrap_process_group(c10::make_intrusive<c10d::ProcessGroup>(own, rank, 2), timeout);
  };
  auto first = std::async(std::launch::async, wrapped, c10::make_intrusive<PrefixStore>("late", store), 0);
  std::shared_ptr<ProcessGroup> second;
  CHECK_NOTHROW(second = wrapped(c10::make_intrusive<LateOutcome>(store), 1));
  CHECK(first.get()->world_size() == 2);
}
