#include "fake_ranks.h"
#include "user_metrics.h"

#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <concepts>
#include <thread>
#include <type_traits>

namespace metric_test {
namespace {

using at::Tensor;
using metrics::Error;
using metrics::InvalidArgument;
using metrics::Metric;
using metrics::MetricOptions;
using metrics::Rows;
using metrics::SyncError;
using metrics::testing::CollectedWarnings;
using metrics::testing::FakeRanks;
using metrics::testing::Ids;
using metrics::testing::Seen;
using metrics::testing::SquaredError;
using metrics::testing::Tally;
using metrics::testing::TallyDefinition;
using metrics::testing::unit_of;

Tensor numbers(std::initializer_list<float> values) {
  return at::tensor(at::ArrayRef<float>(values.begin(), values.size()));
}

float value_of(Tally& metric) {
  return metric.compute().item<float>();
}

/// All states, by name, as text: to compare a metric with what it was.
std::string picture(const metrics::Unit& metric) {
  std::ostringstream text;
  for (const metrics::State& state : metric.states()) {
    text << state.name() << ": ";
    if (state.tensor().defined()) text << state.tensor();
    for (const int64_t end : state.item_ends()) text << " " << end;
    text << "\n";
  }
  text << metric.update_count();
  return text.str();
}

struct NoMergeDefinition {
  static constexpr std::string_view name = "NoMerge";
  using Options = metrics::NoOptions;
  static constexpr std::array inputs{std::string_view("value")};
  static constexpr metrics::MetricTraits traits{};
  static void declare(metrics::States& states, const Options&) {
    states.add("x", metrics::Reduction::Own, at::zeros({}));
  }
  static void update(metrics::States&, const Options&, const Tensor&) {}
  static Tensor finalise(const metrics::States& states, const Options&) { return states["x"].tensor(); }
};

Tensor mask(std::initializer_list<bool> values) {
  Tensor tensor = at::empty({static_cast<int64_t>(values.size())}, at::kBool);
  std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<bool>());
  return tensor;
}

}  // namespace

TEST_CASE("inputs by name are refused when unknown, missing, given twice, too many or of another type") {
  Seen seen({.factor = 1});
  Metric& metric = seen;
  const Tensor value = numbers({1});
  const c10::IValue words = c10::List<std::string>({"a"});
  auto refused = [&](const metrics::Args& args, const metrics::Kwargs& kwargs, const char* why) {
    CAPTURE(std::string(why));
    CHECK_THROWS_WITH_AS(metric.update(args, kwargs), doctest::Contains(why), InvalidArgument);
    CHECK_THROWS_WITH_AS(metric.forward(args, kwargs), doctest::Contains(why), InvalidArgument);
  };
  refused({value, words}, {{"wieght", 1.0}}, "unknown input `wieght`; allowed: value, words, weight");
  refused({value}, {}, "input `words` is missing");
  refused({value}, {{"words", words}, {"value", value}}, "input `value` is given twice");
  refused({value, words, 1.0, 2.0}, {}, "takes 3 inputs (value, words, weight), got 4");
  refused({1.0, words}, {}, "input `value` expects Tensor, got 1");
  refused({value, 3}, {}, "input `words` expects str or list of str, got 3");
  refused({value, words, "heavy"}, {}, "input `weight` expects Tensor or number or None, got 'heavy'");
  refused({Tensor(), words}, {}, "an undefined tensor");
  CHECK(metric.update_count() == 0);
  metric.update({value}, {{"words", words}, {"weight", c10::IValue()}});
  CHECK(metric.update_count() == 1);
}

TEST_CASE("inputs on another device, and undefined ones, are refused by name") {
  Tally metric;
  Tally elsewhere;
  elsewhere.to(at::kMeta);
  CHECK_THROWS_WITH_AS(elsewhere.update(numbers({1})), doctest::Contains("`value` is on cpu, the metric on meta"),
                       InvalidArgument);
  CHECK_THROWS_WITH_AS(metric.forward(at::empty({2}, at::kMeta)), doctest::Contains("`value`"), InvalidArgument);
  CHECK_THROWS_WITH_AS(metric.update(Tensor()), doctest::Contains("`value` is an undefined tensor"), InvalidArgument);
  CHECK(metric.update_count() == 0);
}

