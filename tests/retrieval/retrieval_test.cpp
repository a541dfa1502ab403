// What fixtures cannot say: sample ids that lack, states that do not go together, and the typed face.

#include "../core/fake_ranks.h"
#include "retrieval/ranking.h"
#include <metrics/core/errors.h>
#include <metrics/core/registry.h>
#include <metrics/core/sample_ids.h>
#include <metrics/core/update_together.h>
#include <metrics/retrieval/auroc.h>
#include <metrics/retrieval/average_precision.h>
#include <metrics/retrieval/fall_out.h>
#include <metrics/retrieval/ndcg.h>
#include <metrics/retrieval/precision.h>
#include <metrics/retrieval/precision_recall_curve.h>
#include <metrics/retrieval/r_precision.h>
#include <metrics/retrieval/reciprocal_rank.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

using metrics::InvalidArgument;
using metrics::RetrievalMRR;
using metrics::Rows;
using metrics::Tensor;
using metrics::functional::retrieval_reciprocal_rank;

namespace {

Tensor integers(std::vector<int64_t> numbers) {
  return at::tensor(numbers, at::kLong);
}
Tensor scores(std::vector<double> numbers) {
  return at::tensor(numbers, at::kFloat);
}

double value(RetrievalMRR& metric) {
  return metric.compute().item<double>();
}

}  // namespace

TEST_CASE("retrieval: rows that come again with their sample id count once, the lowest rank's first") {
  RetrievalMRR low, high;
  low.update(scores({0.9, 0.5}), integers({0, 1}), integers({4, 4}), Rows{.ids = integers({10, 11})});
  high.update(scores({0.95, 0.7}), integers({1, 1}), integers({4, 4}), Rows{.ids = integers({10, 12})});
  RetrievalMRR merged = low;
  merged.merge(high);
  CHECK(value(merged) == 0.5);  // with high's row 10 it would be 1
  merged = high;
  merged.merge(low);
  CHECK(value(merged) == 1);
  merged.update(scores({0.99}), integers({0}), integers({4}), Rows{.ids = integers({12})});
  CHECK(value(merged) == 1);
}

TEST_CASE("retrieval: of a row with several documents each has an id of its own") {
  RetrievalMRR metric;
  const Tensor preds = scores({0.9, 0.5, 0.8, 0.3}).view({2, 2});
  const Tensor target = integers({0, 1, 1, 0}).view({2, 2});
  const Tensor indexes = integers({1, 1, 2, 2}).view({2, 2});
  metric.update(preds, target, indexes, Rows{.ids = integers({5, 6})});
  CHECK(value(metric) == 0.75);
  metric.update(preds, target, indexes, Rows{.ids = integers({5, 6})});
  CHECK(metric.states()["_ids"].rows() == 8);
  CHECK(value(metric) == 0.75);
  RetrievalMRR masked({.ignore_index = 0});
  masked.update(preds, target, indexes, Rows{.valid = integers({0, 1}).to(at::kBool), .ids = integers({5, 6})});
  REQUIRE(masked.states()["_ids"].rows() == 1);
  CHECK(masked.states()["_ids"].tensor().equal(integers({6, 0}).view({1, 2})));
}

TEST_CASE("retrieval: where one row has a sample id, all need one") {
  RetrievalMRR metric;
  metric.update(scores({0.9, 0.5}), integers({0, 1}), integers({4, 4}), Rows{.ids = integers({10, 11})});
  metric.update(scores({0.9}), integers({1}), integers({3}));
  CHECK_THROWS_WITH_AS(metric.compute(), doctest::Contains("2 of 3 rows have a sample id"), metrics::Error);
  metric.reset();
  metric.update(scores({0.9}), integers({1}), integers({3}));
  CHECK(value(metric) == 1);
  CHECK_THROWS_AS(metric.update(scores({0.9}), integers({1}), integers({3}), Rows{.ids = integers({1, 2})}),
                  InvalidArgument);
}

