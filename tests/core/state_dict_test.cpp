#include "fake_ranks.h"
#include "user_metrics.h"
#include <metrics/aggregation/aggregation.h>

#include <doctest/doctest.h>

namespace state_dict_test {
namespace {

using at::Tensor;
using metrics::InvalidArgument;
using metrics::Metric;
using metrics::Reduction;
using metrics::StateDict;
using metrics::States;
using metrics::testing::Tally;

Tensor numbers(std::initializer_list<float> values) {
  return at::tensor(at::ArrayRef<float>(values.begin(), values.size()));
}

template <class M>
M persistent(M metric = {}) {
  metric.persistent(true);
  return metric;
}

Tally tallied(std::initializer_list<float> values) {
  Tally metric = persistent<Tally>();
  for (const float value : values) metric.update(numbers({value}));
  return metric;
}

std::vector<std::string> keys(const StateDict& dict) {
  std::vector<std::string> all;
  for (const auto& [key, value] : dict.states) all.push_back(key);
  return all;
}

const Tensor& tensor(const StateDict& dict, std::string_view key) {
  return std::get<Tensor>(dict.states.find(key)->second);
}

const std::vector<Tensor>& list(const StateDict& dict, std::string_view key) {
  return std::get<std::vector<Tensor>>(dict.states.find(key)->second);
}

/// Two columns of scores under names of their own in one cat state.
struct ColumnsDefinition {
  static constexpr std::string_view name = "Columns";
  using Options = metrics::NoOptions;
  static constexpr std::array inputs{std::string_view("value")};
  static constexpr metrics::MetricTraits traits{};
  static void declare(States& states, const Options&) {
    states.add({"preds", "target"}, Reduction::Cat);
    states.add({"tp", "fp"}, Reduction::Sum, at::zeros({2, 2}, at::kLong));
  }
  static void update(States& states, const Options&, const Tensor& value) {
    states["preds"].append(value);
    states["tp"].add(at::tensor({1, 2, 3, 4}, at::kLong).view({2, 2}));
  }
  static Tensor finalise(const States& states, const Options&) { return states["tp"].tensor(); }
};
using Columns = metrics::MetricOf<ColumnsDefinition>;

}  // namespace

TEST_CASE("nothing is saved unless asked for") {
  Tally metric;
  metric.update(numbers({1}));
  CHECK(metric.state_dict("m.").states.empty());
  CHECK(metric.state_dict("m.").metadata.empty());
  metric.load_state_dict({}, "m.");
  CHECK(metric.update_count() == 1);
  metric.persistent(true);
  CHECK(metric.is_persistent());
  CHECK(metric.state_dict("m.").states.size() == 8);
}

TEST_CASE("states are saved under torchmetrics' names in torchmetrics' forms") {
  const StateDict dict = tallied({1, 2}).state_dict("m.");
  CHECK(keys(dict) == std::vector<std::string>{"m.calls", "m.highest", "m.items", "m.last", "m.mean", "m.rows",
                                               "m.total", "m.values"});
  CHECK(tensor(dict, "m.total").equal(at::scalar_tensor(3.0f)));
  CHECK((tensor(dict, "m.total").scalar_type() == at::kFloat));
  CHECK((tensor(dict, "m.mean").scalar_type() == at::kFloat));
  CHECK(tensor(dict, "m.values").equal(at::scalar_tensor(2, at::kLong)));
  CHECK(tensor(dict, "m.calls").equal(at::scalar_tensor(2, at::kLong)));
  REQUIRE(list(dict, "m.rows").size() == 1);
  CHECK(list(dict, "m.rows")[0].equal(numbers({1, 2})));
  REQUIRE(list(dict, "m.items").size() == 2);
  CHECK(list(dict, "m.items")[1].equal(numbers({2})));
  CHECK(std::get<int64_t>(dict.metadata.at("m").at("metrics.update_count")) == 2);
  CHECK(list(persistent<Tally>().state_dict(), "rows").empty());
}

TEST_CASE("a packed state is saved and loaded by its parts") {
  Columns metric = persistent<Columns>();
  metric.update(at::tensor({1.0f, 10.0f, 2.0f, 20.0f}).view({2, 2}));
  metric.update(at::tensor({3.0f, 30.0f}).view({1, 2}));
  const StateDict dict = metric.state_dict();
  CHECK(list(dict, "preds")[0].equal(numbers({1, 2, 3})));
  CHECK(list(dict, "target")[0].equal(numbers({10, 20, 30})));
  CHECK(tensor(dict, "fp").equal(at::tensor({6, 8}, at::kLong)));
  Columns loaded = persistent<Columns>();
  loaded.load_state_dict(dict);
  CHECK(loaded.states()["preds"].tensor().equal(metric.states()["preds"].tensor()));
  CHECK(loaded.compute().equal(metric.compute()));

  StateDict scalars = dict;
  scalars.states["preds"] = std::vector<Tensor>{at::scalar_tensor(5.0f), at::scalar_tensor(6.0f)};
  scalars.states["target"] = std::vector<Tensor>{at::scalar_tensor(50.0f), at::scalar_tensor(60.0f)};
  loaded.load_state_dict(scalars);
  CHECK(loaded.states()["preds"].tensor().equal(at::tensor({5.0f, 50.0f, 6.0f, 60.0f}).view({2, 2})));

  auto refused = [&](metrics::StateValue target, const char* why) {
    StateDict bad = dict;
    bad.states["target"] = std::move(target);
    CHECK_THROWS_WITH_AS(loaded.load_state_dict(bad), doctest::Contains(why), InvalidArgument);
  };
  refused(std::vector<Tensor>{}, "key `target`: its list has another length");
  refused(std::vector<Tensor>{numbers({1, 2})}, "key `target`: its shape differs");
}

TEST_CASE("what float32 rounds away comes back, and a changed value wins") {
  metrics::SumMetric metric = persistent<metrics::SumMetric>();
  for (const double value : {1e16, 1.0, 0x1p-30}) metric.update(value);
  StateDict dict = metric.state_dict();
  CHECK((tensor(dict, "sum_value").scalar_type() == at::kFloat));
  metrics::SumMetric loaded = persistent<metrics::SumMetric>();
  loaded.load_state_dict(dict);
  loaded.update(-1e16);
  loaded.set_dtype(at::kDouble);
  CHECK(loaded.compute().item<double>() == 1 + 0x1p-30);
  CHECK(loaded.update_count() == 4);

  loaded.load_state_dict(dict);  // its dtype is another one than the saved one's
  loaded.update(-1e16);
  CHECK(loaded.compute().item<double>() == 1 + 0x1p-30);

  dict.states["sum_value"] = at::scalar_tensor(7.0f);
  loaded.load_state_dict(dict);
  CHECK(loaded.compute().item<double>() == 7);
}

TEST_CASE("a mean and its number of updates are restored, so that merges stay exact") {
  const Tally saved = tallied({1, 2, 6});
  Tally loaded = tallied({50});
  loaded.load_state_dict(saved.state_dict());
  CHECK(loaded.update_count() == 3);
  loaded.update(numbers({11}));
  CHECK(loaded.states()["mean"].tensor().item<double>() == doctest::Approx(5).epsilon(1e-15));
}

TEST_CASE("loading drops the cached value") {
  Tally metric = tallied({1});
  Tally other = tallied({5});
  CHECK(other.compute().item<float>() == 5);
  other.load_state_dict(metric.state_dict());
  CHECK(other.compute().item<float>() == 1);
}

TEST_CASE("what Python saved, without metadata, counts as one update") {
  Tally metric = tallied({1, 2});
  StateDict dict = metric.state_dict("m.");
  dict.metadata.clear();
  dict.states["m.rows"] = std::vector<Tensor>{numbers({1}), at::scalar_tensor(2.0f)};
  Tally loaded = tallied({7, 7, 7});
  loaded.load_state_dict(dict, "m.");
  CHECK(loaded.update_count() == 1);
  CHECK(loaded.compute().item<float>() == 3);
  CHECK(loaded.states()["rows"].tensor().equal(numbers({1, 2})));
  dict.states["m.rows"] = numbers({4, 5});  // a state that Python has synced is a tensor
  loaded.load_state_dict(dict, "m.");
  CHECK(loaded.states()["rows"].tensor().equal(numbers({4, 5})));
}

TEST_CASE("rows keep the dtype that they were saved in") {
  Tally metric = persistent<Tally>();
  metric.update(at::tensor({1e-20}, at::kDouble));
  Tally loaded = persistent<Tally>();
  loaded.load_state_dict(metric.state_dict());
  CHECK((loaded.states()["rows"].tensor().scalar_type() == at::kDouble));
  CHECK(loaded.states()["rows"].tensor().item<double>() == 1e-20);
}

TEST_CASE("a dict that does not fit is refused by key, and nothing has changed") {
  Tally metric = tallied({1, 2});
  const StateDict good = tallied({5, 6, 7}).state_dict("m.");
  auto refused = [&](auto&& spoil, const char* why) {
    CAPTURE(std::string(why));
    StateDict bad = good;
    spoil(bad);
    CHECK_THROWS_WITH_AS(metric.load_state_dict(bad, "m."), doctest::Contains(why), InvalidArgument);
  };
  refused([](StateDict& d) { d.states.erase("m.mean"); }, "key `m.mean`: is missing for Tally(");
  refused([](StateDict& d) { d.states.clear(); }, "key `m.total`: is missing");
  refused([](StateDict& d) { d.states["m.extra"] = numbers({1}); }, "key `m.extra`: Tally(");
  refused([](StateDict& d) { d.states["m.total"] = numbers({1, 2}); }, "key `m.total`: expected shape [], got [2]");
  refused([](StateDict& d) { d.states["m.total"] = std::vector<Tensor>{}; }, "key `m.total`: expected a tensor");
  refused([](StateDict& d) { d.states["m.total"] = Tensor(); }, "key `m.total`: is an undefined tensor");
  refused([](StateDict& d) { d.states["m.total"] = at::scalar_tensor(1, at::kComplexFloat); }, "key `m.total`");
  refused([](StateDict& d) { d.states["m.values"] = at::scalar_tensor(1.5f); },
          "key `m.values`: expected Long, got Float");
  refused(
      [](StateDict& d) {
        d.states["m.rows"] = std::vector<Tensor>{numbers({1}), at::ones({1, 2})};
      },
      "key `m.rows`");
  refused(
      [](StateDict& d) {
        d.states["m.rows"] = std::vector<Tensor>{numbers({1}), at::ones({1}, at::kLong)};
      },
      "key `m.rows`");
  refused([](StateDict& d) { d.states["m.items"] = std::vector<Tensor>{Tensor()}; }, "key `m.items`");
  refused([](StateDict& d) { d.metadata["m"]["metrics.update_count"] = int64_t{-1}; },
          "metadata `metrics.update_count` of `m`");
  refused([](StateDict& d) { d.metadata["m"]["metrics.update_count"] = std::string("many"); }, "update_count");
  refused([](StateDict& d) { d.metadata["m"]["metrics.options"] = std::string("Tally(scale=9)"); },
          "saved by Tally(scale=9), not by Tally(scale=1");
  CHECK(metric.update_count() == 2);
  CHECK(metric.compute().item<float>() == 3);
  CHECK(metric.states()["rows"].tensor().equal(numbers({1, 2})));
  CHECK(metric.states()["items"].items().size() == 2);
  metric.load_state_dict(good, "m.");
  CHECK(metric.compute().item<float>() == 18);
}

TEST_CASE("exact values of another shape are not taken") {
  Tally metric = tallied({1});
  StateDict dict = metric.state_dict();
  for (const Tensor& exact : {at::zeros({3}, at::kDouble), at::scalar_tensor(1.0), at::zeros({2, 4})}) {
    dict.metadata[""]["metrics.exact.total"] = exact;
    metric.load_state_dict(dict);
    CHECK(metric.compute().item<float>() == 1);
  }
}

TEST_CASE("without strictness, missing states stay and unknown keys are passed over") {
  Tally metric = tallied({1, 2});
  StateDict dict = tallied({5}).state_dict("m.");
  dict.states.erase("m.rows");
  dict.states["m.extra"] = numbers({1});
  metric.load_state_dict(dict, "m.", /*strict=*/false);
  CHECK(metric.compute().item<float>() == 5);
  CHECK(metric.states()["rows"].tensor().equal(numbers({1, 2})));
  metric.load_state_dict({}, "m.", /*strict=*/false);
  CHECK(metric.compute().item<float>() == 5);
}

TEST_CASE("metrics under several prefixes share one dict") {
  StateDict dict;
  tallied({1}).save_state_dict(dict, "a.");
  tallied({2, 3}).save_state_dict(dict, "b.");
  Tally a = persistent<Tally>(), b = persistent<Tally>();
  a.load_state_dict(dict, "a.");
  b.load_state_dict(dict, "b.");
  CHECK(a.compute().item<float>() == 1);
  CHECK(b.compute().item<float>() == 5);
  CHECK(b.update_count() == 2);
}

TEST_CASE("what is saved while synced is the merged state, which counts once when loaded") {
  Tally other = tallied({10});
  const auto ranks = std::make_shared<metrics::testing::FakeRanks>(std::vector<const Metric*>{&other});
  Tally metric({}, {.process_group = ranks});
  metric.persistent(true);
  metric.update(numbers({1}));
  metric.sync();
  const StateDict dict = metric.state_dict();
  metric.unsync();
  Tally loaded = persistent<Tally>();
  loaded.load_state_dict(dict);
  CHECK(loaded.compute().item<float>() == 11);
  CHECK(loaded.update_count() == 2);
}

}  // namespace state_dict_test
