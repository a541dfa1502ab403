#include "worker.h"
#include <metrics/aggregation/aggregation.h>
#include <metrics/classification/accuracy.h>
#include <metrics/classification/auroc.h>
#include <metrics/classification/cohen_kappa.h>
#include <metrics/classification/confusion_matrix.h>
#include <metrics/classification/f_beta.h>
#include <metrics/classification/hamming.h>
#include <metrics/classification/jaccard.h>
#include <metrics/classification/matthews_corrcoef.h>
#include <metrics/classification/precision_recall.h>
#include <metrics/classification/specificity.h>
#include <metrics/collections/bootstrapping.h>
#include <metrics/collections/classwise.h>
#include <metrics/collections/composition.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/collections/minmax.h>
#include <metrics/collections/multioutput.h>
#include <metrics/collections/running.h>
#include <metrics/collections/tracker.h>
#include <metrics/collections/transformations.h>
#include <metrics/distributed/process_group.h>
#include <metrics/distributed/synchronize.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

#include <string>

namespace {

using at::Tensor;
using metrics::MetricCollection;
using metrics_test::expect;
using metrics_test::run_workers;
using metrics_test::world_sizes;

constexpr int64_t num_classes = 5;

MetricCollection ten() {
  return MetricCollection({metrics::MulticlassAccuracy({.num_classes = num_classes}),
                           metrics::MulticlassPrecision({.num_classes = num_classes}),
                           metrics::MulticlassRecall({.num_classes = num_classes}),
                           metrics::MulticlassF1Score({.num_classes = num_classes}),
                           metrics::MulticlassSpecificity({.num_classes = num_classes}),
                           metrics::MulticlassHammingDistance({.num_classes = num_classes}),
                           metrics::MulticlassConfusionMatrix({.num_classes = num_classes}),
                           metrics::MulticlassCohenKappa({.num_classes = num_classes}),
                           metrics::MulticlassMatthewsCorrCoef({.num_classes = num_classes}),
                           metrics::MulticlassJaccardIndex({.num_classes = num_classes})});
}

/// The batch of `rank`: more rows on later ones, none on the first.
std::pair<Tensor, Tensor> batch_of(int64_t rank) {
  const int64_t rows = 7 * rank;
  const Tensor index = at::arange(rows, at::kLong);
  return {(index * 3 + rank).remainder(num_classes), (index * index).remainder(num_classes)};
}

/// Wrappers in a collection in a wrapper in a collection; one metric occurs in three of them.
MetricCollection nested() {
  using namespace metrics;
  using classification::Average;
  auto accuracy = share(MulticlassAccuracy({.num_classes = num_classes, .average = Average::Micro}));
  MetricCollection inner(
      {{"accuracy", accuracy},
       {"classes", ClasswiseWrapper(MulticlassRecall({.num_classes = num_classes, .average = Average::None}))},
       {"extremes", MinMaxMetric(MulticlassPrecision({.num_classes = num_classes}))},
       {"squared", accuracy * accuracy},
       {"recent", Running(MulticlassF1Score({.num_classes = num_classes}), {.window = 50})},
       {"resampled", BootStrapper(MulticlassAccuracy({.num_classes = num_classes}), {.num_bootstraps = 4})}});
  return MetricCollection({{"inside", LambdaInputTransformer(std::move(inner))},
                           {"percent", 100 * accuracy},
                           {"table", MulticlassConfusionMatrix({.num_classes = num_classes})}});
}

bool equal_values(const metrics::NamedValues& a, const metrics::NamedValues& b) {
  if (a.size() != b.size()) return false;
  return std::equal(a.begin(), a.end(), b.begin(), [](const auto& x, const auto& y) {
    return x.first == y.first && at::equal(x.second.toTensor(), y.second.toTensor());
  });
}

}  // namespace

WORKER(collection_of_ten) {
  const auto group = metrics::init_process_group();
  MetricCollection metrics = ten();
  MetricCollection expected = ten();
  expected.set_metric_options({.sync_on_compute = false});
  for (int64_t rank = 0; rank < group->world_size(); ++rank) {
    const auto [preds, target] = batch_of(rank);
    expected.update(preds, target);
    if (rank == group->rank()) metrics.update(preds, target);
  }
  const auto before = group->counters();
  const auto values = metrics.compute();
  expect((group->counters() - before).collectives == 1, "one collective for ten metrics");
  expect(equal_values(values, expected.compute()), "the values of one process");
  expect(!metrics.is_synced(), "local states after compute");
  const auto unit_of = [&](const char* name) -> const metrics::Unit& {
    return dynamic_cast<const metrics::Unit&>(metrics[name]);
  };
  expect(unit_of("MulticlassF1Score").shares_states_with(unit_of("MulticlassRecall")), "states still in one place");

  const auto before_sync = group->counters();
  metrics.sync();
  expect((group->counters() - before_sync).collectives == 1, "one collective for sync");
  expect(equal_values(metrics.compute(), values), "the same values from synced states");
  metrics.unsync();

  MetricCollection others = ten();
  const auto before_both = group->counters();
  metrics::synchronize(metrics, others);
  expect((group->counters() - before_both).collectives == 1, "one collective for two collections");
}