TEST_CASE("an own reduction needs an own merge") {
  CHECK_THROWS_WITH_AS(metrics::MetricOf<NoMergeDefinition>(), doctest::Contains("state `x`"), Error);
}

TEST_CASE("only metrics of equal class and options merge") {
  Tally metric, other({.scale = 2});
  other.update(numbers({1}));
  CHECK_THROWS_WITH_AS(metric.merge(other), doctest::Contains("scale=2"), InvalidArgument);
  CHECK_THROWS_AS(metric.merge(SquaredError()), InvalidArgument);
  CHECK(metric.update_count() == 0);
}

TEST_CASE("merging folds in all states and the updates, and leaves the other as it was") {
  Tally left, right;
  left.update(numbers({1, 2}));
  right.update(numbers({3}));
  right.update(numbers({4, 5}));
  const std::string before = picture(right);
  left.merge(right);
  CHECK(picture(right) == before);
  CHECK(left.update_count() == 3);
  CHECK(value_of(left) == 15);
  CHECK(left.states()["rows"].rows() == 5);
  CHECK(left.states()["items"].items().size() == 3);
  CHECK(left.states()["mean"].tensor().item<double>() == doctest::Approx((1.5 + 3 + 4.5) / 3));
  CHECK(left.states()["last"].tensor().item<float>() == 5);
  left.merge(left);
  CHECK(value_of(left) == 30);
  CHECK(left.update_count() == 6);
}

TEST_CASE("an update that throws half-way leaves every state as it was") {
  Tally metric;
  metric.update(numbers({1, 2}));
  metric.update(numbers({3}));
  const std::string before = picture(metric);
  CHECK(value_of(metric) == 6);
  TallyDefinition::finalised = 0;
  CHECK_THROWS_WITH(metric.update(numbers({4, -1})), "a negative value");
  CHECK_THROWS_WITH(metric.forward(numbers({4, -1})), "a negative value");
  CHECK_THROWS_AS(metric.update(at::ones({2, 2})), InvalidArgument);
  CHECK(picture(metric) == before);
  CHECK(value_of(metric) == 6);
  CHECK(TallyDefinition::finalised == 0);  // the cached value still stands
  metric.update(numbers({5}));
  CHECK(value_of(metric) == 11);
  CHECK(at::equal(metric.states()["rows"].tensor(), numbers({1, 2, 3, 5})));
  CHECK(metric.states()["items"].items().size() == 3);
}

TEST_CASE("a forward or a merge that throws loses nothing") {
  Tally metric({.finalise_throws = true});
  metric.update(numbers({1, 2}));
  const std::string before = picture(metric);
  CHECK_THROWS_WITH(metric.forward(numbers({3})), "no value");
  CHECK_THROWS_WITH(metric.compute(), "no value");
  CHECK(picture(metric) == before);

  Tally wide({.finalise_throws = true});
  wide.update(at::ones({1, 2}));
  CHECK_THROWS_AS(metric.merge(wide), InvalidArgument);
  CHECK(picture(metric) == before);
}

TEST_CASE("forward gives the batch's value and accumulates as update does") {
  Tally forwarded, updated;
  for (const Tensor& batch : {numbers({1, 2}), numbers({3}), numbers({4, 5, 6})}) {
    CHECK(forwarded.forward(batch).item<float>() == batch.sum().item<float>());
    updated.update(batch);
  }
  CHECK(picture(forwarded) == picture(updated));
  CHECK(value_of(forwarded) == 21);
}

TEST_CASE("to call a metric is forward, in both faces") {
  Tally typed, dynamic, forwarded;
  Metric& any = dynamic;
  for (const Tensor& batch : {numbers({1, 2}), numbers({3})}) {
    const Tensor expected = forwarded.forward(batch);
    CHECK(at::equal(typed(batch), expected));
    CHECK(at::equal(any({batch}).toTensor(), expected));
  }
  const Rows first{.valid = at::tensor({1, 0}).to(at::kBool)};
  CHECK(typed(numbers({4, 8}), first).item<float>() == 4);
  forwarded.update(numbers({4}));
  CHECK(value_of(typed) == value_of(forwarded));
  static_assert(!std::invocable<Tally&>);  // an input is missing
}