TEST_CASE("sample ids: a row and a place in it for each element") {
  const Tensor ids = metrics::ids_of_elements(integers({7, 8}), {2, 1, 3});
  CHECK(ids.equal(integers({7, 0, 7, 1, 7, 2, 8, 0, 8, 1, 8, 2}).view({6, 2})));
  CHECK(metrics::ids_of_elements(integers({}), {0, 3}).sizes() == at::IntArrayRef({0, 2}));
  CHECK(metrics::ids_of_elements(integers({3}), {1}).equal(integers({3, 0}).view({1, 2})));
}

TEST_CASE("retrieval: states that do not go together are an error") {
  RetrievalMRR metric;
  metric.persistent(true);
  metric.update(scores({0.9, 0.5}), integers({0, 1}), integers({4, 4}));
  auto saved = metric.state_dict("m.");
  saved.states["m.target"] = std::vector<Tensor>{integers({1})};
  RetrievalMRR loaded;
  CHECK_THROWS_WITH_AS(loaded.load_state_dict(saved, "m."),
                       doctest::Contains("key `m.target`: has 1 row beside 2 rows of `indexes`"), InvalidArgument);
}

TEST_CASE("retrieval: a caller may write into its tensors after an update") {
  RetrievalMRR metric;
  Tensor preds = scores({0.9, 0.5, 0.3}), target = integers({0, 1, 0}), indexes = integers({4, 4, 4});
  metric.update(preds, target, indexes);
  preds.fill_(7);
  target.fill_(1);
  indexes.fill_(-1);
  CHECK(value(metric) == 0.5);
  metric.update(preds, target, indexes);
  CHECK(value(metric) == 0.75);
}

TEST_CASE("retrieval: after a reset only what comes counts, and copies share nothing") {
  RetrievalMRR metric;
  metric.update(scores({0.9, 0.5, 0.3}), integers({0, 1, 0}), integers({4, 4, 4}));
  RetrievalMRR copy = metric;
  const auto clone = metric.clone();
  for (int epoch = 0; epoch < 3; ++epoch) {
    metric.reset();
    CHECK(metric.states()["preds"].rows() == 0);
    metric.update(scores({0.9, 0.5}), integers({1, 0}), integers({4, 4}));
    metric.update(scores({0.9, 0.5, 0.4, 0.3}), integers({0, 0, 0, 1}), integers({5, 5, 5, 5}));
    CHECK(value(metric) == 0.625);
  }
  CHECK(value(copy) == 0.5);
  CHECK(clone->compute().toTensor().item<double>() == 0.5);
  copy.reset();
  copy.update(scores({0.1}), integers({1}), integers({1}));
  CHECK(value(copy) == 1);
  CHECK(value(metric) == 0.625);
}

TEST_CASE("retrieval: documents are kept in 9 bytes, and in a state dict as torchmetrics has them") {
  RetrievalMRR metric;
  metric.persistent(true);
  metric.update(scores({0.9, 0.5}), integers({0, 1}), integers({4, -7}));
  metric.update(scores({0.8, 0.4}), integers({1, 0}).to(at::kBool), integers({4, -7}));
  CHECK((metric.states()["indexes"].tensor().scalar_type() == at::kInt));
  CHECK((metric.states()["preds"].tensor().scalar_type() == at::kFloat));
  CHECK((metric.states()["target"].tensor().scalar_type() == at::kByte));
  const double expected = value(metric);
  const auto saved = metric.state_dict("m.");
  const auto shown = [&](const char* key) { return std::get<std::vector<Tensor>>(saved.states.at(key)).at(0); };
  CHECK((shown("m.indexes").scalar_type() == at::kLong));
  CHECK(shown("m.indexes").equal(integers({4, -7, 4, -7})));
  CHECK((shown("m.target").scalar_type() == at::kLong));
  CHECK(shown("m.target").equal(integers({0, 1, 1, 0})));
  for (const auto& [key, entry] : *saved.find_metadata_of("m.")) {
    CHECK(key.find("target") == std::string::npos);
    CHECK(key.find("indexes") == std::string::npos);
  }
  RetrievalMRR loaded;
  loaded.persistent(true);
  loaded.load_state_dict(saved, "m.");
  CHECK((loaded.states()["indexes"].tensor().scalar_type() == at::kInt));
  CHECK((loaded.states()["target"].tensor().scalar_type() == at::kByte));
  CHECK(value(loaded) == expected);
  loaded.update(scores({0.95}), integers({1}), integers({4}));
  CHECK(value(loaded) == 1);
}

