#include "core/fake_ranks.h"
#include "core/unit_of.h"
#include "core/user_metrics.h"
#include <metrics/classification/accuracy.h>
#include <metrics/classification/auroc.h>
#include <metrics/classification/confusion_matrix.h>
#include <metrics/classification/f_beta.h>
#include <metrics/classification/precision_recall.h>
#include <metrics/collections/composition.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/collections/minmax.h>
#include <metrics/core/dynamic.h>
#include <metrics/core/errors.h>
#include <metrics/regression/mse.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

#include <concepts>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace metric_collection_test {
namespace {

using at::Tensor;
using metrics::InvalidArgument;
using metrics::MeanSquaredError;
using metrics::Metric;
using metrics::MetricCollection;
using metrics::MetricHandle;
using metrics::MinMaxMetric;
using metrics::MulticlassAccuracy;
using metrics::MulticlassConfusionMatrix;
using metrics::MulticlassF1Score;
using metrics::MulticlassPrecision;
using metrics::MulticlassRecall;
using metrics::Rows;
using metrics::share;
using metrics::classification::Average;
using metrics::testing::CollectedWarnings;
using metrics::testing::FakeRanks;
using metrics::testing::Tally;
using metrics::testing::unit_of;

Tensor labels(std::vector<int64_t> values) {
  return at::tensor(values, at::kLong);
}

const Tensor& preds() {
  static const Tensor tensor = labels({0, 1, 2, 1, 0, 2, 2, 1});
  return tensor;
}
const Tensor& target() {
  static const Tensor tensor = labels({0, 1, 1, 1, 2, 2, 0, 1});
  return tensor;
}

/// The value of a metric of its own that has seen the same.
template <class M>
Tensor alone(typename M::Options options, int updates = 1) {
  M metric(options);
  for (int i = 0; i < updates; ++i) metric.update(preds(), target());
  return metric.compute();
}

bool equal(const c10::IValue& value, const Tensor& expected) {
  return value.isTensor() && at::equal(value.toTensor(), expected);
}

MetricCollection three() {
  return MetricCollection({MulticlassAccuracy({.num_classes = 3}),
                           MulticlassPrecision({.num_classes = 3}),
                           {"f1", MulticlassF1Score({.num_classes = 3})}});
}

}  // namespace

TEST_CASE("collection: refuses names that occur twice, are empty, have dots or are not there") {
  const CollectedWarnings warnings;
  CHECK_THROWS_WITH_AS(
      MetricCollection({MulticlassAccuracy({.num_classes = 3}), MulticlassAccuracy({.num_classes = 4})}),
      doctest::Contains("two members `MulticlassAccuracy`"), InvalidArgument);
  MetricCollection metrics = three();
  CHECK_THROWS_AS(metrics.add({"f1", MeanSquaredError()}), InvalidArgument);
  CHECK_THROWS_WITH_AS(metrics.add({"a.b", MeanSquaredError()}), doctest::Contains("no dot"), InvalidArgument);
  CHECK_THROWS_WITH_AS(metrics["recall"], doctest::Contains("it has: MulticlassAccuracy, MulticlassPrecision, f1"),
                       InvalidArgument);
  CHECK_THROWS_AS(metrics.remove("recall"), InvalidArgument);
  CHECK_THROWS_WITH_AS(metrics.at<MeanSquaredError>("f1"), doctest::Contains("MulticlassF1Score("), InvalidArgument);
  CHECK_THROWS_WITH_AS(metrics.add(std::unique_ptr<Metric>()), doctest::Contains("null"), InvalidArgument);
  auto itself = share(three());
  CHECK_THROWS_WITH_AS(itself->add({"again", itself}), doctest::Contains("itself"), InvalidArgument);
  CHECK_THROWS_WITH_AS(itself->add({"around", metrics::MinMaxMetric(100 * itself)}), doctest::Contains("itself"),
                       InvalidArgument);
  CHECK(itself->size() == 3);
  auto moved = share(MeanSquaredError());
  const auto taken = std::move(moved);
  CHECK_THROWS_WITH_AS(metrics.add(moved), doctest::Contains("null"), InvalidArgument);
  // Of a collection that comes in, nothing stays when one name is taken.
  CHECK_THROWS_AS(metrics.add(MetricCollection({MeanSquaredError(), {"f1", MeanSquaredError()}})), InvalidArgument);
  CHECK(metrics.size() == 3);
  CHECK_THROWS_WITH_AS(metrics.compute().at("recall"), doctest::Contains("there are: MulticlassAccuracy"),
                       InvalidArgument);
}

