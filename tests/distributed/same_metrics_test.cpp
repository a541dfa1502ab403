#include "worker.h"
#include <metrics/aggregation/aggregation.h>
#include <metrics/classification/roc.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/core/dynamic.h>
#include <metrics/distributed/process_group.h>
#include <metrics/distributed/synchronize.h>

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <optional>
#include <source_location>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// Ranks that do not compute the same metrics in the same order: an error on each, never a number made of several.

using metrics::BinaryROC;
using metrics::init_process_group;
using metrics::Metric;
using metrics::MetricCollection;
using metrics::ProcessGroup;
using metrics::SumMetric;
using metrics_test::check_survived;
using metrics_test::expect;
using metrics_test::expect_contains;
using metrics_test::long_timeout;
using metrics_test::run_workers;
using metrics_test::sync_error_of;
using metrics_test::world_sizes;

namespace {

std::shared_ptr<ProcessGroup> started() {
  return init_process_group({.timeout = long_timeout});
}

double value_of(SumMetric& metric) {
  return metric.compute().item<double>();
}

/// Both can be synchronised again, and hold what they held.
void expect_unharmed(const ProcessGroup& group, SumMetric& a, double of_a, SumMetric& b, double of_b) {
  const auto ranks = static_cast<double>(group.world_size());
  expect(value_of(a) == ranks * of_a, "the sum of a over all ranks");
  expect(value_of(b) == ranks * of_b, "the sum of b over all ranks");
}

/// Metrics alike, made in one place of the program.
SumMetric made_in_one_place(const std::string& name = "") {
  return SumMetric({}, {.name = name});
}

}  // namespace

WORKER(metrics_in_another_order) {
  const auto group = started();
  SumMetric a, b;
  a.update(1);
  b.update(100);
  const auto line = std::to_string(std::source_location::current().line() - 3);
  const std::string message = sync_error_of([&] { group->rank() == 0 ? value_of(b) : value_of(a); });
  expect_contains(message, "the ranks synchronise different metrics: rank 0 has SumMetric(nan_strategy='warn') made at "
                           "same_metrics_test.cpp:" + line + ":16, rank 1 has SumMetric(nan_strategy='warn') made at "
                           "same_metrics_test.cpp:" + line + ":13");
  expect_contains(message, "same order");
  expect_unharmed(*group, a, 1, b, 100);
}

TEST_CASE("same metrics: two alike that are computed in another order") {
  check_survived(run_workers("metrics_in_another_order", 2));
}

WORKER(metric_of_one_rank) {
  const auto group = started();
  SumMetric training({}, {.name = "training"});
  SumMetric validation;
  training.update(1);
  validation.update(100);
  const std::string message = sync_error_of([&] {
    if (group->rank() == 0) value_of(training);
    value_of(validation);
  });
  expect_contains(message, "rank 0 has SumMetric(nan_strategy='warn') named `training`, rank");
  expect_contains(message, "made at same_metrics_test.cpp");
  expect_unharmed(*group, training, 1, validation, 100);

  // One that a rank has only sometimes.
  std::optional<SumMetric> extra;
  if (group->rank() == 0) extra.emplace();
  sync_error_of([&] {
    if (extra) value_of(*extra);
    value_of(validation);
  });
}

TEST_CASE("same metrics: one that a rank computes alone") {
  for (const int64_t world : world_sizes({2, 3})) check_survived(run_workers("metric_of_one_rank", world));
}

WORKER(members_in_another_order) {
  const auto group = started();
  const bool first = group->rank() == 0;
  std::vector<MetricCollection::Member> members;
  members.emplace_back(first ? "a" : "b", made_in_one_place());
  members.emplace_back(first ? "b" : "a", made_in_one_place());
  MetricCollection collection(members);
  collection.update(1.0);
  const std::string message = sync_error_of([&] { collection.compute(); });
  expect_contains(message, "in MetricCollection(a=SumMetric(");
  expect_contains(message, "in MetricCollection(b=SumMetric(");

  MetricCollection training({{"sum", made_in_one_place()}}, {.prefix = "train_"});
  MetricCollection validation = training.with_names({.prefix = "val_"});
  expect_contains(sync_error_of([&] { (first ? training : validation).compute(); }), "prefix='val_'");
  validation.update(2.0);
  expect(validation.compute().tensor("val_sum").item<double>() == 2.0 * static_cast<double>(group->world_size()),
         "the value of the validation");
}