TEST_CASE("retrieval: indexes beyond int32 are queries of their own, whenever they come") {
  constexpr int64_t wrap = int64_t{1} << 32;
  const Tensor near = integers({1, 1, 2, 2}), far = integers({1 + wrap, 1 + wrap, 2 - wrap, 2 - wrap});
  const Tensor preds = scores({0.9, 0.5, 0.8, 0.3});
  const Tensor first = integers({1, 0, 1, 0}), second = integers({0, 1, 0, 1});
  RetrievalMRR near_first, far_first, twice_far, near_alone, far_alone;
  near_first.update(preds, first, near);
  near_first.update(preds, second, far);
  far_first.update(preds, second, far);
  far_first.update(preds, first, near);
  near_alone.update(preds, first, near);
  far_alone.update(preds, second, far);
  twice_far.update(preds, second, far);
  twice_far.update(preds, first, far);  // the same documents: ties, of which the irrelevant come first
  CHECK(value(near_first) == 0.75);
  CHECK(value(far_first) == 0.75);
  CHECK(value(twice_far) == 0.5);
  CHECK((near_alone.states()["indexes"].tensor().scalar_type() == at::kInt));
  for (RetrievalMRR* const metric : {&near_first, &far_first, &far_alone}) {
    CHECK((metric->states()["indexes"].tensor().scalar_type() == at::kLong));
  }
  RetrievalMRR merged = near_alone;
  merged.merge(far_alone);
  CHECK(value(merged) == 0.75);
  merged = far_alone;
  merged.merge(near_alone);
  CHECK(value(merged) == 0.75);
  merged.persistent(true);
  RetrievalMRR loaded;
  loaded.persistent(true);
  loaded.load_state_dict(merged.state_dict("m."), "m.");
  CHECK(loaded.states()["indexes"].tensor().equal(at::cat({far, near})));
  merged.reset();
  merged.update(preds, first, near);
  CHECK((merged.states()["indexes"].tensor().scalar_type() == at::kInt));
  CHECK(value(merged) == 1);
}

TEST_CASE("retrieval: ranks that keep their indexes in different widths agree on one value") {
  constexpr int64_t wrap = int64_t{1} << 32;
  RetrievalMRR other, none;
  other.update(scores({0.9, 0.5}), integers({0, 1}), integers({1 + wrap, 1 + wrap}));
  RetrievalMRR metric;
  metric.update(scores({0.9, 0.5}), integers({1, 0}), integers({1, 1}));
  metric.set_metric_options({.process_group = std::make_shared<metrics::testing::FakeRanks>(
                                 std::vector<const metrics::Metric*>{&none, &other})});
  CHECK(value(metric) == 0.75);
}

