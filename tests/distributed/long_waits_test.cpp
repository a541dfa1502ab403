#include "distributed/process_group_impl.h"
#include "worker.h"
#include <metrics/aggregation/aggregation.h>
#include <metrics/core/warning.h>
#include <metrics/distributed/process_group.h>
#include <metrics/distributed/synchronize.h>

#include <ATen/core/Tensor.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using metrics::init_process_group;
using metrics::MeanMetric;
using metrics::ProcessGroup;
using metrics_test::check_survived;
using metrics_test::expect;
using metrics_test::expect_contains;
using metrics_test::long_timeout;
using metrics_test::max_world_size;
using metrics_test::run_workers;

namespace {

using std::chrono::milliseconds;

// Late by much more than it takes to be said, on a loaded machine too.
constexpr milliseconds patience(300), late(2500);

void shorten_patience(ProcessGroup& group) {
  group.impl().transport->long_waits().set_patience(patience);
}

/// What this rank is warned of.
struct Warnings {
  Warnings() {
    metrics::set_warning_handler([this](const std::string& message) { messages.push_back(message); });
  }
  ~Warnings() { metrics::set_warning_handler({}); }

  /// The only one since the last call.
  std::string only() {
    expect(messages.size() == 1, "one warning, got " + std::to_string(messages.size()));
    const std::string message = messages.front();
    messages.clear();
    return message;
  }

  std::vector<std::string> messages;
};

MeanMetric mean_of(double value, std::shared_ptr<ProcessGroup> group = nullptr) {
  MeanMetric mean({}, {.process_group = std::move(group)});
  mean.update(value);
  return mean;
}

/// Counts what goes to a store.
class CountedStore : public c10d::PrefixStore {
 public:
  explicit CountedStore(c10::intrusive_ptr<c10d::Store> store) : c10d::PrefixStore("counted", std::move(store)) {}

  using c10d::PrefixStore::set;
  void set(const std::string& key, const std::vector<uint8_t>& value) override {
    ++requests;
    c10d::PrefixStore::set(key, value);
  }
  std::vector<uint8_t> get(const std::string& key) override {
    ++requests;
    return c10d::PrefixStore::get(key);
  }
  int64_t add(const std::string& key, int64_t value) override {
    ++requests;
    return c10d::PrefixStore::add(key, value);
  }
  bool check(const std::vector<std::string>& keys) override {
    ++requests;
    return c10d::PrefixStore::check(keys);
  }
  void wait(const std::vector<std::string>& keys, const std::chrono::milliseconds& timeout) override {
    ++requests;
    c10d::PrefixStore::wait(keys, timeout);
  }

  std::atomic<int> requests = 0;
};

}  // namespace

WORKER(one_late_of_three) {
  Warnings warnings;
  const auto world = init_process_group({.timeout = long_timeout});
  expect(world->impl().transport->long_waits().patience() == milliseconds(10000), "ten seconds");
  shorten_patience(*world);
  const int64_t rank = world->rank();

  MeanMetric mean = mean_of(static_cast<double>(rank));
  if (rank == 2) std::this_thread::sleep_for(late);
  expect(mean.compute().item<float>() == 1, "the value over all ranks");
  if (rank == 2) {
    expect(warnings.messages.empty(), "nothing said by who is waited for");
  } else {
    expect_contains(warnings.only(), "rank " + std::to_string(rank) +
                                         " of 3 has been waiting for 300 ms in compute (or sync) of " +
                                         mean.to_string() + " for rank 2. ");
  }

  if (rank == 0) std::this_thread::sleep_for(late);
  world->barrier();
  if (rank == 0) {
    expect(warnings.messages.empty(), "nothing said by who is waited for");
  } else {
    expect_contains(warnings.only(), "in barrier for rank 0. ");
  }

  MeanMetric in_steps({}, {.dist_sync_on_step = true});
  if (rank == 1) std::this_thread::sleep_for(late);
  expect(in_steps.forward(static_cast<double>(rank)).item<float>() == 1, "the batch's value over all ranks");
  if (rank == 1) {
    expect(warnings.messages.empty(), "nothing said by who is waited for");
  } else {
    expect_contains(warnings.only(), "in forward of " + in_steps.to_string() + " for rank 1. ");
  }
}

TEST_CASE("long waits: who waits says once for which rank and in which call" * doctest::skip(max_world_size() < 3)) {
  check_survived(run_workers("one_late_of_three", 3));
}

