#include "core/fake_ranks.h"
#include "core/unit_of.h"
#include <metrics/aggregation/aggregation.h>
#include <metrics/classification/accuracy.h>
#include <metrics/classification/confusion_matrix.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/collections/minmax.h>
#include <metrics/collections/running.h>
#include <metrics/collections/tracker.h>
#include <metrics/core/dynamic.h>
#include <metrics/core/errors.h>
#include <metrics/detection/iou.h>
#include <metrics/regression/mse.h>
#include <metrics/regression/r2.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

namespace tracker_test {
namespace {

using at::Tensor;
using metrics::InvalidArgument;
using metrics::MeanSquaredError;
using metrics::MetricCollection;
using metrics::MetricTracker;
using metrics::MinMaxMetric;
using metrics::R2Score;
using metrics::share;
using metrics::SumMetric;
using metrics::testing::CollectedWarnings;
using metrics::testing::unit_of;

double number(const c10::IValue& value) {
  return value.toTensor().item<double>();
}

/// A second rank that always has what this one has.
class Twin : public metrics::Synchroniser {
 public:
  int64_t rank() const override { return 0; }
  int64_t world_size() const override { return 2; }
  std::vector<metrics::Synchronised> synchronise(std::span<const metrics::SyncItem> items) override {
    ++calls;
    most_items = std::max(most_items, items.size());
    std::vector<metrics::Synchronised> found;
    for (const metrics::SyncItem& item : items) {
      metrics::States merged = item.states->fresh();
      for (int i = 0; i < 2; ++i) item.metric->merge_states(merged, *item.states);
      found.push_back({std::move(merged)});
    }
    return found;
  }

  int calls = 0;
  std::size_t most_items = 0;
};

/// A step for each of the values.
MetricTracker tracked(std::vector<double> values, std::vector<bool> maximize) {
  MetricTracker tracker(SumMetric(), {.maximize = std::move(maximize)});
  for (const double value : values) {
    tracker.increment();
    tracker.update(at::full({1}, value));
  }
  return tracker;
}

MetricCollection errors() {
  return MetricCollection({{"mse", MeanSquaredError()}, {"r2", R2Score()}});
}

}  // namespace

TEST_CASE("tracker: nothing can be done before the first increment") {
  MetricTracker tracker(SumMetric(), {.maximize = {true}});
  const auto refused = [](const char* method, auto&& call) {
    CHECK_THROWS_WITH_AS(call(), doctest::Contains(method), metrics::Error);
  };
  refused("`update` cannot be called before `increment()`", [&] { tracker.update(at::ones({1})); });
  refused("`forward` cannot", [&] { tracker.forward(at::ones({1})); });
  refused("`compute` cannot", [&] { tracker.compute(); });
  refused("`compute_all` cannot", [&] { tracker.compute_all(); });
  refused("`best_metric` cannot", [&] { tracker.best_metric(); });
  refused("`best_metrics` cannot", [&] { tracker.best_metrics(); });
  tracker.reset();
  tracker.reset_all();
  CHECK(tracker.n_steps() == 0);
  CHECK_THROWS_WITH_AS(tracker.step(0), doctest::Contains("no step 0 of 0"), InvalidArgument);
}

TEST_CASE("tracker: by name, as what it is") {
  const auto made = metrics::create_from_json(
      R"({"name": "MetricTracker", "options": {"metric": {"name": "MetricCollection", "options": {"metrics":
          {"mse": "MeanSquaredError", "r2": "R2Score"}}}, "maximize": [false, true]}})");
  CHECK_THROWS_WITH_AS(made->update({at::ones({2}), at::ones({2})}), doctest::Contains("increment()"), metrics::Error);
  MetricTracker& tracker = MetricTracker::of(*made);
  const Tensor target = at::tensor({1.0, 2.0, 4.0});
  for (const double offset : {2.0, 0.5, 1.0}) {
    tracker.increment();
    made->update({target + offset, target});
  }
  CHECK(made->compute().toGenericDict().size() == 2);
  CHECK(tracker.best_metrics()[0].second->step == 1);
  CHECK(made->to_string() == "MetricTracker(metric=" + tracker.step(0).to_string() + ", maximize=[False, True])");
  const auto copy = made->clone();
  CHECK(MetricTracker::of(*copy).n_steps() == 3);
  MeanSquaredError other;
  CHECK_THROWS_WITH_AS(MetricTracker::of(other), doctest::Contains("MeanSquaredError"), InvalidArgument);
}

