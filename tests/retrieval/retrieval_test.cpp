// What fixtures cannot say: sample ids that lack, states that do not go together, and the typed face.

#include "retrieval/ranking.h"
#include <metrics/core/errors.h>
#include <metrics/core/registry.h>
#include <metrics/core/sample_ids.h>
#include <metrics/core/update_together.h>
#include <metrics/retrieval/reciprocal_rank.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <tuple>
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
  loaded.load_state_dict(saved, "m.");
  CHECK_THROWS_WITH_AS(loaded.compute(), doctest::Contains("2 preds and 1 targets"), metrics::Error);
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
  CHECK(retrieval_reciprocal_rank(scores({0.2, 0.3, 0.5}), integers({0, 1, 0}), 1).item<double>() == 0);
  CHECK(retrieval_reciprocal_rank(scores({0.2, 0.3}), integers({0, 0})).item<double>() == 0);
  CHECK((retrieval_reciprocal_rank(scores({0.3}), integers({1})).scalar_type() == at::kFloat));
  CHECK_THROWS_AS(retrieval_reciprocal_rank(scores({}), integers({})), InvalidArgument);
  CHECK_THROWS_AS(retrieval_reciprocal_rank(scores({0.2}), integers({2})), InvalidArgument);
  CHECK_THROWS_AS(retrieval_reciprocal_rank(scores({0.2}), integers({1}), 0), InvalidArgument);
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
  const RetrievalMRR all({.top_k = 3}), lowest({.aggregation = metrics::RetrievalAggregation::Min});
  CHECK(all.update_key() == lowest.update_key());
  CHECK(all.update_key() != RetrievalMRR({.ignore_index = -1}).update_key());
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
  for (const std::size_t count : {1u, 7u, 511u, 512u, 3000u}) {
    std::vector<double> preds(count);
    std::vector<int64_t> target(count);
    for (std::size_t i = 0; i < count; ++i) {
      const bool plain = random() % 4 != 0;
      preds[i] = plain ? static_cast<double>(static_cast<int64_t>(random() % 2001) - 1000) / 8 : special[random() % 9];
      target[i] = static_cast<int64_t>(random() % 2);
    }
    std::vector<std::tuple<bool, double, float>> expected;
    for (std::size_t i = 0; i < count; ++i) {
      const bool nan = std::isnan(preds[i]);
      expected.emplace_back(!nan, nan ? 0 : -preds[i], static_cast<float>(target[i]));
    }
    std::sort(expected.begin(), expected.end());
    const auto ranked = metrics::retrieval::ranked_query("test", at::tensor(preds, at::kDouble), integers(target));
    REQUIRE(ranked.documents.size() == count);
    REQUIRE(ranked.ends == std::vector{count});
    bool same = true;
    for (std::size_t i = 0; i < count; ++i) {
      const auto [number, negated, relevance] = expected[i];
      const auto& document = ranked.documents[i];
      same =
          same && document.relevance == relevance && (number ? document.score == -negated : std::isnan(document.score));
    }
    CHECK(same);
  }
}
