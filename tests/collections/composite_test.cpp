#include "core/fake_ranks.h"
#include "core/unit_of.h"
#include "core/user_metrics.h"
#include <metrics/aggregation/aggregation.h>
#include <metrics/classification/accuracy.h>
#include <metrics/collections/bootstrapping.h>
#include <metrics/collections/classwise.h>
#include <metrics/collections/composition.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/collections/minmax.h>
#include <metrics/collections/multioutput.h>
#include <metrics/collections/multitask.h>
#include <metrics/collections/running.h>
#include <metrics/collections/tracker.h>
#include <metrics/collections/transformations.h>
#include <metrics/core/errors.h>
#include <metrics/regression/mse.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

// Metrics made of others within metrics made of others: what each of them counts, and that all change or none.

namespace composite_test {
namespace {

using at::Tensor;
using metrics::BinaryTargetTransformer;
using metrics::BootStrapper;
using metrics::ClasswiseWrapper;
using metrics::CompositionalMetric;
using metrics::Metric;
using metrics::MetricCollection;
using metrics::MetricTracker;
using metrics::MinMaxMetric;
using metrics::MulticlassAccuracy;
using metrics::MultioutputWrapper;
using metrics::MultitaskWrapper;
using metrics::Running;
using metrics::share;
using metrics::SumMetric;
using metrics::classification::Average;
using metrics::testing::CollectedWarnings;
using metrics::testing::FakeRanks;
using metrics::testing::Tally;
using metrics::testing::unit_of;

const Tensor& two() {
  static const Tensor values = at::tensor({1.0f, 2.0f});
  return values;
}

MulticlassAccuracy by_class() {
  return MulticlassAccuracy({.num_classes = 3, .average = Average::None});
}

}  // namespace

TEST_CASE("composite: an update that throws is counted by none that it came through") {
  auto doubled = share(2 * share(Tally()));
  MetricCollection inner({{"doubled", doubled}, {"sum", SumMetric()}});
  auto wrapped = share(BinaryTargetTransformer(std::move(inner)));
  MetricCollection outer({{"wrapped", wrapped}, {"tally", Tally()}});
  CHECK_THROWS(outer.update(-two()));
  CHECK_THROWS(outer.forward(-two()));
  for (const Metric* metric : std::initializer_list<const Metric*>{&outer, &*wrapped, &*doubled}) {
    CHECK(metric->update_count() == 0);
    CHECK_FALSE(metric->update_called());
  }
  auto last = share(SumMetric() + 1);
  MetricCollection failing({{"last", last}, {"none", Tally({.finalise_throws = true})}});
  CHECK_THROWS(failing.forward(two()));
  CHECK(last->update_count() == 0);
}

TEST_CASE("composite: an update is counted by each that it comes through, once a batch") {
  auto sum = share(SumMetric());
  auto squared = share(sum * sum);
  auto fourth = share(squared * squared);
  auto collection = share(MetricCollection({{"fourth", fourth}, {"squared", squared}}));
  auto wrapped = share(BinaryTargetTransformer(collection));
  MetricCollection outer({{"wrapped", wrapped}});
  outer.update(two());
  outer.forward(two());
  outer.update({}, {{"value", two()}});
  for (const Metric* metric :
       std::initializer_list<const Metric*>{&outer, &*wrapped, &*collection, &*fourth, &*squared, &*sum}) {
    CAPTURE(metric->to_string());
    CHECK(metric->update_count() == 3);
  }
  Metric* const together[] = {&*squared, &*fourth, &*sum};
  metrics::update_together(together, {two()});
  CHECK(squared->update_count() == 4);
  CHECK(fourth->update_count() == 4);
  CHECK(outer.update_count() == 3);

  const MetricCollection copy = outer;
  CHECK(copy["wrapped"].update_count() == 3);
  outer.reset();
  CHECK(squared->update_count() == 0);
  CHECK(copy["wrapped"].update_count() == 3);
}

TEST_CASE("composite: one that is given two batches at once counts both, as its units do") {
  auto sum = share(SumMetric());
  auto doubled = share(2 * sum);
  MultitaskWrapper tasks({{"a", BinaryTargetTransformer(doubled)}, {"b", BinaryTargetTransformer(doubled)}});
  const auto call = [&](auto&& f) {
    CHECK_THROWS(f());  // SumMetric takes no target
    CHECK(doubled->update_count() == 0);
  };
  call([&] { tasks.update({{"a", two()}, {"b", two()}}, {{"a", two()}, {"b", two()}}); });
  auto error = share(metrics::MeanSquaredError());
  auto halved = share(error / 2);
  MultitaskWrapper pairs({{"a", halved}, {"b", halved}});
  pairs.update({{"a", two()}, {"b", two() + 1}}, {{"a", two()}, {"b", two()}});
  CHECK(error->update_count() == 2);
  CHECK(halved->update_count() == 2);
  CHECK(pairs.update_count() == 1);
  pairs.forward({{"a", two()}, {"b", two() + 1}}, {{"a", two()}, {"b", two()}});
  CHECK(error->update_count() == 4);
  CHECK(halved->update_count() == 4);
  CHECK(pairs.update_count() == 2);
}

TEST_CASE("composite: every wrapper counts what a collection feeds it") {
  MetricTracker tracked(SumMetric(), {.maximize = {true}});
  tracked.increment();
  MetricCollection metrics({{"boot", BootStrapper(SumMetric())},
                            {"extremes", MinMaxMetric(SumMetric())},
                            {"columns", MultioutputWrapper(SumMetric(), {.num_outputs = 2})},
                            {"tracked", std::move(tracked)},
                            {"running", Running(SumMetric(), {.window = 1})},
                            {"classes", ClasswiseWrapper(100 * share(metrics::CatMetric()))}});
  metrics.update(at::ones({3, 2}));
  metrics.forward(at::ones({3, 2}));
  for (const std::string& name : metrics.names()) {
    CAPTURE(name);
    CHECK(metrics[name].update_count() == 2);
  }
  CHECK(metrics["classes"].children().front().metric->update_count() == 2);
}

TEST_CASE("composite: merges and state dicts count for all below") {
  const auto made = [] { return MetricCollection({{"wrapped", BinaryTargetTransformer(2 * share(SumMetric()))}}); };
  const auto inner = [](const MetricCollection& of) { return of["wrapped"].children().front().metric->update_count(); };
  MetricCollection one = made(), other = made();
  one.update(two());
  other.update(two());
  other.update(two());
  one.merge(other);
  CHECK(one.update_count() == 3);
  CHECK(one["wrapped"].update_count() == 3);
  CHECK(inner(one) == 3);
  CHECK(inner(other) == 2);
  const auto tracked = [] {
    MetricTracker tracker(MetricCollection({{"a", by_class()}, {"b", by_class()}}), {.maximize = {true}});
    tracker.increment();
    return tracker;
  };
  MetricTracker tracker = tracked();
  tracker.merge(tracked());
  tracker.increment();  // a copy of a pattern that has not changed, whose metrics may begin together
  tracker.update(at::tensor({0, 1}), at::tensor({0, 2}));
  const auto members = tracker.step(1).children();
  CHECK(unit_of(*members[0].metric).shares_states_with(unit_of(*members[1].metric)));
  one.persistent(true);
  MetricCollection loaded = made();
  loaded.load_state_dict(one.state_dict());
  CHECK(loaded["wrapped"].update_count() == 3);
  CHECK(inner(loaded) == 3);
}

TEST_CASE("composite: a value before the first update warns, over ranks too, and not of those that had one elsewhere") {
  const auto warned = [](Metric& metric) {
    const CollectedWarnings warnings;
    metric.compute();
    return warnings.messages.size();
  };
  auto sum = share(SumMetric());
  MetricCollection metrics({{"doubled", 2 * sum}, {"extremes", MinMaxMetric(metrics::MeanMetric())}});
  CHECK(warned(metrics) == 2);
  sum->update(1);
  CHECK(warned(metrics) == 1);

  const MulticlassAccuracy other = by_class();
  ClasswiseWrapper wrapper(by_class());
  wrapper.set_metric_options({.process_group = std::make_shared<FakeRanks>(std::vector<const Metric*>{&other})});
  CHECK(warned(wrapper) == 1);
  wrapper.update(at::tensor({0, 1}), at::tensor({0, 1}));
  CHECK(warned(wrapper) == 0);
}

TEST_CASE("composite: copies of a metric warn as one") {
  const auto warned = [](const auto& call) {
    const CollectedWarnings warnings;
    call();
    return warnings.messages;
  };
  BootStrapper resamples(metrics::MeanMetric(), {.num_bootstraps = 5});
  metrics::MultioutputWrapper outputs(metrics::MeanSquaredError(), {.num_outputs = 3});
  CHECK(warned([&] { resamples.compute(); }).size() == 1);
  CHECK(warned([&] { resamples.compute(); }).size() == 1);
  CHECK(warned([&] { outputs.compute(); }).size() == 1);
  const BootStrapper other = resamples;
  std::vector<const Metric*> others;
  for (const auto& child : other.children()) others.push_back(child.metric);
  BootStrapper over_ranks = resamples;
  over_ranks.set_metric_options({.process_group = std::make_shared<FakeRanks>(others)});
  CHECK(warned([&] { over_ranks.compute(); }).size() == 1);

  const Tensor with_nan = at::full({30}, std::nan(""));
  CHECK(warned([&] { resamples.update(with_nan); }).size() == 1);
  CHECK(warned([&] { resamples.forward(with_nan); }).size() == 1);
  MetricCollection two({{"a", metrics::MeanMetric()}, {"b", SumMetric()}});
  CHECK(warned([&] { two.update(with_nan); }).size() == 2);
}

TEST_CASE("composite: extremes are put back when another member throws after they were taken") {
  auto extremes = share(MinMaxMetric(SumMetric()));
  auto wrapped = share(BinaryTargetTransformer(MetricCollection({{"extremes", extremes}})));
  auto tally = share(Tally({.finalise_throws = true}));
  MetricCollection metrics({{"wrapped", wrapped}, {"tally", tally}});
  extremes->update(at::full({1}, 5.0));
  extremes->compute();
  extremes->reset();
  metrics.update(at::full({1}, 70.0));
  CHECK_THROWS_WITH_AS(metrics.compute(), doctest::Contains("member `tally`"), metrics::Error);
  CHECK_THROWS_WITH_AS(metrics.forward(at::full({1}, 2.0)), doctest::Contains("member `tally`"), metrics::Error);
  extremes->reset();
  extremes->update(at::full({1}, 6.0));
  const auto value = extremes->compute();
  CHECK(value.max.item<double>() == 6);
  CHECK(value.min.item<double>() == 5);
}

TEST_CASE("composite: extremes of a tracker's steps are put back when a step throws") {
  // The pattern's value is one number until an update of two.
  MetricTracker tracker(MinMaxMetric(metrics::CatMetric()), {.maximize = {true}});
  tracker.increment();
  tracker.update(at::full({1}, 3.0));
  tracker.increment();
  tracker.update(two());
  CHECK_THROWS_AS(tracker.compute_all(), metrics::Error);
  CHECK_THROWS_AS(tracker.best_metrics(), metrics::Error);
  auto& first = dynamic_cast<MinMaxMetric&>(tracker.step(0));
  first.reset();
  first.update(at::full({1}, 4.0));
  CHECK(first.compute().min.item<double>() == 4);
}

}  // namespace composite_test