TEST_CASE("tracker: a direction must be known, and go with the metrics") {
  CHECK_THROWS_WITH_AS(MetricTracker(SumMetric(), {}),
                       doctest::Contains("SumMetric(nan_strategy='warn') does not have"), InvalidArgument);
  CHECK_THROWS_WITH_AS(MetricTracker(MetricCollection({MeanSquaredError(), {"sum", SumMetric()}}), {}),
                       doctest::Contains("member `sum` does not have"), InvalidArgument);
  CHECK_THROWS_WITH_AS(MetricTracker(MeanSquaredError(), {.maximize = {true, false}}),
                       doctest::Contains("one bool for a single metric"), InvalidArgument);
  CHECK_THROWS_WITH_AS(MetricTracker(errors(), {.maximize = {true, false, true}}),
                       doctest::Contains("3 entries, the collection 2 members"), InvalidArgument);
}

TEST_CASE("tracker: the best of what has none is none, with a warning") {
  MetricTracker tracker(metrics::MulticlassConfusionMatrix({.num_classes = 2}), {.maximize = {true}});
  tracker.increment();
  tracker.update(at::tensor({0, 1}), at::tensor({0, 1}));
  const CollectedWarnings warnings;
  CHECK_FALSE(tracker.best_metric().has_value());
  CHECK(warnings.messages.size() == 1);
  CHECK_THROWS_WITH_AS(tracker.best_metrics(), doctest::Contains("best_metric()"), metrics::Error);
}

TEST_CASE("tracker: names that not every step has are refused") {
  MetricTracker tracker(metrics::IntersectionOverUnion({.class_metrics = true}));
  for (const int64_t label : {0, 1}) {
    const metrics::LabelledBoxes one{.boxes = at::tensor({0.F, 0.F, 1.F, 1.F}).reshape({1, 4}),
                                     .labels = at::tensor({label})};
    tracker.increment();
    dynamic_cast<metrics::IntersectionOverUnion&>(tracker.step(label)).update(std::vector{one}, std::vector{one});
  }
  CHECK(number(tracker.compute().toGenericDict().at("iou/cl_1")) == 1);
  const char* message = "step 0 has a value `iou/cl_0`, step 1 has none of that name";
  CHECK_THROWS_WITH_AS(tracker.compute_all(), doctest::Contains(message), metrics::Error);
  CHECK_THROWS_WITH_AS(tracker.best_metrics(), doctest::Contains(message), metrics::Error);
}

TEST_CASE("tracker: the best value and its first step, in either direction") {
  MetricTracker up = tracked({2, 5, 5, 1}, {true});
  CHECK(up.n_steps() == 4);
  CHECK(at::equal(up.compute_all().toTensor(), at::tensor({2.0f, 5.0f, 5.0f, 1.0f})));
  CHECK(up.best_metric()->value == 5);
  CHECK(up.best_metric()->step == 1);
  CHECK(number(up.compute()) == 1);
  MetricTracker down = tracked({2, 5, 1}, {false});
  CHECK(down.best_metric()->value == 1);
  CHECK(down.best_metric()->step == 2);
  MetricTracker lower_is_better(MeanSquaredError{});
  for (const double error : {2.0, 1.0, 3.0}) {
    lower_is_better.increment();
    lower_is_better.update(at::full({1}, error), at::zeros({1}));
  }
  CHECK(lower_is_better.best_metric()->step == 1);
}

TEST_CASE("tracker: the metric is a pattern; forward accumulates in the current step; resets") {
  auto sum = share(SumMetric());
  sum->update(100.0);
  MetricTracker tracker(sum, {.maximize = {true}});
  tracker.increment();
  CHECK(number(tracker.forward(at::full({1}, 3.0))) == 3);
  CHECK(number(tracker.forward(at::full({1}, 4.0))) == 4);
  CHECK(number(tracker.compute()) == 7);
  CHECK(tracker.update_count() == 2);
  tracker.increment();
  tracker.update(at::full({1}, 1.0));
  CHECK(number(tracker.step(0).compute()) == 7);
  const CollectedWarnings warnings;
  tracker.reset();
  CHECK(at::equal(tracker.compute_all().toTensor(), at::tensor({7.0f, 0.0f})));
  tracker.reset_all();
  CHECK(at::equal(tracker.compute_all().toTensor(), at::tensor({0.0f, 0.0f})));
  CHECK(tracker.n_steps() == 2);
  CHECK(sum->compute().item<double>() == 100);
}

