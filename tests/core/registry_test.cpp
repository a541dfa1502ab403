#include "user_metrics.h"
#include <metrics/aggregation/aggregation.h>
#include <metrics/collections/composite.h>
#include <metrics/core/dynamic.h>
#include <metrics/core/registry.h>

#include <doctest/doctest.h>

#include <algorithm>

namespace registry_test {
namespace {

using metrics::call;
using metrics::create;
using metrics::create_from_json;
using metrics::InvalidArgument;
using metrics::Kwargs;
using metrics::Metric;
using metrics::MetricEntry;
using metrics::testing::Seen;
using metrics::testing::Tally;

const at::Tensor& three() {
  static const at::Tensor values = at::tensor({1.0f, 2.0f, 4.0f});
  return values;
}

/// Registers the user's metric once for all cases of this file.
void with_seen() {
  static const bool once = (metrics::register_metric<Seen>(), true);
  REQUIRE(once);
}

void refused_json(const char* json, const char* why) {
  CAPTURE(std::string(json).substr(0, 80));
  CHECK_THROWS_WITH_AS(create_from_json(json), doctest::Contains(why), InvalidArgument);
}

}  // namespace

TEST_CASE("an unknown name is refused, and so is an unknown or ill-typed option") {
  CHECK_THROWS_WITH_AS(create("SumMetrics"), doctest::Contains("unknown metric `SumMetrics`"), InvalidArgument);
  CHECK_THROWS_WITH_AS(create("SumMetric", {{"nan_stratgy", "warn"}}),
                       doctest::Contains("unknown option `nan_stratgy`; allowed: nan_strategy"), InvalidArgument);
  CHECK_THROWS_WITH_AS(create("SumMetric", {{"nan_strategy", "wran"}}), doctest::Contains("'wran'"), InvalidArgument);
  CHECK_THROWS_WITH_AS(create("SumMetric", {{"sync_on_compute", "yes"}}),
                       doctest::Contains("option `sync_on_compute` expects bool, got 'yes'"), InvalidArgument);
  CHECK_THROWS_WITH_AS(create("SumMetric", {{"dist_sync_fn", 1}}), doctest::Contains("set it in MetricOptions"),
                       InvalidArgument);
}

TEST_CASE("a metric is created by name, with its own options and the common ones") {
  const auto metric = create("SumMetric",
                             {{"nan_strategy", "ignore"},
                              {"compute_with_cache", false},
                              {"sync_on_compute", false},
                              {"process_group", c10::IValue()}},
                             {.compute_on_cpu = true, .sync_on_compute = true});
  CHECK(metric->name() == "SumMetric");
  CHECK(metric->to_string() == "SumMetric(nan_strategy='ignore')");
  CHECK_FALSE(metric->metric_options().compute_with_cache);
  CHECK_FALSE(metric->metric_options().sync_on_compute);
  CHECK(metric->metric_options().compute_on_cpu);
  metric->update({three()});
  metric->update({}, {{"value", 3}});
  CHECK(metric->compute().toTensor().item<float>() == 10);
}

TEST_CASE("a metric is created from JSON") {
  const auto metric = create_from_json(R"({"name": "MeanMetric", "options": {"nan_strategy": 2.5}})");
  CHECK(metric->to_string() == "MeanMetric(nan_strategy=2.5)");
  metric->update({std::nan("")});
  CHECK(metric->compute().toTensor().item<float>() == 2.5);
  CHECK(create_from_json(R"({"name": "MaxMetric"})")->name() == "MaxMetric");
  const Kwargs options = metrics::options_from_json(R"({"a": [1, 2.5, "x"], "b": null, "c": true})");
  CHECK(metrics::describe(options.at("a")) == "[1, 2.5, 'x']");
  CHECK(options.at("b").isNone());
  CHECK(options.at("c").toBool());
}

TEST_CASE("text that is no metric in JSON is refused") {
  refused_json("{", "not JSON");
  refused_json("", "not JSON");
  refused_json("[]", "an object with a string `name`");
  refused_json("{}", "`name`");
  refused_json(R"({"name": 3})", "`name`");
  refused_json(R"({"name": "SumMetric", "option": {}})", "not `option`");
  refused_json(R"({"name": "SumMetric", "options": []})", "options must be a JSON object");
  refused_json(R"({"name": "SumMetric", "options": {"nan_strategy": {"a": 1}}})", "option `nan_strategy`");
  refused_json(R"({"name": "SumMetric", "options": {"nan_strategy": 18446744073709551615}})", "no int64");
  refused_json(R"({"name": "Sum"})", "unknown metric `Sum`");
  const std::string deep =
      R"({"name": "SumMetric", "options": {"x": )" + std::string(100000, '[') + std::string(100000, ']') + "}}";
  refused_json(deep.c_str(), "option `x`");
}

TEST_CASE("a user's metric has the rights of the library's own") {
  with_seen();
  const auto metric = create("Seen", {{"factor", 2}});
  metric->update({three()}, {{"words", "ab"}, {"weight", 0.5}});
  const c10::IValue value = metric->compute();
  CHECK(value.toTupleRef().elements()[0].toTensor().equal(three()));
  CHECK(create_from_json(R"({"name": "Seen", "options": {"factor": 3}})")->to_string() == "Seen(factor=3)");
  CHECK_THROWS_WITH_AS(create("Seen"), doctest::Contains("option `factor` is required"), InvalidArgument);

  const MetricEntry* entry = metrics::find_metric("Seen");
  REQUIRE(entry != nullptr);
  CHECK(entry->domain == "user");
  CHECK(entry->functional.name == "seen");
  REQUIRE(entry->options.size() == 1);
  CHECK(entry->options[0].name == "factor");
  CHECK_FALSE(entry->options[0].default_text.has_value());
  REQUIRE(entry->inputs.size() == 3);
  CHECK(entry->inputs[1].type == "str or list of str");
  CHECK(entry->inputs[2].type == "Tensor or number or None");
  REQUIRE(entry->outputs.size() == 2);
  CHECK(entry->outputs[0].name == "value");
  CHECK(entry->outputs[1].name == "words");
  CHECK(entry->example()->to_string() == "Seen(factor=1)");
}

TEST_CASE("a name, or a functional's name, is taken once") {
  with_seen();
  CHECK_THROWS_WITH_AS(metrics::register_metric<Seen>(), doctest::Contains("`Seen`"), InvalidArgument);
  MetricEntry other = metrics::entry<Tally>();
  other.functional.name = "seen";
  CHECK_THROWS_WITH_AS(metrics::register_metric(other), doctest::Contains("functional `seen`"), InvalidArgument);
  CHECK(metrics::find_metric("Tally") == nullptr);
  for (const metrics::RouterEntry* router : metrics::list_routers()) {
    MetricEntry named = metrics::entry<Tally>();
    named.name = router->name;
    CHECK_THROWS_AS(metrics::register_metric(named), InvalidArgument);
    if (router->functional.empty()) continue;
    MetricEntry called = metrics::entry<Tally>();
    called.functional.name = router->functional;
    CHECK_THROWS_AS(metrics::register_metric(called), InvalidArgument);
  }
}

TEST_CASE("a functional is called with inputs by position or name, and options by name") {
  with_seen();
  auto value = [](const c10::IValue& result) { return result.toTupleRef().elements()[0].toTensor(); };
  CHECK(value(call("seen", {three(), "a"}, {{"factor", 2}})).equal(three() * 2));
  CHECK(value(call("seen", {three()}, {{"words", "a"}, {"weight", 3}, {"factor", 1}})).equal(three() * 3));
  CHECK_THROWS_WITH_AS(call("saw", {three()}), doctest::Contains("unknown functional `saw`"), InvalidArgument);
  CHECK_THROWS_WITH_AS(call("seen", {three(), "a"}), doctest::Contains("`factor` is required"), InvalidArgument);
  CHECK_THROWS_WITH_AS(call("seen", {three(), "a"}, {{"factor", 2}, {"vector", 2}}),
                       doctest::Contains("unknown option `vector`"), InvalidArgument);
  CHECK_THROWS_WITH_AS(call("seen", {three()}, {{"factor", 2}}), doctest::Contains("input `words` is missing"),
                       InvalidArgument);
}

TEST_CASE("all metrics are listed once, sorted, and each can be made by its name") {
  const auto all = metrics::list_metrics();
  CHECK(std::is_sorted(all.begin(), all.end(), [](auto* a, auto* b) { return a->name < b->name; }));
  for (const char* name : {"CatMetric", "MaxMetric", "MeanMetric", "MinMetric", "SumMetric"}) {
    CHECK(std::count_if(all.begin(), all.end(), [&](auto* entry) { return entry->name == name; }) == 1);
  }
  for (const MetricEntry* entry : all) {
    CAPTURE(std::string(entry->name));
    CHECK(metrics::find_metric(entry->name) == entry);
    CHECK(entry->outputs.size() >= 1);
    const auto example = entry->example();
    CHECK(example->name() == entry->name);
    // What is made of others takes their inputs, if it does not name its own.
    const bool made_of_others = entry->domain == "collections";
    CHECK((made_of_others || !entry->inputs.empty()));
    const auto* unit = dynamic_cast<const metrics::Unit*>(example.get());
    CHECK((unit != nullptr && unit->states().size() > 0) == example->children().empty());
  }
}

TEST_CASE("each option of the library's metrics is described in one sentence") {
  int described = 0;
  for (const MetricEntry* entry : metrics::list_metrics()) {
    if (entry->domain == "user") continue;
    for (const metrics::OptionInfo& option : entry->options) {
      CAPTURE(std::string(entry->name));
      CAPTURE(std::string(option.name));
      CHECK(option.description.ends_with("."));
      CHECK(option.description.find(". ") == std::string_view::npos);
      ++described;
    }
  }
  CHECK(described > 100);
}

TEST_CASE("a router asks for a task and gives the class of that task") {
  CHECK(metrics::find_router("Router") == nullptr);
  for (const metrics::RouterEntry* router : metrics::list_routers()) {
    CAPTURE(std::string(router->name));
    CHECK_THROWS_WITH_AS(create(router->name), doctest::Contains("option `task` is required"), InvalidArgument);
    CHECK_THROWS_WITH_AS(create(router->name, {{"task", "other"}}), doctest::Contains("got 'other'"), InvalidArgument);
    for (const auto& task : router->tasks) {
      REQUIRE(metrics::find_metric(task.metric) != nullptr);
      Kwargs options{{"task", std::string(task.task)}, {"no_such_option", 1}};
      if (!task.required_option.empty()) {
        CHECK_THROWS_WITH_AS(create(router->name, {{"task", std::string(task.task)}}),
                             doctest::Contains(std::string(task.required_option).c_str()), InvalidArgument);
        options.emplace(task.required_option, 3);
      }
      CHECK_THROWS_WITH_AS(create(router->name, options), doctest::Contains("no_such_option"), InvalidArgument);
      options.erase("no_such_option");
      for (const auto& option : metrics::find_metric(task.metric)->options) {
        const bool missing = !option.default_text && !options.contains(option.name);
        if (missing && option.type == metrics::Codec<double>::type()) options.emplace(option.name, 0.5);
      }
      CHECK(create(router->name, options)->name() == task.metric);
    }
  }
}

}  // namespace registry_test