TEST_CASE("same metrics: collections that list theirs in another order, or differ in their prefix") {
  check_survived(run_workers("members_in_another_order", 2));
}

WORKER(metrics_by_name) {
  const auto group = started();
  SumMetric a = made_in_one_place("a");
  SumMetric b = made_in_one_place("b");
  a.update(1);
  b.update(100);
  const std::string message = sync_error_of([&] { value_of(group->rank() == 0 ? a : b); });
  expect_contains(message, "rank 0 has SumMetric(nan_strategy='warn') named `a`, "
                           "rank 1 has SumMetric(nan_strategy='warn') named `b`");
  expect_unharmed(*group, a, 1, b, 100);

  // In the dynamic face, by name and by place.
  const auto c = metrics::create("SumMetric", {{"name", "c"}});
  const auto d = metrics::create("SumMetric");
  const auto e = metrics::create("SumMetric");
  expect(c->identity() == "named `c`", "a name among the options");
  expect_contains(d->identity(), "made at same_metrics_test.cpp:");
  sync_error_of([&] { (group->rank() == 0 ? c : d)->compute(); });
  sync_error_of([&] { (group->rank() == 0 ? d : e)->compute(); });
}

TEST_CASE("same metrics: a name tells apart what is made in one place") {
  check_survived(run_workers("metrics_by_name", 2));
}

WORKER(other_metrics_of_a_rank) {
  const auto group = started();
  SumMetric sum;
  std::vector<SumMetric> more;
  std::map<std::string, SumMetric> by_key;
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    if (group->rank() == 0) {
      for (int i = 0; i < 3; ++i) more.push_back(made_in_one_place());
      more.erase(more.begin());
      SumMetric alone({}, {.sync_on_compute = false});
      alone.update(5);
      expect(value_of(alone) == 5, "the value of a metric that one rank has for itself");
      SumMetric copy = sum;
      more.push_back(std::move(copy));
      by_key["zero"].update(1);
    }
    // Made in the order that the data of a rank ask for, computed in one order.
    std::vector<std::string> seen{"a", "b"};
    if (group->rank() == 1) std::swap(seen[0], seen[1]);
    for (const auto& key : seen) by_key[key].update(1);
    by_key.erase("zero");
    SumMetric temporary = made_in_one_place();
    temporary.update(2);
    sum.update(1);
    const auto ranks = static_cast<double>(group->world_size());
    expect(value_of(sum) == ranks, "the sum of the epoch");
    expect(value_of(temporary) == 2 * ranks, "the sum of a metric that lives for an epoch");
    for (auto& [key, metric] : by_key) value_of(metric);
    std::swap(sum, temporary);
    std::swap(sum, temporary);
    sum.reset();
    for (auto& [key, metric] : by_key) metric.reset();
  }
}

TEST_CASE("same metrics: what ranks make, copy, move and drop besides is nobody's concern") {
  for (const int64_t world : world_sizes({2, 3})) check_survived(run_workers("other_metrics_of_a_rank", world));
}