TEST_CASE("collection: a plain metric with a name of its own in the program cannot be put in by accident") {
  static_assert(!std::convertible_to<MulticlassAccuracy&, MetricHandle>);
  static_assert(!std::convertible_to<const MulticlassAccuracy&, MetricHandle>);
  static_assert(std::convertible_to<MulticlassAccuracy, MetricHandle>);
}

TEST_CASE("collection: JSON that is none is refused, each time saying why") {
  const auto refused = [](const char* json, const char* why) {
    CHECK_THROWS_WITH_AS(MetricCollection::from_json(json), doctest::Contains(why), InvalidArgument);
  };
  refused("{", "not JSON");
  refused("{}", "option `metrics` is required");
  refused(R"({"metrics": [7]})", "option `metrics` expects metric, got 7");
  refused(R"({"metrics": {"mse": 7}})", "option `metrics.mse` expects metric");
  refused(R"({"metrics": ["Nothing"]})", "Nothing");
  refused(R"({"metrics": [], "suffix": "x"})", "unknown option `suffix`; allowed: metrics prefix postfix");
  refused(R"({"metrics": [], "prefix": 3})", "option `prefix` expects str");
  refused(R"({"metrics": [{"name": "MeanSquaredError", "squared": true}]})", "expects metric");
}

TEST_CASE("collection: a call that throws changes no member and names the one that failed") {
  auto tally = share(Tally());
  MetricCollection metrics({MeanSquaredError(), {"tally", tally}});
  CHECK_THROWS_WITH_AS(metrics.update(at::ones({2}), at::ones({2})),  // Tally takes one input
                       doctest::Contains("MetricCollection member `tally`: Tally"), InvalidArgument);
  CHECK(metrics["MeanSquaredError"].update_count() == 0);
  CHECK(tally->update_count() == 0);

  MetricCollection failing({{"first", Tally()}, {"second", Tally({.finalise_throws = true})}});
  failing.update(at::ones({2}));
  CHECK_THROWS_WITH_AS(failing.compute(), doctest::Contains("MetricCollection member `second`: no value"),
                       metrics::Error);
  MetricCollection classes(
      {{"three", MulticlassAccuracy({.num_classes = 3})}, {"two", MulticlassConfusionMatrix({.num_classes = 2})}});
  const char* const of_two = "MetricCollection member `two`: MulticlassConfusionMatrix: ";
  CHECK_THROWS_WITH_AS(classes.update(preds(), target()), doctest::Contains(of_two), InvalidArgument);
  CHECK(classes["three"].update_count() == 0);
  CHECK(classes.update_count() == 0);
  CHECK_THROWS_WITH_AS(classes.forward(preds(), target()), doctest::Contains(of_two), InvalidArgument);
  CHECK(classes["three"].update_count() == 0);
  CHECK_THROWS_WITH_AS(classes.update({preds()}, {{"goal", target()}}), doctest::Contains("no member takes an input"),
                       InvalidArgument);
}