TEST_CASE("retrieval: an update that is refused leaves no trace, and in the way of none that follow") {
  const Tensor preds = scores({0.9, 0.5}), good = integers({0, 1}), indexes = integers({4, 4});
  for (const bool first : {true, false}) {
    CAPTURE(first);
    RetrievalMRR metric;
    if (!first) metric.update(preds, good, indexes);
    for (const Tensor& bad : {integers({1, 2}), integers({-1, 1}), integers({0, 256})}) {
      CHECK_THROWS_WITH_AS(metric.update(preds, bad, indexes), doctest::Contains("relevances from 0 to 1"),
                           InvalidArgument);
    }
    CHECK_THROWS_AS(metric.update(preds, good, indexes, Rows{.ids = integers({1})}), InvalidArgument);
    for (const char* state : {"indexes", "preds", "target"}) {
      CHECK(metric.states()[state].rows() == (first ? 0 : 2));
      CHECK(metric.states()[state].tensor().defined() == !first);
    }
    CHECK(metric.update_count() == (first ? 0 : 1));
    metric.update(preds, first ? good.to(at::kFloat) : good, indexes);
    CHECK(value(metric) == doctest::Approx(first ? 0.5 : 1.0 / 3));
  }
}

TEST_CASE("retrieval: documents of every form are the same documents") {
  const Tensor preds = scores({0.9, 0.5, 0.8, 0.3, 0.7, 0.6}), target = integers({0, 1, 0, 1, 0, 1});
  const Tensor indexes = integers({1, 1, 2, 2, 2, 1});
  RetrievalMRR plain;
  plain.update(preds, target, indexes);
  const double expected = value(plain);
  const auto given = [&](const Tensor& p, const Tensor& t, const Tensor& i) {
    RetrievalMRR metric;
    metric.update(p, t, i);
    metric.update(p, t, i);
    RetrievalMRR twice;
    twice.update(preds, target, indexes);
    twice.update(preds, target, indexes);
    CHECK(value(metric) == value(twice));
    RetrievalMRR mixed;
    mixed.update(p.reshape({-1}).narrow(0, 0, 2), t.reshape({-1}).narrow(0, 0, 2), i.reshape({-1}).narrow(0, 0, 2));
    const auto rest = [](const Tensor& all) { return all.reshape({-1}).narrow(0, 2, 4).contiguous(); };
    const Tensor others = t.is_floating_point() ? target.to(at::kFloat) : target;
    mixed.update(rest(preds), rest(others), rest(indexes));
    CHECK(value(mixed) == expected);
  };
  given(preds, target, indexes);
  given(preds.view({3, 2}), target.view({3, 2}), indexes.view({3, 2}));
  given(preds.to(at::kDouble), target, indexes);
  for (const auto dtype : {at::kBool, at::kByte, at::kInt, at::kFloat, at::kDouble}) {
    given(preds, target.to(dtype), indexes);
  }
  const auto strided = [](const Tensor& t) { return at::stack({t, t}, 1).select(1, 0); };
  given(strided(preds), strided(target), strided(indexes));
  RetrievalMRR wide;
  wide.set_dtype(at::kDouble);
  wide.update(preds, target, indexes);
  CHECK((wide.states()["preds"].tensor().scalar_type() == at::kDouble));
  CHECK(value(wide) == doctest::Approx(expected));
  RetrievalMRR masked;
  const Tensor all = at::ones({6}, at::kBool);
  masked.update(preds, target, indexes, Rows{.valid = all});
  CHECK((masked.states()["indexes"].tensor().scalar_type() == at::kInt));
  CHECK((masked.states()["target"].tensor().scalar_type() == at::kByte));
  CHECK(value(masked) == expected);
}

TEST_CASE("retrieval: states of more numbers than rows are an error") {
  RetrievalMRR metric;
  metric.persistent(true);
  metric.update(scores({0.9, 0.5}), integers({0, 1}), integers({4, 4}));
  auto saved = metric.state_dict("m.");
  saved.states["m.target"] = std::vector<Tensor>{integers({1, 0, 1, 0}).view({2, 2})};
  RetrievalMRR loaded;
  CHECK_THROWS_WITH_AS(loaded.load_state_dict(saved, "m."),
                       doctest::Contains("key `m.target`: expected one number a document, got shape [2, 2]"),
                       InvalidArgument);
}