WORKER(rounds_of_a_metric) {
  const auto group = started();
  const bool first = group->rank() == 0;
  SumMetric metric, other;

  // A compute is left out, and the next one of this rank meets another epoch's.
  metric.update(1);
  if (!first) {
    metric.reset();
    metric.update(1);
  }
  std::string message = sync_error_of([&] { value_of(metric); });
  expect_contains(message, "the ranks are in different calls");
  expect_contains(message, "rank 0 has 0 and 0, rank 1 has 1 and 0");
  expect(metric.update_count() == 1, "unchanged states after the error");

  // Left out by an option: what this rank computes next meets it.
  SumMetric silent({}, {.sync_on_compute = first});
  silent.update(1);
  expect_contains(sync_error_of([&] {
                    value_of(silent);
                    value_of(other);
                  }),
                  "the ranks synchronise different metrics");

  // Computed twice by one rank, in a loop of metrics that were made in one place.
  std::vector<SumMetric> several;
  for (int i = 0; i < 2; ++i) several.push_back(made_in_one_place());
  for (auto& each : several) each.update(1);
  value_of(several[0]);
  expect_contains(sync_error_of([&] { value_of(several[first ? 0 : 1]); }), "rank 0 has 0 and 1, rank 1 has 0 and 0");

  // Over another group all begin anew.
  const auto again = group->new_group({0, 1});
  metric.set_metric_options({.process_group = again});
  expect(value_of(metric) == 2, "the sum over the new group");
  expect(metric.round() == metrics::Unit::Round{.resets = 0, .synchronisations = 1},
         "a first round over the new group");
}

TEST_CASE("same metrics: a compute that one rank leaves out or adds") {
  check_survived(run_workers("rounds_of_a_metric", 2));
}

WORKER(metrics_of_a_part_of_the_ranks) {
  const auto world = started();
  const auto part = world->new_group({1, 2});
  if (!part->is_member()) return;
  SumMetric a({}, {.process_group = part});
  SumMetric b({}, {.process_group = part});
  a.update(1);
  b.update(100);
  try {
    value_of(world->rank() == 1 ? a : b);
    throw std::runtime_error("expected an error");
  } catch (const metrics::SyncError& error) {
    expect_contains(error.what(), "rank 1 has SumMetric");
    expect_contains(error.what(), "rank 2 has SumMetric");
    expect(error.ranks() == std::vector<int64_t>{2}, "the rank that differs by its number in the world");
  }
  b.set_dtype(part->rank() == 0 ? at::kFloat : at::kDouble);
  expect_contains(sync_error_of([&] { value_of(b); }), "rank 1 has Float, rank 2 has Double");
}

TEST_CASE("same metrics: of a part of the ranks, messages speak of their numbers in the world" *
          doctest::skip(metrics_test::max_world_size() < 3)) {
  check_survived(run_workers("metrics_of_a_part_of_the_ranks", 3));
}

WORKER(differences_beyond_the_block) {
  const auto group = started();
  const bool last = group->rank() + 1 == group->world_size();
  std::vector<double> thresholds;
  for (int i = 0; i < 5000; ++i) thresholds.push_back(i / 5000.0);
  if (last) thresholds[4321] += 1e-5;
  BinaryROC curve({.thresholds = thresholds});
  expect(curve.to_string().size() > 20000, "a text of more than a block");
  std::string message = sync_error_of([&] { curve.compute(); });
  expect_contains(message, "BinaryROC(thresholds=");
  expect_contains(message, group->world_size() == 3 ? "ranks 0, 1 have" : "rank 0 has");
  expect_contains(message, "0.864, 0.8642, ");
  expect_contains(message, "0.864, 0.86420");
  expect(message.size() < 1000, "a message that can be read, not " + std::to_string(message.size()) + " characters");

  std::vector<SumMetric> metrics(3000);
  std::vector<Metric*> pointers;
  for (auto& metric : metrics) pointers.push_back(&metric);
  if (last) metrics.back().set_metric_options({.name = "the last"});
  message = sync_error_of([&] { metrics::synchronize(pointers); });
  expect_contains(message, "(metric 3000 of 3000)");
  expect_contains(message, "has SumMetric(nan_strategy='warn') named `the last`");
  if (last) pointers.pop_back();
  message = sync_error_of([&] { metrics::synchronize(pointers); });
  expect_contains(message, "has no metric there");
}

TEST_CASE("same metrics: what differs is told beyond the block's 16 KiB and 2,047 metrics") {
  for (const int64_t world : world_sizes({2, 3})) check_survived(run_workers("differences_beyond_the_block", world));
}