TEST_CASE("collection: ten metrics over ranks take one collective and give the values of one process") {
  for (const int64_t world : world_sizes({2, 3, 4})) CHECK(run_workers("collection_of_ten", world).ok());
}

WORKER(collection_on_step) {
  const auto group = metrics::init_process_group();
  MetricCollection metrics = ten();
  metrics.set_metric_options({.dist_sync_on_step = true});
  MetricCollection expected = ten();
  expected.set_metric_options({.sync_on_compute = false});
  for (int64_t rank = 0; rank < group->world_size(); ++rank) {
    const auto [preds, target] = batch_of(rank);
    expected.update(preds, target);
  }
  const auto [preds, target] = batch_of(group->rank());
  const auto before = group->counters();
  const auto values = metrics.forward(preds, target);
  expect((group->counters() - before).collectives == 1, "one collective a step");
  expect(equal_values(values, expected.compute()), "the batch's values over all ranks");
}

TEST_CASE("collection: forward over ranks takes one collective") {
  for (const int64_t world : world_sizes({2, 3})) CHECK(run_workers("collection_on_step", world).ok());
}

/// What the others of a batch's rows are called by.
metrics::Rows rows_of(int64_t rank) {
  return {.ids = at::arange(7 * rank, at::kLong) + 1000 * rank};
}

WORKER(nested_collection) {
  const auto group = metrics::init_process_group();
  MetricCollection metrics = nested(), expected = nested(), on_step = nested();
  expected.set_metric_options({.sync_on_compute = false});
  on_step.set_metric_options({.dist_sync_on_step = true});
  for (int64_t rank = 0; rank < group->world_size(); ++rank) {
    const auto [preds, target] = batch_of(rank);
    expected.update(preds, target, rows_of(rank));
    if (rank == group->rank()) metrics.update(preds, target, rows_of(rank));
  }
  const auto before = group->counters();
  const auto values = metrics.compute();
  expect((group->counters() - before).collectives <= 2, "a block and what does not fit into it, for all");
  expect(equal_values(values, expected.compute()), "the values of one process");
  expect(equal_values(metrics.compute(), values), "the same values once more");

  const auto [preds, target] = batch_of(group->rank());
  const auto before_step = group->counters();
  const auto of_step = on_step.forward(preds, target, rows_of(group->rank()));
  expect((group->counters() - before_step).collectives <= 2, "as many a step");
  expect(equal_values(of_step, values), "the batch's values over all ranks");
  expect(on_step["inside"].update_count() == 1, "what comes through is counted");
}

TEST_CASE("collection: wrappers in collections in wrappers give the values of one process, in one exchange") {
  for (const int64_t world : world_sizes({2, 3})) CHECK(run_workers("nested_collection", world).ok());
}

WORKER(tracked_steps) {
  const auto group = metrics::init_process_group();
  metrics::MetricTracker tracker(ten(), {.maximize = {true}});
  metrics::MetricTracker expected(ten(), {.maximize = {true}});
  expected.set_metric_options({.sync_on_compute = false});
  for (int64_t step = 0; step < 3; ++step) {
    tracker.increment();
    expected.increment();
    for (int64_t rank = 0; rank < group->world_size(); ++rank) {
      const auto [preds, target] = batch_of(rank + step);
      expected.update(preds, target);
      if (rank == group->rank()) tracker.update(preds, target);
    }
  }
  const auto before = group->counters();
  const auto best = tracker.best_metrics();
  expect((group->counters() - before).collectives <= 2, "all steps of all metrics in one exchange");
  const auto alone = expected.best_metrics();
  expect(best.size() == alone.size(), "as many names");
  for (std::size_t i = 0; i < best.size(); ++i) {
    expect(best[i].first == alone[i].first, "the same names");
    expect(best[i].second.has_value() == alone[i].second.has_value(), best[i].first.c_str());
    if (!best[i].second) continue;
    expect(best[i].second->value == alone[i].second->value, best[i].first.c_str());
    expect(best[i].second->step == alone[i].second->step, best[i].first.c_str());
  }

  if (group->rank() == 0) tracker.increment();
  // On all ranks, which may not wait for one another.
  expect(!metrics_test::sync_error_of([&] { tracker.compute_all(); }).empty(), "what differs");
}

TEST_CASE("tracker: the best of all steps over ranks is that of one process") {
  for (const int64_t world : world_sizes({2, 3})) CHECK(run_workers("tracked_steps", world).ok());
}