TEST_CASE("collection: an error names the metric and its place, however deep it is") {
  MetricCollection metrics(
      {{"error", MeanSquaredError()}, {"extremes", MinMaxMetric(MulticlassAccuracy({.num_classes = 2}))}});
  const char* const of_extremes = "MetricCollection member `extremes._base_metric`: MulticlassAccuracy: ";
  const Tensor classes = labels({0, 5});
  CHECK_THROWS_WITH_AS(metrics.update(classes, classes), doctest::Contains(of_extremes), InvalidArgument);
  CHECK_THROWS_WITH_AS(metrics.forward(classes, classes), doctest::Contains(of_extremes), InvalidArgument);
  MinMaxMetric extremes(Tally({.finalise_throws = true}));
  extremes.update(at::ones({1}));
  CHECK_THROWS_WITH_AS(extremes.compute(), doctest::Contains("MinMaxMetric member `_base_metric`: no value"),
                       metrics::Error);
  MetricCollection both({{"extremes", std::move(extremes)}, {"sum", Tally()}});
  CHECK_THROWS_WITH_AS(both.compute(),
                       doctest::Contains("MetricCollection member `extremes`: MinMaxMetric member `_base_metric`: no"),
                       metrics::Error);
}

TEST_CASE("collection: members give what they would give alone, under names in their order") {
  MetricCollection metrics = three();
  metrics.update(preds(), target());
  metrics.update(preds(), target());
  const auto values = metrics.compute();
  CHECK(metrics.names() == std::vector<std::string>{"MulticlassAccuracy", "MulticlassPrecision", "f1"});
  REQUIRE(values.size() == 3);
  CHECK(values.begin()->first == "MulticlassAccuracy");
  CHECK(equal(values.at("MulticlassAccuracy"), alone<MulticlassAccuracy>({.num_classes = 3}, 2)));
  CHECK(equal(values.at("MulticlassPrecision"), alone<MulticlassPrecision>({.num_classes = 3}, 2)));
  CHECK(equal(values.at("f1"), alone<MulticlassF1Score>({.num_classes = 3}, 2)));
  CHECK(metrics.at<MulticlassF1Score>("f1").update_count() == 2);
  CHECK(metrics.update_count() == 2);
  metrics.reset();
  CHECK(metrics["f1"].update_count() == 0);
  CHECK(metrics.update_count() == 0);
}

TEST_CASE("collection: forward gives the batch's values and accumulates") {
  MetricCollection metrics = three();
  metrics.update(preds(), target());
  const Tensor wrong = labels({1, 2, 0}), right = labels({1, 2, 0});
  const auto batch = metrics.forward(wrong, right);
  CHECK(batch.tensor("f1").item<double>() == 1);
  MulticlassF1Score expected({.num_classes = 3});
  expected.update(preds(), target());
  expected.update(wrong, right);
  CHECK(at::equal(metrics.compute().tensor("f1"), expected.compute()));
  CHECK(metrics["f1"].update_count() == 2);
}

TEST_CASE("collection: to call one, a formula or a wrapper is forward") {
  MetricCollection metrics({{"f1", MulticlassF1Score({.num_classes = 3})}});
  MetricCollection forwarded = metrics;
  CHECK(at::equal(metrics(preds(), target()).tensor("f1"), forwarded.forward(preds(), target()).tensor("f1")));
  CHECK(metrics["f1"].update_count() == 1);
  const auto twice = [] { return 2 * MulticlassAccuracy({.num_classes = 3}); };
  CHECK(at::equal(twice()(preds(), target()), twice().forward(preds(), target())));
  MinMaxMetric extremes(MulticlassAccuracy({.num_classes = 3}));
  static_assert(std::same_as<decltype(extremes(preds(), target())), decltype(extremes.forward(preds(), target()))>);
}

TEST_CASE("collection: forward carries gradients where a member does, and accumulates none") {
  MetricCollection metrics({MeanSquaredError()});
  const Tensor input = at::tensor({1.0, 2.0}).requires_grad_();
  const Tensor value = metrics.forward(input, at::tensor({0.0, 0.0})).tensor("MeanSquaredError");
  REQUIRE(value.requires_grad());
  value.backward();
  CHECK(at::equal(input.grad(), at::tensor({1.0, 2.0})));
  CHECK_FALSE(metrics.compute().tensor("MeanSquaredError").requires_grad());
}