TEST_CASE("retrieval: targets of integers and of floating numbers do not mix, and nothing changes") {
  RetrievalMRR metric;
  metric.update(scores({0.9, 0.5}), integers({0, 1}), integers({4, 4}));
  CHECK_THROWS_AS(metric.update(scores({0.9}), scores({1}), integers({4})), InvalidArgument);
  CHECK(metric.states()["indexes"].rows() == 2);
  CHECK(value(metric) == 0.5);
  CHECK_THROWS_AS(metric.update(scores({0.9}), integers({1}).to(at::kComplexFloat), integers({4})), InvalidArgument);
  CHECK_THROWS_AS(metric.update(scores({0.9}), scores({std::nan("")}), integers({4})), InvalidArgument);
}

TEST_CASE("retrieval: one query") {
  CHECK(retrieval_reciprocal_rank(scores({0.2, 0.3, 0.5}), integers({0, 1, 0})).item<double>() == 0.5);
  CHECK(retrieval_reciprocal_rank(scores({0.2, 0.3, 0.5}), integers({0, 1, 0}), {.top_k = 1}).item<double>() == 0);
  CHECK(retrieval_reciprocal_rank(scores({0.2, 0.3}), integers({0, 0})).item<double>() == 0);
  CHECK((retrieval_reciprocal_rank(scores({0.3}), integers({1})).scalar_type() == at::kFloat));
  CHECK_THROWS_AS(retrieval_reciprocal_rank(scores({}), integers({})), InvalidArgument);
  CHECK_THROWS_AS(retrieval_reciprocal_rank(scores({0.2}), integers({2})), InvalidArgument);
  CHECK_THROWS_AS(retrieval_reciprocal_rank(scores({0.2}), integers({1}), {.top_k = 0}), InvalidArgument);
  CHECK_THROWS_AS(retrieval_reciprocal_rank(scores({0.2}), integers({1, 0})), InvalidArgument);
  CHECK(metrics::call("retrieval_reciprocal_rank", {scores({0.2, 0.3}), integers({1, 0})}, {{"top_k", 2}})
            .toTensor()
            .item<double>() == 0.5);
  CHECK_THROWS_WITH_AS(
      metrics::call("retrieval_reciprocal_rank", {scores({0.2}), integers({1})}, {{"indexes", integers({1})}}),
      doctest::Contains("indexes"), InvalidArgument);
  CHECK_THROWS_AS(metrics::call("retrieval_reciprocal_rank", {scores({0.2}), 1}), InvalidArgument);
}

TEST_CASE("retrieval: metrics of equal ignore_index share an update") {
  const RetrievalMRR all({.top_k = 3}), lowest({.aggregation = metrics::retrieval::Aggregation::Min});
  CHECK(all.update_key() == lowest.update_key());
  CHECK(all.update_key() != RetrievalMRR({.ignore_index = -1}).update_key());
}

TEST_CASE("retrieval: metrics that are updated together go on in the memory that they had before a reset") {
  RetrievalMRR a, b({.top_k = 1}), c({.top_k = 2});
  const auto epoch = [&](double score) {
    for (int batch = 0; batch < 3; ++batch) {
      metrics::update_together({a, b, c}, scores({score, 0.5}), integers({0, 1}), integers({batch, batch}));
    }
  };
  epoch(0.9);
  const void* const place = a.states()["preds"].tensor().const_data_ptr();
  REQUIRE(c.shares_states_with(a));
  for (int i = 0; i < 2; ++i) {
    for (RetrievalMRR* const metric : {&a, &b, &c}) metric->reset();
    epoch(i == 0 ? 0.3 : 0.9);
    CHECK(a.states()["preds"].tensor().const_data_ptr() == place);
    for (RetrievalMRR* const metric : {&b, &c}) CHECK(metric->shares_states_with(a));
    CHECK(value(a) == (i == 0 ? 1 : 0.5));
    CHECK(value(b) == (i == 0 ? 1 : 0));
  }
}