TEST_CASE("a value is finalised once until the states change") {
  Tally metric, other;
  other.update(numbers({1}));
  auto finalised = [&](auto&& change) {
    change();
    TallyDefinition::finalised = 0;
    metric.compute();
    metric.compute();
    return TallyDefinition::finalised;
  };
  CHECK(finalised([&] { metric.update(numbers({1})); }) == 1);
  CHECK(finalised([] {}) == 0);
  CHECK(finalised([&] { metric.forward(numbers({1})); }) == 1);
  CHECK(finalised([&] { metric.merge(other); }) == 1);
  CHECK(finalised([&] { metric.set_dtype(at::kDouble); }) == 1);
  CHECK(finalised([&] {
          metric.persistent(true);
          metric.load_state_dict(metric.state_dict());
        }) == 1);
  CHECK(value_of(metric) == 3);
  const CollectedWarnings warnings;
  CHECK(finalised([&] { metric.reset(); }) == 1);
  CHECK(value_of(metric) == 0);
  CHECK(finalised([&] { metric.set_metric_options({.compute_with_cache = false}); }) == 2);
}

TEST_CASE("what compute and forward return shares no memory with states or cache") {
  Tally metric;
  metric.set_dtype(at::kDouble);
  metric.forward(numbers({2})).fill_(100);
  metric.compute().fill_(100);
  CHECK(metric.compute().item<double>() == 2);
  metric.compute().fill_(100);
  metric.update(numbers({1}));
  CHECK(metric.compute().item<double>() == 3);
  auto states = metric.metric_state();
  std::get<Tensor>(states.at("total")).fill_(100);
  std::get<std::vector<Tensor>>(states.at("rows")).front().fill_(100);
  metric.persistent(true);
  std::get<Tensor>(metric.state_dict().states.at("total")).fill_(100);
  metric.update(numbers({1}));
  CHECK(metric.compute().item<double>() == 4);
  CHECK(at::equal(metric.states()["rows"].tensor(), numbers({2, 1, 1})));
}

TEST_CASE("an update keeps nothing of the caller's tensors") {
  Tally metric;
  Tensor value = numbers({1, 2});
  metric.update(value);
  metric.forward(value);
  CHECK(value.use_count() == 1);
  value.fill_(50);
  CHECK(at::equal(metric.states()["rows"].tensor(), numbers({1, 2, 1, 2})));
  CHECK(metric.states()["last"].tensor().item<float>() == 2);
}

TEST_CASE("copies and clones have states of their own") {
  Tally metric({.scale = 2});
  metric.update(numbers({1}));
  CHECK(value_of(metric) == 2);
  Tally copy = metric;
  const std::unique_ptr<Metric> clone = metric.clone();
  Tally assigned;
  assigned = metric;
  metric.update(numbers({10}));
  CHECK(value_of(metric) == 22);
  CHECK(value_of(copy) == 2);
  CHECK(clone->compute().toTensor().item<float>() == 2);
  CHECK(value_of(assigned) == 2);
  CHECK(assigned.to_string() == metric.to_string());
  copy.update(numbers({5}));
  assigned.update(numbers({6}));
  clone->update({numbers({7})});
  CHECK(at::equal(metric.states()["rows"].tensor(), numbers({1, 10})));
  CHECK(at::equal(copy.states()["rows"].tensor(), numbers({1, 5})));
  CHECK(at::equal(assigned.states()["rows"].tensor(), numbers({1, 6})));
  CHECK(at::equal(unit_of(*clone).states()["rows"].tensor(), numbers({1, 7})));
}

TEST_CASE("a metric moves, and one that was moved from gives no stale value") {
  static_assert(std::is_nothrow_move_constructible_v<Tally> && std::is_nothrow_move_assignable_v<Tally>);
  Tally metric;
  metric.update(numbers({1}));
  CHECK(value_of(metric) == 1);
  TallyDefinition::finalised = 0;
  Tally moved = std::move(metric);
  CHECK(value_of(moved) == 1);
  CHECK(TallyDefinition::finalised == 0);  // the cached value came along
  CHECK_THROWS_AS(metric.compute(), InvalidArgument);
  metric = Tally();
  metric.update(numbers({3}));
  CHECK(value_of(metric) == 3);
}