TEST_CASE("collection: prefix, postfix, and collections in collections") {
  MetricCollection inner({{"acc", MulticlassAccuracy({.num_classes = 3})}}, {.prefix = "in_"});
  MetricCollection metrics({{"group", MetricCollection(inner)}, MulticlassPrecision({.num_classes = 3})},
                           {.prefix = "val/", .postfix = "_x"});
  const std::string before = metrics.to_string();
  metrics.add(MetricCollection(inner));
  CHECK(metrics.to_string() != before);
  metrics.update(preds(), target());
  CHECK(metrics.names() == std::vector<std::string>{"group_in_acc", "MulticlassPrecision", "in_acc"});
  CHECK(metrics.compute().contains("val/group_in_acc_x"));
  const MetricCollection test = metrics.with_names({.prefix = "test/"});
  CHECK(MetricCollection(test).compute().contains("test/in_acc"));
  metrics.remove("in_acc");
  CHECK(metrics.size() == 2);
  CHECK(metrics.to_string() == before);
}

TEST_CASE("collection: keys of a member's value that are another's name or key come after the member's name") {
  const auto extremes = [] { return metrics::MinMaxMetric(MeanSquaredError()); };
  MetricCollection twice({{"a", extremes()}, {"b", extremes()}, {"mse", MeanSquaredError()}});
  MetricCollection named({{"raw", MeanSquaredError()}, {"a", extremes()}, {"mse", MeanSquaredError()}});
  for (MetricCollection* collection : {&twice, &named}) {
    collection->update(at::ones({2}), at::zeros({2}));
    const auto values = collection->compute();
    CHECK(values.size() == (collection == &twice ? 7 : 5));
    CHECK(values.contains("a_raw"));
    CHECK(values.contains("a_max"));
    CHECK(values.contains(collection == &twice ? "b_raw" : "raw"));
  }
}

TEST_CASE("collection: from names and from JSON, like that of the initialiser list") {
  const std::vector<std::string> names{"MulticlassAccuracy", "MulticlassPrecision"};
  MetricCollection named = MetricCollection::of_names(names, {{"num_classes", 3}});
  MetricCollection read = MetricCollection::from_json(R"({
      "metrics": {"acc": {"name": "Accuracy", "options": {"task": "multiclass", "num_classes": 3}},
                  "mse": "MeanSquaredError"}, "prefix": "val_"})");
  auto created = metrics::create_from_json(R"({"name": "MetricCollection", "options": {"metrics": [
      {"name": "MulticlassPrecision", "options": {"num_classes": 3}}]}})");
  named.update(preds(), target());
  read.update(preds(), target());
  created->update({preds(), target()});
  CHECK(equal(named.compute().at("MulticlassAccuracy"), alone<MulticlassAccuracy>({.num_classes = 3})));
  CHECK(equal(read.compute().at("val_acc"), alone<MulticlassAccuracy>({.num_classes = 3, .average = Average::Micro})));
  CHECK(read.at<MeanSquaredError>("mse").update_count() == 1);
  CHECK(created->compute().toGenericDict().size() == 1);
  CHECK(named.to_string().starts_with("MetricCollection(MulticlassAccuracy=MulticlassAccuracy(num_classes=3"));
}

TEST_CASE("collection: inputs by name reach the members that take them") {
  MetricCollection metrics({MulticlassAccuracy({.num_classes = 3}), {"tally", Tally()}});
  metrics.update({}, {{"preds", preds()}, {"target", target()}, {"value", at::ones({2})}});
  CHECK(equal(metrics.compute().at("MulticlassAccuracy"), alone<MulticlassAccuracy>({.num_classes = 3})));
  CHECK(metrics.compute().tensor("tally").item<double>() == 2);
}