TEST_CASE("retrieval: a function aggregates the values of the queries, by ascending index") {
  Tensor seen;
  RetrievalMRR metric({.aggregation = [&](const Tensor& values) {
    seen = values;
    return values.prod() / 3;
  }});
  CHECK(value(metric) == 0);  // as always without any query
  CHECK_FALSE(seen.defined());
  metric.update(scores({0.9, 0.5, 0.3}), integers({1, 0, 0}), integers({7, 7, 7}));
  metric.update(scores({0.9, 0.5, 0.4, 0.3}), integers({0, 1, 0, 1}), integers({-2, -2, 3, 3}));
  CHECK(value(metric) == doctest::Approx(1.0 / 12));
  CHECK(seen.equal(at::tensor({0.5, 0.5, 1.0}, at::kDouble)));
  RetrievalMRR copy = metric;
  copy.merge(metric);
  CHECK(value(copy) > 0);
  CHECK(seen.numel() == 3);
  CHECK(metric.update_key() == RetrievalMRR().update_key());
  CHECK(metric.to_string().find("aggregation='a function'") != std::string::npos);
}

TEST_CASE("retrieval: a function has to give a tensor, and cannot come from a dict") {
  RetrievalMRR nothing({.aggregation = [](const Tensor&) { return Tensor(); }});
  nothing.update(scores({0.9}), integers({1}), integers({7}));
  CHECK_THROWS_WITH_AS(nothing.compute(), doctest::Contains("aggregation"), InvalidArgument);
  CHECK_THROWS_WITH_AS(metrics::create("RetrievalMRR", {{"aggregation", "lambda"}}),
                       doctest::Contains("a function cannot be given by value"), InvalidArgument);
}

TEST_CASE("ranking: sorted as by comparing, few documents and many, whatever the numbers") {
  std::mt19937_64 random(3);
  const double special[] = {0.0,
                            -0.0,
                            1e-310,
                            -1e-310,
                            1e300,
                            -1e300,
                            std::numeric_limits<double>::infinity(),
                            -std::numeric_limits<double>::infinity(),
                            std::nan("")};
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    for (const std::size_t count : {1u, 7u, 511u, 512u, 3000u, 70000u}) {
      std::vector<double> preds(count);
      std::vector<int64_t> target(count);
      for (std::size_t i = 0; i < count; ++i) {
        const bool plain = random() % 4 != 0;
        preds[i] =
            plain ? static_cast<double>(static_cast<int64_t>(random() % 2001) - 1000) / 8 : special[random() % 9];
        target[i] = static_cast<int64_t>(random() % 2);
      }
      const Tensor given = at::tensor(preds, at::kDouble).to(dtype), wide = given.to(at::kDouble);
      const double* const numbers = wide.const_data_ptr<double>();
      std::vector<std::tuple<bool, double, float>> expected;
      for (std::size_t i = 0; i < count; ++i) {
        const bool nan = std::isnan(numbers[i]);
        expected.emplace_back(!nan, nan ? 0 : -numbers[i], static_cast<float>(target[i]));
      }
      std::sort(expected.begin(), expected.end());
      const auto ranked = metrics::retrieval::ranked_query(given, integers(target));
      REQUIRE(ranked.ends == std::vector{count});
      const auto query = ranked[0];
      bool same = true;
      std::size_t unscored = 0;
      for (std::size_t i = 0; i < count; ++i) {
        const auto [number, negated, relevance] = expected[i];
        const bool tie = i > 0 && std::get<0>(expected[i - 1]) == number && std::get<1>(expected[i - 1]) == negated;
        same = same && query.relevances[i] == relevance && (query.ties[i] != 0) == tie;
        unscored += number ? 0 : 1;
      }
      CHECK(same);
      CHECK(query.unscored == unscored);
    }
  }
}

