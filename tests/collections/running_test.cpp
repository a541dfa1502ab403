#include "core/fake_ranks.h"
#include "core/user_metrics.h"
#include <metrics/aggregation/aggregation.h>
#include <metrics/classification/auroc.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/collections/minmax.h>
#include <metrics/collections/running.h>
#include <metrics/core/errors.h>
#include <metrics/regression/mse.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

namespace running_test {
namespace {

using at::Tensor;
using metrics::CatMetric;
using metrics::InvalidArgument;
using metrics::MeanMetric;
using metrics::MeanSquaredError;
using metrics::Metric;
using metrics::MetricCollection;
using metrics::MetricOf;
using metrics::MetricTraits;
using metrics::MinMaxMetric;
using metrics::Reduction;
using metrics::Running;
using metrics::RunningMean;
using metrics::RunningSum;
using metrics::share;
using metrics::States;
using metrics::SumMetric;
using metrics::testing::CollectedWarnings;
using metrics::testing::FakeRanks;
using metrics::testing::Tally;
using namespace std::string_view_literals;

/// A sum that counts how often two of it are merged, in an order that must be kept.
struct MergedDefinition {
  static constexpr std::string_view name = "Merged";
  using Options = metrics::NoOptions;
  static constexpr std::array inputs{"value"sv};
  static constexpr MetricTraits traits{};

  static void declare(States& states, const Options&) {
    states.add("sum", Reduction::Own, at::zeros({}, at::kLong));
    states.add("last", Reduction::Own, at::zeros({}, at::kLong));
  }
  static void update(States& states, const Options&, const Tensor& value) {
    states["sum"].set(states["sum"].tensor() + value);
    states["last"].set(value);
  }
  static void merge(States& into, const States& from, const Options&) {
    ++merges;
    into["sum"].set(into["sum"].tensor() + from["sum"].tensor());
    if (from.update_count() > 0) into["last"].set(from["last"].tensor());
  }
  static Tensor finalise(const States& states, const Options&) {
    return at::stack({states["sum"].tensor(), states["last"].tensor()});
  }

