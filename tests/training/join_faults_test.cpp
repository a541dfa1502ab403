#include "distributed/worker.h"
#include <metrics/aggregation/aggregation.h>
#include <metrics/core/errors.h>
#include <metrics/distributed/process_group.h>
#include <metrics/training/data_parallel.h>
#include <metrics/training/join.h>

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

using at::Tensor;
using metrics::init_process_group;
using metrics::InvalidArgument;
using metrics::ProcessGroup;
using metrics::SumMetric;
using metrics::SyncError;
using metrics::distributed::LaunchResult;
using metrics::training::DistributedDataParallel;
using metrics::training::Divisor;
using metrics::training::Join;
using metrics::training::JoinOptions;
using metrics_test::die;
using metrics_test::expect;
using metrics_test::expect_contains;
using metrics_test::long_timeout;
using metrics_test::run_workers;
using metrics_test::short_timeout;
using metrics_test::sync_error_of;

namespace {

using Clock = std::chrono::steady_clock;

struct Scale : torch::nn::Module {
  Scale() : weight(register_parameter("weight", at::ones({3}))), seen(register_buffer("seen", at::zeros({1}))) {}
  Tensor forward(const Tensor& x) { return weight * x; }
  Tensor weight, seen;
};
using ScaleModel = DistributedDataParallel<std::shared_ptr<Scale>>;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// A file that is of this launch alone.
std::filesystem::path heard_by_all() {
  return std::filesystem::temp_directory_path() /
         ("metrics_join_" + std::to_string(::getppid()) + "_" + variable("MASTER_PORT"));
}

void train_step(ScaleModel& model) {
  model(at::ones({3})).sum().backward();
}

std::optional<int64_t> told(int64_t batches) {
  return variable("KNOWN") == "1" ? std::optional(batches) : std::nullopt;
}

/// What happens to rank 1 happens to it alone, and within a time that is far from the group's.
LaunchResult run_both_ways(const std::string& worker, bool known, std::map<std::string, std::string> environment = {}) {
  environment["KNOWN"] = known ? "1" : "0";
  return run_workers(worker, 2, std::move(environment), /*keep_going=*/true);
}

/// The SyncError of a loop that another rank ends, long before the time-out.
template <class Loop>
std::string soon_failed(const Loop& loop) {
  const auto start = Clock::now();
  const std::string message = sync_error_of(loop);
  expect(Clock::now() - start < long_timeout / 2, "an error long before the time-out");
  return message;
}

}  // namespace

WORKER(uneven_gradients_without_join) {
  const auto group = init_process_group({.timeout = short_timeout});
  ScaleModel model(std::make_shared<Scale>(), {.broadcast_buffers = false});
  for (int64_t step = 0; step < 2; ++step) train_step(model);
  if (group->rank() == 1) {
    std::this_thread::sleep_for(short_timeout + std::chrono::milliseconds(1000));
    return;
  }
  const auto start = Clock::now();
  const std::string message = sync_error_of([&] { train_step(model); });
  expect_contains(message, "waited " + std::to_string(short_timeout.count()) + " ms for the other ranks");
  expect_contains(message, "different numbers of batches, need a metrics::training::Join");
  expect(Clock::now() - start < short_timeout * 3, "an error within the time-out");
}

WORKER(uneven_gradients_of_a_rank_that_leaves) {
  const auto group = init_process_group({.timeout = long_timeout});
  ScaleModel model(std::make_shared<Scale>());
  train_step(model);
  if (group->rank() == 1) return;
  expect_contains(soon_failed([&] {
                    train_step(model);
                    train_step(model);
                  }),
                  "need a metrics::training::Join");
}

WORKER(uneven_metrics_without_join) {
  const auto group = init_process_group({.timeout = long_timeout});
  SumMetric sum({}, {.dist_sync_on_step = true});
  const std::string message = soon_failed([&] {
    for (int64_t step = 0; step < 3 - group->rank(); ++step) sum.forward(1.0);
    sum.compute();
  });
  expect_contains(message, "rank 0 is in a forward with dist_sync_on_step, rank 1 merges what it has accumulated");
  expect_contains(message, "need a metrics::training::Join");
  // Nobody was left in the middle of anything.
  group->barrier();
}

WORKER(step_that_throws) {
  const auto group = init_process_group({.timeout = long_timeout});
  ScaleModel model(std::make_shared<Scale>());
  SumMetric sum({}, {.dist_sync_on_step = true});
  const bool victim = group->rank() == 1, with_text = variable("WITH_TEXT") == "1";
  const auto steps = [&] {
    for (int64_t step = 0; step < (victim ? 5 : 3); ++step) {
      if (victim && step == std::stoll(variable("AT"))) throw std::runtime_error("no such image: 17.png");
      train_step(model);
      sum.forward(1.0);
    }
  };
  const auto loop = [&] {
    Join join({model, sum}, {.batches = told(victim ? 5 : 3)});
    if (with_text) {
      join.run(steps);
    } else {
      steps();
    }
  };
  if (!victim) {
    const std::string message = soon_failed(loop);
    expect_contains(message, with_text ? "rank 1 failed: no such image: 17.png"
                                       : "rank 1 failed: its loop was left by an exception");
    std::ofstream(heard_by_all()) << message;
    return;
  }
  try {
    loop();
  } catch (const std::runtime_error& error) {
    expect_contains(error.what(), "17.png");
    expect_contains(sync_error_of([&] { sum.compute(); }), "broken");
    expect_contains(sync_error_of([&] { train_step(model); }), "broken");
    // What the others hear does not wait for the end of this process.
    const auto start = Clock::now();
    while (!std::filesystem::exists(heard_by_all()) && Clock::now() - start < long_timeout / 2)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    expect(std::filesystem::remove(heard_by_all()), "the other rank to hear of it before this one ends");
    return;
  }
  throw std::runtime_error("expected an exception");
}