TEST_CASE("retrieval: queries are found whether they come one after the other, scattered, or far apart") {
  std::mt19937_64 random(5);
  constexpr int64_t count = 3000, queries = 40;
  std::vector<double> preds;
  std::vector<int64_t> target, index;
  for (int64_t i = 0; i < count; ++i) {
    preds.push_back(static_cast<double>(random() % 100000) / 100000);
    target.push_back(static_cast<int64_t>(random() % 4 == 0));
    index.push_back(static_cast<int64_t>(random() % queries));
  }
  const Tensor near = integers(index);
  const Tensor order = near.argsort();
  RetrievalMRR scattered, grouped, far_apart;
  scattered.update(scores(preds), integers(target), near);
  grouped.update(scores(preds).index_select(0, order), integers(target).index_select(0, order),
                 near.index_select(0, order));
  far_apart.update(scores(preds), integers(target), near * 1000003 - 17);
  CHECK(value(scattered) > 0.4);
  CHECK(value(grouped) == value(scattered));
  CHECK(value(far_apart) == value(scattered));
}

TEST_CASE("retrieval: all documents of a query carry its weight") {
  metrics::RetrievalMAP metric;
  const Tensor preds = scores({0.9, 0.5, 0.8, 0.3}), target = integers({0, 1, 1, 0}), indexes = integers({7, 7, 2, 2});
  metric.update(preds, target, indexes, Rows{.weights = at::tensor({3.0, 3.0, 1.0, 1.0})});
  CHECK(metric.compute().item<double>() == 0.625);  // (3 * 0.5 + 1 * 1) / 4
  CHECK(metric.states()["sample_weight"].rows() == 4);
  metric.update(preds, target, integers({1, 1, 1, 1}));  // weighs 1: precisions 1/2 and 2/3 at its relevant documents
  CHECK(metric.compute().item<double>() == doctest::Approx((2.5 + (1.0 / 2 + 2.0 / 3) / 2) / 5));
  metric.update(scores({0.1}), integers({0}), integers({7}));
  CHECK_THROWS_WITH_AS(metric.compute(),
                       doctest::Contains("query 7 has documents of weight 3 and of 1; all documents of a query"),
                       InvalidArgument);
  metrics::RetrievalMAP in_one_update;
  in_one_update.update(preds, target, indexes, Rows{.weights = integers({1, 2, 1, 1})});
  CHECK_THROWS_WITH_AS(in_one_update.compute(), doctest::Contains("query 7"), InvalidArgument);
  metrics::RetrievalMAP dropped;  // documents that weigh 0 are not there
  dropped.update(preds, target, indexes, Rows{.weights = integers({0, 2, 1, 1})});
  CHECK(dropped.compute().item<double>() == 1);
}

TEST_CASE("retrieval: a function aggregates the value of a query as often as it weighs, and takes integers alone") {
  Tensor seen;
  metrics::RetrievalMAP metric({.aggregation = [&](const Tensor& values) {
    seen = values;
    return values.mean();
  }});
  const Tensor preds = scores({0.9, 0.5, 0.8, 0.3}), target = integers({0, 1, 1, 0}), indexes = integers({7, 7, 2, 2});
  metric.update(preds, target, indexes, Rows{.weights = at::tensor({3.0, 3.0, 1.0, 1.0})});
  CHECK(metric.compute().item<double>() == 0.625);
  CHECK(seen.equal(at::tensor({1.0, 0.5, 0.5, 0.5}, at::kDouble)));
  metric.update(preds, target, indexes + 10, Rows{.weights = at::tensor({0.5, 0.5, 1.0, 1.0})});
  CHECK_THROWS_WITH_AS(metric.compute(), doctest::Contains("takes integers alone as weights"), InvalidArgument);
}