  static inline int merges = 0;
};
using Merged = MetricOf<MergedDefinition>;

double number(const c10::IValue& value) {
  return value.toTensor().item<double>();
}

Running running_sum(int64_t window) {
  return Running(SumMetric(), {.window = window});
}

}  // namespace

TEST_CASE("running: refuses windows that are not positive and metrics without states of their own") {
  CHECK_THROWS_WITH_AS(running_sum(0), doctest::Contains("`window` expects a positive integer, got 0"),
                       InvalidArgument);
  CHECK_THROWS_WITH_AS(RunningMean({.window = -3}),
                       doctest::Contains("RunningMean: Running: option `window` expects a positive integer, got -3"),
                       InvalidArgument);
  CHECK_THROWS_WITH_AS(Running(MinMaxMetric(SumMetric()), {}), doctest::Contains("made of others"), InvalidArgument);
  CHECK_THROWS_WITH_AS(Running(MetricCollection({SumMetric()}), {}), doctest::Contains("made of others"),
                       InvalidArgument);
  CHECK_THROWS_WITH_AS(Running(metrics::MetricHandle(running_sum(3)), {}), doctest::Contains("made of others"),
                       InvalidArgument);
}

TEST_CASE("running: windows are not merged, by themselves or in a collection, and nothing changes") {
  Running one = running_sum(3), other = running_sum(3);
  one.update(at::ones({2}));
  other.update(at::ones({3}));
  CHECK_THROWS_WITH_AS(one.merge(other), doctest::Contains("order of its own updates"), metrics::Error);
  CHECK(number(one.Metric::compute()) == 2);
  MetricCollection some({{"plain", SumMetric()}, {"running", running_sum(3)}});
  MetricCollection more = some;
  some.update(at::ones({2}));
  more.update(at::ones({5}));
  CHECK_THROWS_WITH_AS(some.merge(more), doctest::Contains("order of its own updates"), metrics::Error);
  CHECK(some.compute().tensor("plain").item<double>() == 2);
}

TEST_CASE("running: a call that throws leaves the window as it was, also where another metric throws") {
  Running window(Tally(), {.window = 2});
  for (const double value : {1.0, 2.0, 4.0}) window.update(at::full({1}, value));
  CHECK_THROWS(window.update(at::full({1}, -1.0)));
  CHECK_THROWS(window.forward(at::full({1}, -1.0)));
  CHECK(number(window.Metric::compute()) == 6);
  CHECK(window.update_count() == 3);

  MetricCollection both({{"window", running_sum(2)}, {"mse", Tally({.scale = 2})}});
  for (const double value : {1.0, 2.0, 4.0}) both.update(at::full({1}, value));
  CHECK_THROWS(both.update(at::full({1}, -1.0)));
  CHECK_THROWS(both.forward(at::full({1}, -1.0)));
  CHECK(both.compute().tensor("window").item<double>() == 6);
  both.update(at::full({1}, 8.0));
  CHECK(both.compute().tensor("window").item<double>() == 12);
}

TEST_CASE("running: rows that do not go with those in the window are refused when they come") {
  Running window(CatMetric(), {.window = 3});
  window.update(at::ones({2, 3}));
  CHECK_THROWS_WITH_AS(window.update(at::ones({2, 4})), doctest::Contains("holds rows of shape [3]"), InvalidArgument);
  CHECK(window.Metric::compute().toTensor().size(0) == 2);
}

TEST_CASE("running: each value is that of the last updates, by two merges an update") {
  for (const int64_t size : {1, 2, 3, 7, 10}) {
    Running window(Merged(), {.window = size});
    constexpr int64_t updates = 200;
    int update_merges = 0;
    for (int64_t i = 0; i < updates; ++i) {
      MergedDefinition::merges = 0;
      window.update(at::scalar_tensor(i, at::kLong));
      update_merges += MergedDefinition::merges;
      MergedDefinition::merges = 0;
      const Tensor value = window.Metric::compute().toTensor();
      CHECK(MergedDefinition::merges <= 2);
      const int64_t first = std::max<int64_t>(0, i - size + 1);
      REQUIRE(value[0].item<int64_t>() == (first + i) * (i - first + 1) / 2);
      REQUIRE(value[1].item<int64_t>() == i);
    }
    CHECK(update_merges <= 2 * updates);
    CHECK(window.update_count() == updates);
  }
}

TEST_CASE("running: states that grow are merged by compute alone") {
  Running window(CatMetric(), {.window = 3});
  for (const double value : {1.0, 2.0, 3.0, 4.0, 5.0}) window.update(at::full({2}, value));
  CHECK(at::equal(window.Metric::compute().toTensor(), at::tensor({3.0f, 3.0f, 4.0f, 4.0f, 5.0f, 5.0f})));
  const Running copy = window;
  window.update(at::full({1}, 6.0));
  CHECK(at::equal(window.Metric::compute().toTensor(), at::tensor({4.0f, 4.0f, 5.0f, 5.0f, 6.0f})));
  CHECK(at::equal(Running(copy).Metric::compute().toTensor(), at::tensor({3.0f, 3.0f, 4.0f, 4.0f, 5.0f, 5.0f})));
}

TEST_CASE("running: an update without rows takes a place in the window") {
  Running window = running_sum(2);
  window.update(at::ones({3}));
  window.update(at::ones({0}));
  CHECK(number(window.Metric::compute()) == 3);
  window.update(at::ones({0}));
  CHECK(number(window.Metric::compute()) == 0);
}

TEST_CASE("running: the metric is a pattern") {
  auto sum = share(SumMetric());
  sum->update(100.0);
  Running window(sum, {.window = 2});
  window.update(at::ones({2}));
  CHECK(number(window.Metric::compute()) == 2);
  CHECK(sum->compute().item<double>() == 100);
  CHECK(window.to_string() == "Running(base_metric=SumMetric(nan_strategy='warn'), window=2)");
}

TEST_CASE("running: forward gives the batch's value, with gradients where the metric has them") {
  Running window(MeanSquaredError(), {.window = 2});
  const Tensor input = at::tensor({1.0, 2.0}).requires_grad_();
  const Tensor value = window.forward(input, at::zeros({2}, at::kDouble)).toTensor();
  REQUIRE(value.requires_grad());
  value.backward();
  CHECK(at::equal(input.grad(), at::tensor({1.0, 2.0})));
  CHECK_FALSE(window.Metric::compute().toTensor().requires_grad());
  CHECK(window.update_count() == 1);
  MetricCollection both({{"window", Running(MeanSquaredError(), {.window = 2})}, {"plain", MeanSquaredError()}});
  CHECK(both.forward(input, at::zeros({2}, at::kDouble)).tensor("window").requires_grad());
  CHECK_FALSE(both.compute().tensor("window").requires_grad());
}

TEST_CASE("running: before the first update it warns; reset forgets the window") {
  Running window = running_sum(3);
  {
    const CollectedWarnings warnings;
    CHECK(number(window.Metric::compute()) == 0);
    CHECK(warnings.messages.size() == 1);
  }
  window.update(at::ones({2}));
  window.reset();
  CHECK(window.update_count() == 0);
  window.update(at::ones({1}));
  CHECK(number(window.Metric::compute()) == 1);
}

TEST_CASE("running: over ranks the value is that of each rank's last updates") {
  Running other = running_sum(2);
  for (const double value : {10.0, 20.0, 30.0}) other.update(at::full({1}, value));
  other.units();  // makes the states those of the window
  Running window = running_sum(2);
  const auto ranks = std::make_shared<FakeRanks>(std::vector<const Metric*>{&other});
  window.set_metric_options({.dist_sync_on_step = true, .process_group = ranks});
  for (const double value : {1.0, 2.0, 3.0}) window.update(at::full({1}, value));
  CHECK(number(window.Metric::compute()) == 55);
  CHECK(ranks->calls == 1);
  window.sync();
  CHECK_THROWS_AS(window.update(at::ones({1})), metrics::Error);
  CHECK(number(window.Metric::compute()) == 55);
  window.set_dtype(at::kDouble);
  CHECK(number(window.Metric::compute()) == 55);
  window.unsync();
  CHECK(number(window.forward(at::full({1}, 4.0))) == 54);
  window.set_metric_options({.sync_on_compute = false});
  CHECK(number(window.Metric::compute()) == 7);
}

TEST_CASE("running: in a collection, beside the metric itself") {
  MetricCollection metrics({{"sum", SumMetric()}, {"two", running_sum(2)}, {"one", running_sum(1)}});
  for (const double value : {1.0, 2.0, 4.0}) metrics.update(at::full({1}, value));
  CHECK(metrics.forward(at::full({1}, 8.0)).tensor("two").item<double>() == 8);
  const auto values = metrics.compute();
  CHECK(values.tensor("sum").item<double>() == 15);
  CHECK(values.tensor("two").item<double>() == 12);
  CHECK(values.tensor("one").item<double>() == 8);
  const MetricCollection copy = metrics;
  metrics.update(at::full({1}, 16.0));
  CHECK(MetricCollection(copy).compute().tensor("two").item<double>() == 12);
  CHECK(metrics.compute().tensor("two").item<double>() == 24);
}

TEST_CASE("running: state dicts have a slot for each update, as torchmetrics', and the window goes on from them") {
  Running window = running_sum(3);
  for (const double value : {1.0, 2.0, 4.0, 8.0}) window.update(at::full({1}, value));
  CHECK(std::get<Tensor>(window.metric_state().at("sum_value_0")).item<double>() == 8);
  CHECK(window.state_dict().states.empty());
  window.persistent(true);
  auto dict = window.state_dict("loss.");
  REQUIRE(dict.states.size() == 3);
  CHECK(std::get<Tensor>(dict.states.at("loss.sum_value_0")).item<double>() == 8);
  CHECK(std::get<Tensor>(dict.states.at("loss.sum_value_1")).item<double>() == 2);

  Running loaded = running_sum(3);
  loaded.update(at::full({1}, 99.0));
  loaded.load_state_dict(dict, "loss.");
  CHECK(loaded.update_count() == 4);
  CHECK(number(loaded.Metric::compute()) == 14);
  loaded.update(at::full({1}, 16.0));
  CHECK(number(loaded.Metric::compute()) == 28);

  auto incomplete = dict;
  incomplete.states.erase("loss.sum_value_1");
  CHECK_THROWS_WITH_AS(loaded.load_state_dict(incomplete, "loss."), doctest::Contains("loss.sum_value_1"),
                       InvalidArgument);
  incomplete = dict;
  incomplete.states["loss.sum_value_3"] = at::zeros({});
  CHECK_THROWS_WITH_AS(loaded.load_state_dict(incomplete, "loss."), doctest::Contains("no such state"),
                       InvalidArgument);
  incomplete = dict;
  incomplete.states["loss.sum_value_2"] = at::zeros({2, 2});
  CHECK_THROWS_WITH_AS(loaded.load_state_dict(incomplete, "loss."), doctest::Contains("slot 2"), InvalidArgument);
  Running narrow = running_sum(2);
  CHECK_THROWS_AS(narrow.load_state_dict(dict, "loss."), InvalidArgument);
  CHECK(number(loaded.Metric::compute()) == 28);

  // From Python there is no metadata; its next update goes to slot 0.
  dict.metadata.clear();
  loaded.load_state_dict(dict, "loss.");
  CHECK(number(loaded.Metric::compute()) == 14);
  loaded.update(at::full({1}, 100.0));
  CHECK(number(loaded.Metric::compute()) == 106);
}

TEST_CASE("running: set_dtype and clones reach the window") {
  Running window(CatMetric(), {.window = 2});
  for (const double value : {1.0, 2.0, 3.0}) window.update(at::full({1}, value, at::kDouble));
  window.set_dtype(at::kDouble);
  window.update(at::full({1}, 0.1, at::kDouble));
  const Tensor value = window.Metric::compute().toTensor();
  CHECK((value.scalar_type() == at::kDouble));
  CHECK(at::equal(value, at::tensor({3.0, 0.1})));
}

TEST_CASE("running: extremes of a window") {
  MinMaxMetric extremes(RunningSum({.window = 2}));
  extremes.update(at::full({1}, 5.0));
  CHECK(extremes.compute().raw.item<double>() == 5);
  extremes.update(at::full({1}, 1.0));
  CHECK(extremes.compute().raw.item<double>() == 6);
  extremes.update(at::full({1}, 1.0));
  const auto value = extremes.compute();
  CHECK(value.raw.item<double>() == 2);
  CHECK(value.max.item<double>() == 6);
  CHECK(value.min.item<double>() == 2);
}

TEST_CASE("running: aggregators take numbers, weights and rows") {
  RunningMean mean({.window = 2});
  mean.update(100.0);
  mean.update(1.0, 3.0);
  CHECK(mean.forward(5.0).item<double>() == 5);
  CHECK(mean.compute().item<double>() == 2);
  mean.update(at::tensor({1.0, 50.0}), {}, metrics::Rows{.valid = at::tensor({1, 0}).to(at::kBool)});
  CHECK(mean.compute().item<double>() == 3);
  RunningSum sum({.window = 2, .nan_strategy = 10.0});
  CHECK(sum.forward(std::numeric_limits<double>::quiet_NaN()).item<double>() == 10);
  sum.update(at::tensor({1.0, 2.0}));
  CHECK(sum.compute().item<double>() == 13);
  CHECK(sum.to_string() == "RunningSum(window=2, nan_strategy=10.0)");
  const RunningSum copy = sum;
  sum.update(4.0);
  CHECK(RunningSum(copy).compute().item<double>() == 13);
}

}  // namespace running_test