TEST_CASE("tracker: a collection has a direction and a best for each member") {
  MetricTracker tracker(errors());
  const Tensor target = at::tensor({1.0, 2.0, 4.0});
  for (const double offset : {2.0, 0.5, 1.0}) {
    tracker.increment();
    tracker.update(target + offset, target);
  }
  const auto best = tracker.best_metrics();
  REQUIRE(best.size() == 2);
  CHECK(best[0].first == "mse");
  CHECK(best[0].second->value == 0.25);
  CHECK(best[0].second->step == 1);
  CHECK(best[1].second->step == 1);
  CHECK_THROWS_WITH_AS(tracker.best_metric(), doctest::Contains("best_metrics()"), metrics::Error);
  MetricTracker worst(errors(), {.maximize = {true, false}});
  for (const double offset : {2.0, 0.5}) {
    worst.increment();
    worst.update(target + offset, target);
  }
  CHECK(worst.best_metrics()[0].second->step == 0);
  CHECK(worst.best_metrics()[1].second->step == 0);
  CHECK(tracker.compute_all().toGenericDict().size() == 2);
}

TEST_CASE("tracker: wrappers in collections, with the direction of what they wrap") {
  MetricTracker tracker(MetricCollection(
      {{"extremes", MinMaxMetric(MeanSquaredError())}, {"recent", metrics::Running(R2Score(), {.window = 2})}}));
  const Tensor target = at::tensor({1.0, 2.0, 4.0});
  for (const double offset : {2.0, 1.0}) {
    tracker.increment();
    tracker.update(target + offset, target);
  }
  const auto best = tracker.best_metrics();
  REQUIRE(best.size() == 4);
  CHECK(best[0].first == "raw");
  CHECK(best[0].second->value == 1);
  CHECK(best[0].second->step == 1);
  CHECK(best[3].first == "recent");
  CHECK(best[3].second->step == 1);
}

TEST_CASE("tracker: over ranks all steps travel in one exchange") {
  MetricTracker tracker = tracked({1, 5, 3}, {true});
  const auto ranks = std::make_shared<Twin>();
  tracker.set_metric_options({.process_group = ranks});
  CHECK(number(tracker.compute()) == 6);
  CHECK(ranks->most_items == 1);
  CHECK(tracker.best_metric()->value == 10);
  CHECK(ranks->calls == 2);
  CHECK(ranks->most_items == 3);
  CHECK(unit_of(tracker.step(1)).states()["sum_value"].tensor().item<double>() == 5);
}

TEST_CASE("tracker: state dicts have torchmetrics' keys and reach the steps; a copy has steps of its own") {
  MetricTracker tracker = tracked({2, 5}, {true});
  CHECK(tracker.state_dict().states.empty());
  tracker.persistent(true);
  const auto dict = tracker.state_dict("t.");
  CHECK(dict.states.contains("t._base_metric.sum_value"));
  CHECK(dict.states.contains("t.1.sum_value"));
  CHECK(dict.states.contains("t.2.sum_value"));
  MetricTracker loaded = tracked({0, 0}, {true});
  loaded.load_state_dict(dict, "t.");
  CHECK(loaded.best_metric()->value == 5);
  MetricTracker shorter = tracked({0}, {true});
  CHECK_THROWS_WITH_AS(shorter.load_state_dict(dict, "t."), doctest::Contains("t.2.sum_value"), InvalidArgument);
  MetricTracker copy = tracker;
  copy.update(at::full({1}, 7.0));
  CHECK(number(copy.compute()) == 12);
  CHECK(number(tracker.compute()) == 5);
  tracker.set_dtype(at::kDouble);
  CHECK((tracker.compute_all().toTensor().scalar_type() == at::kDouble));
}

}  // namespace tracker_test