TEST_CASE("retrieval: a function aggregates a curve k by k") {
  int calls = 0;
  metrics::RetrievalPrecisionRecallCurve metric({.max_k = 3, .aggregation = [&](const Tensor& values) {
                                                   ++calls;
                                                   return values.sum();
                                                 }});
  metric.update(scores({0.9, 0.5, 0.8, 0.3}), integers({0, 1, 1, 0}), integers({7, 7, 2, 2}));
  const auto curve = metric.compute();
  CHECK(calls == 6);
  CHECK(curve.precision.allclose(at::tensor({1.0f, 1.0f, 2.0f / 3})));
  CHECK(curve.recall.equal(at::tensor({1.0f, 2.0f, 2.0f})));
  metrics::RetrievalPrecisionRecallCurve wrong({.aggregation = [](const Tensor& values) { return values; }});
  wrong.update(scores({0.9, 0.5, 0.8, 0.3}), integers({0, 1, 1, 0}), integers({7, 7, 2, 2}));
  CHECK_THROWS_WITH_AS(wrong.compute(), doctest::Contains("returned 2 numbers for a k"), InvalidArgument);
}

TEST_CASE("retrieval: a curve and the best k without any document") {
  metrics::RetrievalPrecisionRecallCurve curve, three({.max_k = 3});
  CHECK(curve.compute().precision.numel() == 0);
  CHECK(three.compute().recall.equal(at::zeros({3})));
  CHECK(metrics::RetrievalRecallAtFixedPrecision({.min_precision = 0.5, .max_k = 3}).compute().best_k.item<int64_t>() ==
        3);
}

TEST_CASE("retrieval: relevance by degrees in a byte, beyond a byte, and floating; what is not is refused") {
  const Tensor preds = scores({0.9, 0.5, 0.8, 0.3}), indexes = integers({7, 7, 2, 2});
  metrics::RetrievalNormalizedDCG bytes, wide;
  bytes.update(preds, integers({0, 255, 3, 1}), indexes);
  CHECK((bytes.states()["target"].tensor().scalar_type() == at::kByte));
  wide.update(preds, integers({0, 256, 3, 1}), indexes);
  CHECK((wide.states()["target"].tensor().scalar_type() == at::kLong));
  CHECK(wide.compute().item<float>() == bytes.compute().item<float>());
  bytes.update(preds, integers({0, 1000, 3, 1}), indexes + 20);
  CHECK((bytes.states()["target"].tensor().scalar_type() == at::kLong));
  for (const Tensor& bad : {integers({0, -1, 3, 1}), scores({0, std::nan(""), 3, 1}), scores({0, 1e39, 3, 1})}) {
    CHECK_THROWS_WITH_AS(wide.update(preds, bad, indexes), doctest::Contains("relevances of at least 0"),
                         InvalidArgument);
  }
  CHECK(wide.states()["indexes"].rows() == 4);
  CHECK(metrics::RetrievalNormalizedDCG().update_key() != RetrievalMRR().update_key());
}

TEST_CASE("retrieval: metrics of all kinds keep one state in a collection") {
  RetrievalMRR a;
  metrics::RetrievalMAP b;
  metrics::RetrievalFallOut c;
  metrics::RetrievalPrecision d({.top_k = 2, .adaptive_k = true});
  metrics::RetrievalPrecisionRecallCurve e;
  metrics::RetrievalAUROC f({.max_fpr = 0.5});
  metrics::RetrievalRPrecision g;
  metrics::update_together({a, b, c, d, e, f, g}, scores({0.9, 0.5}), integers({0, 1}), integers({4, 4}));
  for (const metrics::Unit* other : {static_cast<const metrics::Unit*>(&b), static_cast<const metrics::Unit*>(&c),
                                     static_cast<const metrics::Unit*>(&d), static_cast<const metrics::Unit*>(&e),
                                     static_cast<const metrics::Unit*>(&f), static_cast<const metrics::Unit*>(&g)}) {
    CHECK(other->shares_states_with(a));
  }
}