TEST_CASE("collection: rows that are not valid are left out") {
  MetricCollection metrics({MulticlassAccuracy({.num_classes = 3, .average = Average::Micro})});
  metrics.update(labels({0, 1}), labels({0, 2}), Rows{.valid = labels({1, 0}).to(at::kBool)});
  CHECK(metrics.compute().tensor("MulticlassAccuracy").item<double>() == 1);
}

// What went wrong in torchmetrics, where members share states that happen to be equal.

TEST_CASE("collection: members that do the same keep one state for as long as they are updated together") {
  MetricCollection metrics = three();
  const metrics::Unit& accuracy = unit_of(metrics["MulticlassAccuracy"]);
  const metrics::Unit& f1 = unit_of(metrics["f1"]);
  metrics.update(preds(), target());
  CHECK(accuracy.shares_states_with(f1));
  metrics.forward(preds(), target());
  CHECK(accuracy.shares_states_with(f1));
  MetricCollection copy = metrics;
  CHECK(unit_of(copy["f1"]).shares_states_with(unit_of(copy["MulticlassAccuracy"])));
  CHECK_FALSE(unit_of(copy["f1"]).shares_states_with(f1));
  MetricCollection assigned;
  assigned = metrics;
  CHECK(unit_of(assigned["f1"]).shares_states_with(unit_of(assigned["MulticlassAccuracy"])));
  metrics.set_dtype(at::kDouble);
  CHECK(accuracy.shares_states_with(f1));
  metrics.reset();
  metrics.update(preds(), target());
  CHECK(accuracy.shares_states_with(f1));
  metrics.merge(MetricCollection(metrics));
  CHECK(accuracy.shares_states_with(f1));
  CHECK(f1.update_count() == 2);
}

TEST_CASE("collection: a member that is changed by itself goes on with a state of its own") {
  MetricCollection metrics = three();
  metrics.update(preds(), target());
  SUBCASE("updated") {
    metrics["f1"].update({preds(), target()});
  }
  SUBCASE("reset") {
    metrics["f1"].reset();
  }
  SUBCASE("merged") {
    MulticlassF1Score other({.num_classes = 3});
    other.update(preds(), target());
    metrics["f1"].merge(other);
  }
  SUBCASE("loaded") {
    MulticlassF1Score other({.num_classes = 3});
    other.persistent(true);
    for (int i = 0; i < 3; ++i) other.update(preds(), target());
    metrics["f1"].load_state_dict(other.state_dict());
  }
  const int64_t own = metrics["f1"].update_count();
  CHECK(own != 1);
  CHECK(metrics["MulticlassAccuracy"].update_count() == 1);
  CHECK_FALSE(unit_of(metrics["f1"]).shares_states_with(unit_of(metrics["MulticlassAccuracy"])));
  metrics.update(preds(), target());
  CHECK(metrics["f1"].update_count() == own + 1);
  CHECK(metrics["MulticlassAccuracy"].update_count() == 2);
  CHECK(equal(metrics.compute().at("f1"), alone<MulticlassF1Score>({.num_classes = 3}, static_cast<int>(own) + 1)));
  CHECK(equal(metrics.compute().at("MulticlassPrecision"), alone<MulticlassPrecision>({.num_classes = 3}, 2)));
}

TEST_CASE("collection: a member of another dtype keeps it") {
  MetricCollection metrics = three();
  metrics["f1"].set_dtype(at::kDouble);
  metrics.update(preds(), target());
  CHECK((metrics.compute().tensor("f1").scalar_type() == at::kDouble));
  CHECK((metrics.compute().tensor("MulticlassPrecision").scalar_type() == at::kFloat));
  CHECK_FALSE(unit_of(metrics["f1"]).shares_states_with(unit_of(metrics["MulticlassPrecision"])));
}