TEST_CASE("compute before the first update warns, through the handler") {
  const CollectedWarnings warnings;
  Tally metric;
  CHECK(value_of(metric) == 0);
  REQUIRE(warnings.messages.size() == 1);
  CHECK(warnings.messages[0].find("Tally(scale=1") != std::string::npos);
  metric.update(numbers({1}));
  metric.compute();
  CHECK(warnings.messages.size() == 1);
  metric.reset();
  metric.compute();
  CHECK(warnings.messages.size() == 2);
}

TEST_CASE("a warning handler that throws stops the call and changes nothing") {
  auto before = metrics::set_warning_handler([](const std::string& message) { throw std::runtime_error(message); });
  Tally metric;
  CHECK_THROWS_AS(metric.compute(), std::runtime_error);
  metrics::set_warning_handler(before);
  metric.update(numbers({1}));
  CHECK(value_of(metric) == 1);
}

TEST_CASE("updates are counted, and reset goes back to the beginning") {
  Tally metric;
  const std::string fresh = picture(metric);
  CHECK_FALSE(metric.update_called());
  metric.update(numbers({1}));
  metric.forward(numbers({1}));
  CHECK(metric.update_count() == 2);
  CHECK(metric.update_called());
  metric.reset();
  CHECK(picture(metric) == fresh);
}

TEST_CASE("set_dtype changes results and rows, and no accumulator") {
  Tally metric;
  CHECK((metric.dtype() == at::kFloat));
  metric.update(numbers({1.0f + 0x1p-20f}));
  CHECK((metric.compute().scalar_type() == at::kFloat));
  metric.set_dtype(at::kHalf);
  CHECK((metric.compute().scalar_type() == at::kHalf));
  CHECK((metric.states()["rows"].tensor().scalar_type() == at::kHalf));
  metric.update(numbers({1}));
  CHECK((metric.states()["rows"].tensor().scalar_type() == at::kHalf));
  metric.set_dtype(at::kDouble);
  CHECK((metric.compute().scalar_type() == at::kDouble));
  CHECK(metric.compute().item<double>() == 2 + 0x1p-20);
  CHECK_THROWS_WITH_AS(metric.set_dtype(at::kLong), doctest::Contains("floating"), InvalidArgument);
}

TEST_CASE("rows that are not valid are left out") {
  Tally metric;
  metric.update(numbers({1, 2, 4}), Rows{.valid = mask({true, false, true})});
  CHECK(value_of(metric) == 5);
  CHECK(metric.forward(numbers({1, 2}), Rows{.valid = mask({false, true})}).item<float>() == 2);
  metric.update(numbers({8}), Rows{.ids = at::tensor({3}, at::kLong)});
  CHECK(value_of(metric) == 15);
  CHECK(metric.update_count() == 3);

  Seen seen({.factor = 1});
  const std::vector<std::string> words{"a", "bb", "cccc"};
  seen.update(numbers({1, 2, 4}), words, 10.0, Rows{.valid = mask({false, true, true})});
  CHECK(at::equal(seen.compute().value, numbers({20, 40})));
  CHECK(seen.compute().words.item<int64_t>() == 6);
}

TEST_CASE("a scalar is one row, which may be invalid") {
  Tally metric;
  metric.update(at::scalar_tensor(3.0f), Rows{.valid = mask({true})});
  metric.update(at::scalar_tensor(5.0f), Rows{.valid = mask({false})});
  CHECK(value_of(metric) == 3);
}

TEST_CASE("rows reach a metric that asks for them") {
  Ids metric;
  metric.update(numbers({0, 0, 0}), Rows{.valid = mask({true, false, true}), .ids = at::tensor({7, 8, 9}, at::kLong)});
  CHECK(at::equal(metric.compute(), at::tensor({7, 9}, at::kLong)));
  Metric& dynamic = metric;
  dynamic.update({numbers({0})}, {}, {.valid = {}, .ids = at::tensor({4}, at::kLong)});
  CHECK(at::equal(metric.compute(), at::tensor({7, 9, 4}, at::kLong)));
}