WORKER(several_late_of_three) {
  Warnings warnings;
  const auto world = init_process_group({.timeout = long_timeout});
  shorten_patience(*world);
  MeanMetric mean = mean_of(1);
  MeanMetric other = mean_of(3);
  if (world->rank() != 0) std::this_thread::sleep_for(late);
  metrics::synchronize(mean, other);
  if (world->rank() == 0) {
    const std::string message = warnings.only();
    expect_contains(message,
                    "in compute (or sync) of " + mean.to_string() + " and 1 more for ranks 1, 2, some of which");
  } else {
    expect(warnings.messages.empty(), "nothing said by who is waited for");
  }
  world->barrier();
}

TEST_CASE("long waits: several ranks are named" * doctest::skip(max_world_size() < 3)) {
  check_survived(run_workers("several_late_of_three", 3));
}

WORKER(late_in_a_part_of_the_ranks) {
  Warnings warnings;
  const auto world = init_process_group({.timeout = long_timeout});
  const auto outer = world->new_group({0, 2});
  if (outer->is_member()) {
    shorten_patience(*outer);
    MeanMetric mean = mean_of(static_cast<double>(world->rank()), outer);
    if (world->rank() == 2) std::this_thread::sleep_for(late);
    expect(mean.compute().item<float>() == 1, "the value over the group's ranks");
    if (world->rank() == 0) expect_contains(warnings.only(), " for rank 2. ");
  }
  const auto rest = world->new_group({1, 2});
  world->barrier();

  // Rank 0, who serves the store, leaves. Those who stay can do without.
  if (!rest->is_member()) return;
  shorten_patience(*rest);
  std::this_thread::sleep_for(world->rank() == 2 ? 2 * late : late / 2);
  MeanMetric mean = mean_of(static_cast<double>(world->rank()), rest);
  expect(mean.compute().item<float>() == 1.5, "the value over the ranks that stay");
  if (world->rank() == 1) expect_contains(warnings.only(), "for other ranks; the group's store");
}

TEST_CASE("long waits: a part of the ranks is named by the numbers that the program started with" *
          doctest::skip(max_world_size() < 3)) {
  check_survived(run_workers("late_in_a_part_of_the_ranks", 3));
}

WORKER(store_asked_by_who_waits) {
  Warnings warnings;
  const auto world = init_process_group({.timeout = long_timeout});
  const auto store = c10::make_intrusive<CountedStore>(world->c10d()->getStore());
  auto given = c10::make_intrusive<c10d::ProcessGroup>(store, static_cast<int>(world->rank()), 2);
  given->setBackend(c10::DeviceType::CPU, c10d::ProcessGroup::BackendType::GLOO,
                    world->c10d()->getBackend(c10::DeviceType::CPU));
  given->setDefaultBackend(c10d::ProcessGroup::BackendType::GLOO);
  const auto group = metrics::wrap_process_group(given, long_timeout);
  const int made = store->requests;
  expect(made > 0, "requests that are counted");

  group->impl().transport->long_waits().set_patience(late);
  MeanMetric mean = mean_of(static_cast<double>(world->rank()), group);
  mean.compute();
  if (world->rank() == 1) std::this_thread::sleep_for(patience);
  group->barrier();
  expect(store->requests == made && warnings.messages.empty(), "no request and no word where nobody waits for long");

  shorten_patience(*group);
  if (world->rank() == 1) std::this_thread::sleep_for(late);
  group->barrier();
  const bool waited = world->rank() == 0;
  expect(store->requests == made + (waited ? 1 : 0), "one request of who waits");
  expect(warnings.messages.size() == (waited ? 1u : 0u), "one word of who waits");
  expect(group->counters().collectives == 3, "no collective more");
}

TEST_CASE("long waits: nothing is sent where nobody waits for long") {
  check_survived(run_workers("store_asked_by_who_waits", 2));
}

WORKER(warning_that_throws) {
  const auto world = init_process_group({.timeout = long_timeout});
  shorten_patience(*world);
  int warned = 0;
  metrics::set_warning_handler([&](const std::string&) {
    ++warned;
    throw std::runtime_error("warnings are errors here");
  });
  if (world->rank() == 1) std::this_thread::sleep_for(late);
  expect(mean_of(static_cast<double>(world->rank())).compute().item<float>() == 0.5, "the value over all ranks");
  metrics::set_warning_handler({});
  expect(warned == (world->rank() == 0 ? 1 : 0), "a handler that was called once");
  expect(!world->broken(), "a sound group");
}

TEST_CASE("long waits: a handler that throws does not leave the others alone") {
  check_survived(run_workers("warning_that_throws", 2));
}
