#include "distributed/process_group_impl.h"
#include "distributed/worker.h"
#include <metrics/aggregation/aggregation.h>
#include <metrics/core/warning.h>
#include <metrics/distributed/process_group.h>
#include <metrics/training/join.h>

#include <ATen/core/Tensor.h>

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

using metrics::training::Join;
using metrics_test::check_survived;
using metrics_test::expect;
using metrics_test::expect_contains;
using metrics_test::long_timeout;
using metrics_test::run_workers;

namespace {

// Late by much more than it takes to be said, on a loaded machine too.
constexpr std::chrono::milliseconds patience(300), late(2500);

}  // namespace

WORKER(join_that_waits_for_long) {
  std::vector<std::string> warnings;
  metrics::set_warning_handler([&](const std::string& message) { warnings.push_back(message); });
  const auto world = metrics::init_process_group({.timeout = long_timeout});
  world->impl().transport->long_waits().set_patience(patience);
  const bool is_late = world->rank() == 1;
  const auto expect_warned = [&](const std::string& call) {
    expect(warnings.size() == (is_late ? 0u : 1u), "one warning of who waits, got " + std::to_string(warnings.size()));
    if (!is_late)
      expect_contains(warnings.front(), "rank 0 of 2 has been waiting for 300 ms in " + call + " for rank 1. ");
    warnings.clear();
  };

  metrics::SumMetric sum({}, {.dist_sync_on_step = true});
  // The first connects.
  for (int joins = 0; joins < 2; ++joins) {
    if (is_late) std::this_thread::sleep_for(late);
    Join join({sum}, {.batches = 0});
    expect_warned("the beginning of a join");
  }
  {
    Join join({sum});
    if (is_late) {
      std::this_thread::sleep_for(late);
      expect(sum.forward(2.0).item<float>() == 2, "the sum over the ranks that make the step");
    }
    join.finish();
  }
  expect_warned("step 0 of a join");
  metrics::set_warning_handler({});
}

TEST_CASE("join: who waits for long says for which rank, at the beginning and in a step") {
  check_survived(run_workers("join_that_waits_for_long", 2));
}