TEST_CASE("rows of another length or dtype, and inputs that do not agree, are refused") {
  Tally metric;
  const Tensor value = numbers({1, 2});
  auto refused = [&](const Rows& rows, const char* why) {
    CAPTURE(std::string(why));
    CHECK_THROWS_WITH_AS(metric.update(value, rows), doctest::Contains(why), InvalidArgument);
  };
  refused({.valid = mask({true})}, "Rows.valid: expected Bool of shape [2], got Bool of shape [1]");
  refused({.valid = at::tensor({1, 0}, at::kLong)}, "Rows.valid: expected Bool");
  refused({.valid = mask({true, true}).view({2, 1})}, "Rows.valid");
  refused({.ids = at::tensor({1, 2, 3}, at::kLong)}, "Rows.ids: expected Long of shape [2], got Long of shape [3]");
  refused({.ids = numbers({1, 2})}, "Rows.ids: expected Long");
  refused({.valid = Tensor()}, "Rows.valid");
  SquaredError pairs;
  CHECK_THROWS_WITH_AS(pairs.update(value, numbers({1}), Rows{.valid = mask({true, true})}),
                       doctest::Contains("input `target` has 1 rows"), InvalidArgument);
  CHECK(metric.update_count() == 0);
  CHECK(pairs.update_count() == 0);
}

TEST_CASE("a metric lives through changes of InferenceMode") {
  auto in_inference = [](auto&& f) {
    const c10::InferenceMode on;
    return f();
  };
  Tally metric = in_inference([] {
    Tally made;
    made.update(numbers({1}));
    made.forward(numbers({2}));
    return made;
  });
  metric.update(numbers({3}));
  Tally copy = in_inference([&] {
    metric.to(at::kCPU);
    metric.set_dtype(at::kDouble);
    metric.update(numbers({4}));
    return Tally(metric);
  });
  const Tensor value = in_inference([&] { return copy.compute(); });
  copy.update(numbers({5}));
  metric.forward(numbers({6}));
  CHECK(value.item<double>() == 10);
  CHECK(copy.compute().item<double>() == 15);
  CHECK(metric.compute().item<double>() == 16);
}

TEST_CASE("gradients come through forward of a differentiable metric, and stay there") {
  SquaredError metric;
  const Tensor preds = numbers({1, 3}).requires_grad_();
  const Tensor target = numbers({0, 1});
  metric.update(preds, target);
  const Tensor value = metric.forward(preds, target);
  value.backward();
  CHECK(at::equal(preds.grad(), numbers({1, 2})));
  for (const metrics::State& state : metric.states()) CHECK_FALSE(state.tensor().requires_grad());
  CHECK_FALSE(metric.compute().requires_grad());
  CHECK(at::equal(metric.states()["rows"].tensor(), numbers({1, 3, 1, 3})));
}

TEST_CASE("no gradients are recorded where the caller or the metric does not want them") {
  const Tensor preds = numbers({1, 3}).requires_grad_();
  const Tensor target = numbers({0, 1});
  SquaredError metric;
  {
    const at::NoGradGuard off;
    CHECK_FALSE(metric.forward(preds, target).requires_grad());
    CHECK_FALSE(metrics::compute_once<metrics::testing::ErrorDefinition>({}, preds, target).requires_grad());
  }
  {
    const c10::InferenceMode on;
    CHECK_FALSE(metric.forward(preds, target).requires_grad());
  }
  CHECK(metrics::compute_once<metrics::testing::ErrorDefinition>({}, preds, target).requires_grad());
  Tally plain;
  CHECK_FALSE(plain.forward(preds).requires_grad());
  plain.update(preds);
  for (const metrics::State& state : plain.states()) CHECK_FALSE(state.tensor().requires_grad());
  CHECK(at::GradMode::is_enabled());
}