WORKER(rank_that_is_killed) {
  const auto group = init_process_group({.timeout = long_timeout});
  ScaleModel model(std::make_shared<Scale>());
  const bool victim = group->rank() == std::stoll(variable("VICTIM"));
  expect_contains(soon_failed([&] {
                    Join join({model}, {.batches = told(victim ? 5 : 3)});
                    for (int64_t step = 0; step < (victim ? 5 : 3); ++step) {
                      if (victim && step == std::stoll(variable("AT"))) die();
                      train_step(model);
                    }
                    join.finish();
                  }),
                  "another rank has died, left");
}

WORKER(batches_other_than_told) {
  const auto group = init_process_group({.timeout = long_timeout});
  ScaleModel model(std::make_shared<Scale>());
  const bool victim = group->rank() == 1;
  const int64_t made = victim ? std::stoll(variable("MADE")) : 4;
  const auto loop = [&] {
    Join join({model}, {.batches = victim ? 3 : 4});
    for (int64_t step = 0; step < made; ++step) train_step(model);
    join.finish();
  };
  const std::string text = variable("MADE") == "2" ? "it made 2 steps, but its join was told 3 batches"
                                                   : "it makes 4 steps and more, but its join was told 3 batches";
  if (!victim) {
    expect_contains(soon_failed(loop), "rank 1 failed: " + text);
    return;
  }
  try {
    loop();
  } catch (const InvalidArgument& error) {
    return expect_contains(error.what(), text);
  }
  throw std::runtime_error("expected InvalidArgument");
}

WORKER(no_sync_that_ranks_do_not_share) {
  const auto group = init_process_group({.timeout = long_timeout});
  ScaleModel model(std::make_shared<Scale>());
  expect_contains(soon_failed([&] {
                    Join join({model});
                    for (int64_t step = 0; step < 3; ++step) {
                      if (group->rank() == 1 && step == 1) {
                        const auto alone = model.no_sync();
                        train_step(model);
                      } else {
                        train_step(model);
                      }
                    }
                  }),
                  "in step 1 rank 1 and rank 0 differ in whether they run under no_sync");
}

WORKER(no_sync_that_nobody_can_know_of) {
  const auto group = init_process_group({.timeout = long_timeout});
  const bool victim = group->rank() == 1, samples = variable("SAMPLES") == "1";
  ScaleModel model(std::make_shared<Scale>());
  std::string message;
  try {
    Join join({model}, {.batches = 2, .divisor = samples ? Divisor::Samples : Divisor::InitialWorldSize});
    for (int64_t step = 0; step < 2; ++step) {
      if (samples && !victim) join.set_samples(3);
      if (victim && !samples) {
        const auto alone = model.no_sync();
        train_step(model);
      } else {
        train_step(model);
      }
    }
  } catch (const metrics::Error& error) {
    message = error.what();
  }
  if (samples) {
    expect_contains(message, victim ? "call set_samples before each forward" : "rank 1 failed");
  } else {
    expect_contains(message, "step 0 runs under no_sync, which ranks that have run out cannot know");
    if (!victim) expect_contains(message, "rank 1 failed");
  }
}

TEST_CASE("join: different numbers of batches without one are an error that names it, for gradients") {
  CHECK(run_workers("uneven_gradients_without_join", 2, {}, /*keep_going=*/true).ok());
  CHECK(run_workers("uneven_gradients_of_a_rank_that_leaves", 2, {}, /*keep_going=*/true).ok());
}

TEST_CASE("join: different numbers of batches without one are an error that names it, for metrics") {
  CHECK(run_workers("uneven_metrics_without_join", 2, {}, /*keep_going=*/true).ok());
}

TEST_CASE("join: a step that throws on one rank ends the others with its message") {
  const auto check = [](bool known, const char* at, const char* with_text) {
    CAPTURE(known);
    CAPTURE(at);
    CAPTURE(with_text);
    CHECK(run_both_ways("step_that_throws", known, {{"AT", at}, {"WITH_TEXT", with_text}}).ok());
  };
  check(true, "1", "1");
  check(true, "4", "0");
  check(false, "1", "0");
  check(false, "4", "1");
}

TEST_CASE("join: a rank that is killed is an error on the others") {
  const auto check = [](bool known, const char* at, std::size_t victim) {
    CAPTURE(known);
    CAPTURE(at);
    CAPTURE(victim);
    const LaunchResult result =
        run_both_ways("rank_that_is_killed", known, {{"AT", at}, {"VICTIM", std::to_string(victim)}});
    CHECK(result.processes[1 - victim].exit_code == 0);
    CHECK(result.processes[victim].signal == SIGKILL);
  };
  for (const bool known : {true, false}) {
    check(known, "1", 1);
    check(known, "4", 1);  // which the other rank shadows
    check(known, "1", 0);  // who serves the store
  }
}

TEST_CASE("join: more or fewer batches than told are an error on all") {
  for (const char* made : {"2", "4"}) {
    CAPTURE(made);
    CHECK(run_workers("batches_other_than_told", 2, {{"MADE", made}}, /*keep_going=*/true).ok());
  }
}

TEST_CASE("join: no_sync that ranks cannot follow, and samples that nobody told") {
  CHECK(run_workers("no_sync_that_ranks_do_not_share", 2, {}, /*keep_going=*/true).ok());
  CHECK(run_workers("no_sync_that_nobody_can_know_of", 2, {{"SAMPLES", "0"}}, /*keep_going=*/true).ok());
  CHECK(run_workers("no_sync_that_nobody_can_know_of", 2, {{"SAMPLES", "1"}}, /*keep_going=*/true).ok());
}