TEST_CASE("collection: states that are equal by chance are not one") {
  // The first batch is counted alike by all of these, the second is not.
  MetricCollection metrics(
      {{"plain", MulticlassAccuracy({.num_classes = 3, .average = Average::Micro})},
       {"ignoring", MulticlassAccuracy({.num_classes = 3, .average = Average::Micro, .ignore_index = 2})},
       {"top2", MulticlassAccuracy({.num_classes = 3, .top_k = 2, .average = Average::Micro})}});
  const Tensor sure = at::eye(3).slice(0, 0, 2);
  metrics.update(sure, labels({0, 1}));
  metrics.update(at::tensor({0.5, 0.4, 0.1, 0.2, 0.5, 0.3}).view({2, 3}), labels({1, 2}));
  CHECK(metrics.compute().tensor("plain").item<double>() == 0.5);
  CHECK(metrics.compute().tensor("ignoring").item<double>() == doctest::Approx(2.0 / 3));
  CHECK(metrics.compute().tensor("top2").item<double>() == 1);
}

TEST_CASE("collection: what is added later begins with its own state") {
  MetricCollection metrics = three();
  metrics.update(preds(), target());
  metrics.add({"recall", MulticlassRecall({.num_classes = 3})});
  metrics.update(preds(), target());
  CHECK(metrics["recall"].update_count() == 1);
  CHECK(metrics["f1"].update_count() == 2);
}

TEST_CASE("collection: whatever happens to members between updates, each has what it would have alone") {
  const CollectedWarnings warnings;
  const auto members = [] {
    std::vector<std::pair<std::string, MetricHandle>> made;
    made.emplace_back("accuracy", MulticlassAccuracy({.num_classes = 3}));
    made.emplace_back("f1", MulticlassF1Score({.num_classes = 3}));
    made.emplace_back("precision", MulticlassPrecision({.num_classes = 3, .average = Average::Weighted}));
    made.emplace_back("micro", MulticlassAccuracy({.num_classes = 3, .average = Average::Micro}));
    made.emplace_back("micro recall", MulticlassRecall({.num_classes = 3, .average = Average::Micro}));
    made.emplace_back("confusion", MulticlassConfusionMatrix({.num_classes = 3}));
    made.emplace_back("mse", MeanSquaredError());
    return made;
  };
  const std::vector<std::pair<std::string, MetricHandle>> alone = members();
  MetricCollection together;
  for (const auto& [name, metric] : members()) together.add({name, metric});
  std::minstd_rand random(13);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const auto all = [&](const auto& change) {
    for (const auto& [name, metric] : alone) change(*metric);
    change(together);
  };
  const auto one = [&](const auto& change) {
    const auto& [name, metric] = alone[below(alone.size())];
    change(*metric);
    change(together[name]);
  };
  const auto update = [&](Metric& metric) { metric.update({preds(), target()}); };
  for (int step = 0; step < 1500; ++step) {
    const std::size_t what = below(16);
    CAPTURE(step);
    CAPTURE(what);
    if (what == 0) all([](Metric& metric) { metric.reset(); });
    if (what == 1) one([](Metric& metric) { metric.reset(); });
    if (what == 2) one(update);
    if (what == 3) one([](Metric& metric) { metric.set_dtype(at::kDouble); });
    if (what == 4) all([](Metric& metric) { metric.set_dtype(at::kFloat); });
    if (what == 5) one([&](Metric& metric) { metric.merge(*metric.clone()); });
    if (what == 6) {
      one([&](Metric& metric) {
        const std::unique_ptr<Metric> other = metric.clone();
        other->persistent(true);
        other->reset();
        update(*other);
        metric.load_state_dict(other->state_dict());
      });
    }
    if (what == 7) together = MetricCollection(together);
    if (what == 8) all([&](Metric& metric) { metric.forward({preds(), target()}); });
    if (what == 9) {
      const std::string& name = alone[below(alone.size())].first;
      const MetricHandle copy(together[name].clone());
      together.remove(name);
      together.add({name, copy});
    }
    if (what == 10) {
      CHECK_THROWS_AS(together.update(preds(), labels({0, 1, 1, 1, 2, 2, 0, 3})), InvalidArgument);
    }
    if (what >= 11) all(update);
    for (const auto& [name, metric] : alone) {
      CAPTURE(name);
      REQUIRE(together[name].update_count() == metric->update_count());
      REQUIRE((together[name].dtype() == metric->dtype()));
      // Of those that keep their values some are not asked each time.
      const bool asked = below(2) == 0 && metric->update_count() > 0;
      if (asked) REQUIRE(equal(together[name].compute(), metric->compute().toTensor()));
    }
  }
}