TEST_CASE("compute_on_cpu keeps the room that growing states have") {
  Tally metric({}, {.compute_on_cpu = true});
  int64_t moves = 0;
  const void* place = nullptr;
  for (int i = 0; i < 500; ++i) {
    metric.update(numbers({1, 2}));
    const void* now = metric.states()["rows"].tensor().const_data_ptr();
    moves += now != place;
    place = now;
  }
  CHECK(moves <= 11);
}

TEST_CASE("dist_sync_fn is asked once a state, and bypasses the group") {
  Tally other;
  other.update(numbers({10}));
  other.update(numbers({20, 30}));
  std::vector<Tensor> asked;
  MetricOptions common;
  common.distributed_available_fn = [] { return true; };
  common.dist_sync_fn = [&](const Tensor& state, const auto& group) {
    CHECK(group == nullptr);
    asked.push_back(state);
    return std::vector<Tensor>{state, state};
  };
  Tally metric({}, common);
  metric.update(numbers({1, 2}));
  CHECK(value_of(metric) == 6);
  CHECK(asked.size() == metric.states().size() + 1);  // a list tells its rows and where its items end
  metric.compute();
  CHECK(asked.size() == metric.states().size() + 1);  // cached
  metric.sync();
  CHECK(metric.states()["items"].items().size() == 2);
  CHECK(metric.states()["rows"].rows() == 4);
  CHECK(metric.states()["values"].tensor()[0].item<int64_t>() == 4);
  metric.unsync();
  CHECK(metric.states()["rows"].rows() == 2);

  asked.clear();
  const CollectedWarnings warnings;
  Tally empty({}, common);
  empty.compute();
  CHECK(asked.size() == empty.states().size() + 1);  // a rank without samples asks as often as the others
}

TEST_CASE("a dist_sync_fn that returns nothing, too little or another shape is an error") {
  auto with = [](metrics::DistSyncFn fn) {
    MetricOptions common;
    common.distributed_available_fn = [] { return true; };
    common.dist_sync_fn = std::move(fn);
    Tally metric({}, common);
    metric.update(numbers({1}));
    return metric;
  };
  Tally nothing = with([](const Tensor&, const auto&) { return std::vector<Tensor>{}; });
  CHECK_THROWS_WITH_AS(nothing.compute(), doctest::Contains("nothing for state `total`"), SyncError);
  Tally uneven = with([calls = 0](const Tensor& state, const auto&) mutable {
    return std::vector<Tensor>(++calls == 2 ? 1 : 2, state);
  });
  CHECK_THROWS_WITH_AS(uneven.compute(), doctest::Contains("1 ranks for state `values calls`"), SyncError);
  Tally reshaped = with([](const Tensor& state, const auto&) {
    return std::vector<Tensor>{at::stack({state, state})};
  });
  CHECK_THROWS_WITH_AS(reshaped.compute(), doctest::Contains("`total`"), SyncError);
  CHECK(reshaped.states()["rows"].rows() == 1);
}

TEST_CASE("compute merges over the ranks and leaves the local states alone") {
  Tally other;
  other.update(numbers({10}));
  other.update(numbers({20}));
  const auto ranks = std::make_shared<FakeRanks>(std::vector<const Metric*>{&other});
  Tally metric({}, {.process_group = ranks});
  metric.update(numbers({1, 2}));
  CHECK(value_of(metric) == 33);
  CHECK(metric.update_count() == 1);
  CHECK(metric.states()["rows"].rows() == 2);
  metric.set_metric_options({.process_group = ranks, .sync_on_compute = false});
  CHECK(value_of(metric) == 3);
  MetricOptions alone{.process_group = ranks};
  alone.distributed_available_fn = [] { return false; };
  metric.set_metric_options(alone);
  CHECK(value_of(metric) == 3);
  CHECK(ranks->calls == 1);
}

TEST_CASE("a cached value stands only while all ranks are clean") {
  Tally other;
  other.update(numbers({10}));
  const auto ranks = std::make_shared<FakeRanks>(std::vector<const Metric*>{&other});
  Tally metric({}, {.process_group = ranks});
  metric.update(numbers({1}));
  CHECK(value_of(metric) == 11);
  CHECK(ranks->last_dirty);
  TallyDefinition::finalised = 0;
  CHECK(value_of(metric) == 11);
  CHECK_FALSE(ranks->last_dirty);
  CHECK(ranks->calls == 2);  // the flag travels even when nothing has changed
  CHECK(TallyDefinition::finalised == 0);
  other.update(numbers({5}));
  ranks->others_dirty = true;
  CHECK(value_of(metric) == 16);
  CHECK_FALSE(ranks->last_dirty);
}

TEST_CASE("a value cached alone, or over one group, is none over another group") {
  Tally other, third;
  other.update(numbers({10}));
  third.update(numbers({100}));
  Tally metric;
  metric.update(numbers({1}));
  CHECK(value_of(metric) == 1);
  auto two = std::make_shared<FakeRanks>(std::vector<const Metric*>{&other});
  metrics::set_default_synchroniser(two);
  CHECK(value_of(metric) == 11);
  CHECK(two->last_dirty);
  auto three = std::make_shared<FakeRanks>(std::vector<const Metric*>{&other, &third});
  metrics::set_default_synchroniser(three);
  CHECK(value_of(metric) == 111);
  CHECK(three->last_dirty);
  three.reset();
  CHECK(value_of(metric) == 1);
  metrics::set_default_synchroniser({});
}

TEST_CASE("a rank without samples is no misuse where others have some") {
  const CollectedWarnings warnings;
  Tally other;
  const auto ranks = std::make_shared<FakeRanks>(std::vector<const Metric*>{&other});
  Tally metric({}, {.process_group = ranks});
  CHECK(value_of(metric) == 0);
  CHECK(warnings.messages.size() == 1);
  other.update(numbers({10}));
  ranks->others_dirty = true;
  CHECK(value_of(metric) == 10);
  ranks->others_dirty = false;
  CHECK(value_of(metric) == 10);
  CHECK(warnings.messages.size() == 1);
}

TEST_CASE("a synchroniser that throws leaves the metric as it was") {
  Tally other;
  const auto ranks = std::make_shared<FakeRanks>(std::vector<const Metric*>{&other});
  Tally metric({}, {.dist_sync_on_step = true, .process_group = ranks});
  metric.update(numbers({1}));
  const std::string before = picture(metric);
  ranks->fails = true;
  CHECK_THROWS_AS(metric.compute(), SyncError);
  CHECK_THROWS_AS(metric.forward(numbers({2})), SyncError);
  CHECK_THROWS_AS(metric.sync(), SyncError);
  CHECK_FALSE(metric.is_synced());
  CHECK(picture(metric) == before);
  metric.set_metric_options({.sync_on_compute = false});
  CHECK(value_of(metric) == 1);
}

TEST_CASE("a group is needed where one is said to be") {
  MetricOptions common;
  common.distributed_available_fn = [] { return true; };
  Tally metric({}, common);
  metric.update(numbers({1}));
  CHECK_THROWS_WITH_AS(metric.compute(), doctest::Contains("no process group"), SyncError);
}

TEST_CASE("forward with dist_sync_on_step gives the value over the ranks' batches") {
  Tally other;
  other.update(numbers({10}));
  const auto ranks = std::make_shared<FakeRanks>(std::vector<const Metric*>{&other});
  Tally metric({}, {.dist_sync_on_step = true, .process_group = ranks});
  metric.update(numbers({1}));
  CHECK(metric.forward(numbers({2})).item<float>() == 12);
  CHECK(metric.states()["total"].tensor().item<double>() == 3);
}