TEST_CASE("collection: a member of two is changed by one of them without those of the other") {
  for (const bool with_more : {false, true}) {
    CAPTURE(with_more);
    auto accuracy = share(MulticlassAccuracy({.num_classes = 3}));
    auto f1 = share(MulticlassF1Score({.num_classes = 3}));
    MetricCollection one({{"accuracy", accuracy}, {"f1", f1}, {"recall", MulticlassRecall({.num_classes = 3})}});
    MetricCollection other({{"accuracy", accuracy}});
    if (with_more) other.add({"f1", f1});
    one.update(preds(), target());
    for (int updates = 1; updates <= 4; ++updates) {
      other.update(preds(), target());
      CHECK(accuracy->update_count() == updates + 1);
      CHECK(f1->update_count() == (with_more ? updates + 1 : 1));
      CHECK(one["recall"].update_count() == 1);
      CHECK(equal(one.compute().at("recall"), alone<MulticlassRecall>({.num_classes = 3})));
      CHECK(accuracy->shares_states_with(*f1) == with_more);
      CHECK_FALSE(accuracy->shares_states_with(unit_of(one["recall"])));
    }
    one.update(preds(), target());
    CHECK(accuracy->update_count() == 6);
    CHECK(one["recall"].update_count() == 2);
  }
}

TEST_CASE("collection: of members that were updated before, none changes where a later one fails") {
  // `two` is the last, because none has more counts and it comes first among those that have as many.
  MetricCollection metrics({{"two", MulticlassConfusionMatrix({.num_classes = 2})},
                            {"micro", MulticlassAccuracy({.num_classes = 3, .average = Average::Micro})},
                            {"recall", MulticlassRecall({.num_classes = 3, .average = Average::Micro})},
                            {"sum", metrics::testing::SquaredError()}});
  for (int i = 0; i < 3; ++i) metrics.update(labels({0, 1, 1, 0}), labels({0, 1, 0, 0}));
  const auto before = metrics.compute();
  const metrics::StatesByName states = metrics.metric_state();
  for (int i = 0; i < 2; ++i) {
    CHECK_THROWS_WITH_AS(metrics.update(preds(), target()), doctest::Contains("MetricCollection member `two`: "),
                         InvalidArgument);
    CHECK(metrics.update_count() == 3);
    CHECK(unit_of(metrics["recall"]).shares_states_with(unit_of(metrics["micro"])));
    const metrics::StatesByName after = metrics.metric_state();
    for (const auto& [name, value] : states) {
      CAPTURE(name);
      if (const auto* tensor = std::get_if<Tensor>(&value)) CHECK(at::equal(std::get<Tensor>(after.at(name)), *tensor));
    }
    for (const auto& [name, value] : before) {
      CHECK(metrics[name].update_count() == 3);
      CHECK(equal(metrics.compute().at(name), value.toTensor()));
    }
  }
  metrics.update(labels({0, 1, 1, 0}), labels({0, 1, 0, 0}));
  CHECK(metrics["recall"].update_count() == 4);
  CHECK(metrics.compute().tensor("micro").item<float>() == 0.75f);
}

TEST_CASE("collection: merged with one whose members have gone apart") {
  MetricCollection one = three(), other = three();
  one.update(preds(), target());
  other.update(preds(), target());
  other["f1"].update({preds(), target()});
  one.merge(other);
  CHECK(one["f1"].update_count() == 3);
  CHECK(one["MulticlassAccuracy"].update_count() == 2);
  CHECK_THROWS_AS(one.merge(MetricCollection({MeanSquaredError()})), InvalidArgument);
}