TEST_CASE("sync shows the merged states until unsync puts the local ones back") {
  Tally other;
  other.update(numbers({10}));
  const auto ranks = std::make_shared<FakeRanks>(std::vector<const Metric*>{&other});
  Tally metric({}, {.process_group = ranks});
  CHECK_THROWS_AS(metric.unsync(), Error);
  metric.update(numbers({1}));
  const std::string local = picture(metric);
  metric.sync();
  CHECK(metric.is_synced());
  CHECK(metric.update_count() == 2);
  CHECK(value_of(metric) == 11);
  CHECK(ranks->calls == 1);

  Tally unsynced;
  CHECK_THROWS_WITH_AS(metric.sync(), doctest::Contains("synced already"), Error);
  CHECK_THROWS_WITH_AS(metric.update(numbers({1})), doctest::Contains("unsync"), Error);
  CHECK_THROWS_AS(metric.forward(numbers({1})), Error);
  CHECK_THROWS_AS(metric.merge(unsynced), Error);
  CHECK_THROWS_AS(unsynced.merge(metric), Error);
  CHECK_THROWS_AS(metric.load_state_dict({}), Error);
  CHECK_THROWS_AS(metric.set_metric_options({}), Error);
  CHECK_THROWS_AS(metric.install_synced(metric.states()), Error);

  Tally copy = metric;
  metric.unsync();
  CHECK(picture(metric) == local);
  CHECK_THROWS_AS(metric.unsync(), Error);
  CHECK(value_of(metric) == 11);
  copy.unsync();
  CHECK(picture(copy) == local);
}

TEST_CASE("reset ends a sync, and what set_dtype and to do reaches the local states too") {
  Tally other;
  other.update(numbers({10}));
  const auto ranks = std::make_shared<FakeRanks>(std::vector<const Metric*>{&other});
  Tally metric({}, {.process_group = ranks});
  metric.update(numbers({1}));
  metric.sync();
  metric.set_dtype(at::kDouble);
  metric.to(at::kCPU);
  metric.unsync();
  CHECK((metric.dtype() == at::kDouble));
  CHECK((metric.states()["rows"].tensor().scalar_type() == at::kDouble));
  metric.sync();
  metric.reset();
  CHECK_FALSE(metric.is_synced());
  CHECK(metric.update_count() == 0);
}

TEST_CASE("a scope of sync ends with the local states, also by an exception or without ranks") {
  Tally other;
  other.update(numbers({10}));
  const auto ranks = std::make_shared<FakeRanks>(std::vector<const Metric*>{&other});
  Tally metric({}, {.process_group = ranks});
  metric.update(numbers({1}));
  try {
    const metrics::SyncScope scope(metric);
    CHECK(value_of(metric) == 11);
    throw std::runtime_error("inside");
  } catch (const std::runtime_error&) {
  }
  CHECK_FALSE(metric.is_synced());
  CHECK(metric.states()["rows"].rows() == 1);
  {
    const metrics::SyncScope scope(metric);
    metric.unsync();
  }
  Tally alone;
  alone.update(numbers({1}));
  const metrics::SyncScope scope(alone);
  CHECK_FALSE(alone.is_synced());
  CHECK(value_of(alone) == 1);
}

TEST_CASE("a functional keeps nothing and takes the device of its inputs") {
  using metrics::testing::SeenDefinition;
  const auto result =
      metrics::compute_once<SeenDefinition>({.factor = 3}, numbers({1, 2}), std::vector<std::string>{"abc"});
  CHECK(at::equal(result.value, numbers({3, 6})));
  CHECK(result.words.item<int64_t>() == 3);
  CHECK_THROWS_AS(metrics::compute_once<TallyDefinition>({}, Tensor()), InvalidArgument);
}

TEST_CASE("results of the dynamic face are tuples for structs") {
  Seen seen({.factor = 2});
  Metric& metric = seen;
  const c10::IValue value = metric.forward({numbers({1, 2}), "abc", 2});
  REQUIRE(value.isTuple());
  CHECK(at::equal(value.toTupleRef().elements()[0].toTensor(), numbers({4, 8})));
  CHECK(value.toTupleRef().elements()[1].toTensor().item<int64_t>() == 3);
}

TEST_CASE("different metrics may be used in different threads") {
  std::vector<double> values(4);
  Tally original;
  original.update(numbers({1}));
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < values.size(); ++t) {
    threads.emplace_back([&values, t, metric = original]() mutable {
      for (int i = 0; i < 200; ++i) {
        metric.update(numbers({static_cast<float>(t)}));
        metric.forward(numbers({1}));
        metric.compute();
      }
      metric.merge(metric);
      values[t] = metric.compute().item<double>();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t t = 0; t < values.size(); ++t) CHECK(values[t] == 2.0 * (1 + 200.0 * static_cast<double>(t) + 200));
}

}  // namespace metric_test