TEST_CASE("collection: a handle is one metric in two collections, and in a copy its copies are one") {
  auto accuracy = share(MulticlassAccuracy({.num_classes = 3}));
  MetricCollection metrics({{"a", accuracy}, {"b", accuracy}});
  metrics.update(preds(), target());
  CHECK(accuracy->update_count() == 1);
  const MetricCollection copy = metrics;
  CHECK(&copy["a"] == &copy["b"]);
  CHECK(&copy["a"] != &*accuracy);
}

TEST_CASE("collection: state dicts keep members under their names, and load all or nothing") {
  MetricCollection metrics = three();
  metrics.update(preds(), target());
  CHECK(metrics.state_dict().states.empty());
  metrics.persistent(true);
  auto dict = metrics.state_dict("m.");
  CHECK(dict.states.contains("m.f1.tp"));
  MetricCollection loaded = three();
  loaded.load_state_dict(dict, "m.");
  CHECK(equal(loaded.compute().at("f1"), alone<MulticlassF1Score>({.num_classes = 3})));
  CHECK(loaded["f1"].update_count() == 1);
  dict.states.erase("m.f1.tp");
  MetricCollection untouched = three();
  CHECK_THROWS_WITH_AS(untouched.load_state_dict(dict, "m."), doctest::Contains("m.f1.tp"), InvalidArgument);
  CHECK(untouched["MulticlassAccuracy"].update_count() == 0);
  dict = metrics.state_dict("m.");
  dict.states["m.other.tp"] = at::zeros({3});
  CHECK_THROWS_WITH_AS(untouched.load_state_dict(dict, "m."), doctest::Contains("m.other.tp"), InvalidArgument);
}

TEST_CASE("collection: synced and unsynced as one, and not updated in between") {
  MetricCollection metrics({{"tally", Tally()}});
  Tally other;
  other.update(at::ones({3}));
  const auto ranks = std::make_shared<FakeRanks>(std::vector<const Metric*>{&other});
  metrics.set_metric_options({.process_group = ranks});
  metrics.update(at::ones({2}));
  CHECK(metrics.compute().tensor("tally").item<double>() == 5);
  CHECK(ranks->calls == 1);
  CHECK(metrics.compute().tensor("tally").item<double>() == 5);
  CHECK(metrics["tally"].metric_state().size() > 0);
  metrics.sync();
  CHECK(metrics.is_synced());
  CHECK_THROWS_AS(metrics.update(at::ones({2})), metrics::Error);
  CHECK(metrics.compute().tensor("tally").item<double>() == 5);
  metrics.unsync();
  CHECK_THROWS_AS(metrics.unsync(), metrics::Error);
  CHECK_FALSE(metrics.is_synced());
  ranks->fails = true;
  CHECK_THROWS_AS(metrics.compute(), metrics::SyncError);
  metrics.update(at::ones({2}));
  ranks->fails = false;
  CHECK(metrics.compute().tensor("tally").item<double>() == 7);
}

TEST_CASE("collection: forward over ranks with dist_sync_on_step") {
  MetricCollection metrics({{"tally", Tally()}});
  Tally other;
  other.update(at::ones({3}));
  const auto ranks = std::make_shared<FakeRanks>(std::vector<const Metric*>{&other});
  metrics.set_metric_options({.dist_sync_on_step = true, .process_group = ranks});
  metrics.update(at::ones({10}));
  CHECK(metrics.forward(at::ones({2})).tensor("tally").item<double>() == 5);
  CHECK(unit_of(metrics["tally"]).states()["total"].tensor().item<double>() == 12);
}

TEST_CASE("collection: values print by name") {
  MetricCollection metrics({{"mse", MeanSquaredError()}});
  metrics.update(at::tensor({1.0, 3.0}), at::tensor({1.0, 1.0}));
  std::ostringstream text;
  text << metrics.compute();
  CHECK(text.str() == "mse: 2\n");
}

}  // namespace metric_collection_test
