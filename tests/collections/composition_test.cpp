#include "core/fake_ranks.h"
#include "core/user_metrics.h"
#include <metrics/classification/accuracy.h>
#include <metrics/classification/confusion_matrix.h>
#include <metrics/classification/precision_recall.h>
#include <metrics/classification/roc.h>
#include <metrics/collections/composition.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/core/dynamic.h>
#include <metrics/core/errors.h>
#include <metrics/regression/mse.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

#include <concepts>
#include <sstream>

namespace composition_test {
namespace {

using at::Tensor;
using metrics::CompositionalMetric;
using metrics::Error;
using metrics::InvalidArgument;
using metrics::MeanSquaredError;
using metrics::Metric;
using metrics::MetricCollection;
using metrics::share;
using metrics::collections::Operator;
using metrics::testing::FakeRanks;
using metrics::testing::Tally;

/// A metric whose value is the sum of what it was given.
Tally tally(double value) {
  Tally metric;
  metric.update(at::full({1}, value));
  return metric;
}

double number(CompositionalMetric metric) {
  return metric.compute().item<double>();
}

bool truth(CompositionalMetric metric) {
  return metric.compute().item<bool>();
}

template <class A, class B>
concept Adds = requires(A&& a, B&& b) {
  std::forward<A>(a) + std::forward<B>(b);
};
template <class A>
concept Negates = requires(A&& a) {
  -std::forward<A>(a);
};

}  // namespace

TEST_CASE("composition: metrics with names of their own do not compose by accident, nor do things that are none") {
  static_assert(!Adds<Tally&, int>);
  static_assert(!Adds<const Tally&, Tally>);
  static_assert(!Adds<double, Tally&>);
  static_assert(!Negates<Tally&>);
  static_assert(!Adds<Tally, std::string>);
  static_assert(!Adds<CompositionalMetric&, int>);
  static_assert(Adds<Tally, int>);
  static_assert(Adds<Tensor, metrics::Shared<Tally>&>);
  static_assert(Adds<std::unique_ptr<Metric>, double>);
}

TEST_CASE("composition: what cannot be a formula is refused") {
  CHECK_THROWS_AS(CompositionalMetric(Operator::Add, 1, metrics::Operand(2)), InvalidArgument);
  CHECK_THROWS_AS(CompositionalMetric(Operator::Add, Tally()), InvalidArgument);
  CHECK_THROWS_AS(CompositionalMetric(Operator::Abs, Tally(), metrics::Operand(2)), InvalidArgument);
  CHECK_THROWS_AS(CompositionalMetric(Operator::GetItem, Tally()), InvalidArgument);
  CHECK_THROWS_AS(CompositionalMetric(2, int64_t{0}), InvalidArgument);
  CHECK_THROWS_AS(Tally() + Tensor(), InvalidArgument);
}

TEST_CASE("composition: values that an operator does not take are an error that shows the formula") {
  CHECK_THROWS_WITH_AS(number(metrics::bitwise_not(tally(1.5))), doctest::Contains("~Tally("), Error);
  CHECK_THROWS_AS((tally(1) + at::ones({2})).forward(at::ones({3}), at::ones({3})), InvalidArgument);
  CHECK_THROWS_AS(number(metrics::index(tally(1), 0)), Error);
  MetricCollection dict({{"a", tally(1)}});
  CHECK_THROWS_WITH_AS(number(share(MetricCollection(dict)) * 2), doctest::Contains("tensors and numbers"), Error);
  CHECK_THROWS_AS(number(metrics::index(share(MetricCollection(dict)), "b")), Error);
  CHECK(number(metrics::index(share(MetricCollection(dict)), "a")) == 1);
}

TEST_CASE("composition: a call that throws changes no operand") {
  auto first = share(Tally());
  auto failing = share(MeanSquaredError());
  auto both = first + failing;
  CHECK_THROWS_AS(both.update(at::ones({2})), InvalidArgument);
  CHECK_THROWS_AS(both.update({}, {{"nobody's", at::ones({2})}}), InvalidArgument);
  CHECK(first->update_count() == 0);
  CHECK(both.update_count() == 0);
}

TEST_CASE("composition: each operator, with numbers, tensors and metrics on either side") {
  CHECK(number(tally(7) + 2) == 9);
  CHECK(number(2 + tally(7)) == 9);
  CHECK(number(tally(7) - 2) == 5);
  CHECK(number(2 - tally(7)) == -5);
  CHECK(number(tally(7) * tally(2)) == 14);
  CHECK(number(tally(7) / 2) == 3.5);
  CHECK(number(2.0 / tally(8)) == 0.25);
  CHECK(number(-tally(7) % 2) == -1);
  CHECK(number(metrics::fmod(7, tally(4))) == 3);
  CHECK(number(metrics::floor_divide(-tally(7), 2)) == -4);
  CHECK(number(metrics::pow(tally(3), 2)) == 9);
  CHECK(number(metrics::pow(2, tally(3))) == 8);
  CHECK(number(-tally(3)) == -3);
  CHECK(number(metrics::neg(-tally(3))) == 3);
  CHECK(number(+-tally(3)) == -3);
  CHECK(number(metrics::pos(-tally(3))) == -3);
  CHECK(number(metrics::abs(-tally(3))) == 3);
  CHECK(at::equal((at::tensor({1.0f, 2.0f}) * tally(3)).compute(), at::tensor({3.0f, 6.0f})));
  CHECK(number(metrics::matmul(tally(1) * at::ones({2}), at::full({2}, 3.0f))) == 6);
  CHECK(number(metrics::index(tally(1) * at::tensor({4.0f, 5.0f}), -1)) == 5);
  CHECK_THROWS_AS(number(metrics::index(tally(1) * at::tensor({4.0f, 5.0f}), 2)), Error);
  CHECK(truth(metrics::equal(tally(2), 2)));
  CHECK(truth(metrics::not_equal(tally(2), 3)));
  CHECK(truth(metrics::less(tally(2), 3)));
  CHECK_FALSE(truth(metrics::less(3, tally(2))));
  CHECK(truth(metrics::less_equal(tally(2), 2)));
  CHECK(truth(metrics::greater(3, tally(2))));
  CHECK_FALSE(truth(metrics::greater(tally(2), 2)));
  CHECK(truth(metrics::greater_equal(tally(2), 2)));
  const auto above = [](double limit) { return metrics::greater(tally(2), limit); };
  CHECK_FALSE(truth(metrics::bitwise_and(above(1), above(3))));
  CHECK(truth(metrics::bitwise_or(above(1), above(3))));
  CHECK(truth(metrics::bitwise_xor(above(1), true)) == false);
  CHECK(truth(metrics::bitwise_not(above(3))));
  CHECK(((tally(7) * 2).compute().scalar_type() == at::kFloat));
}

TEST_CASE("composition: a metric that occurs twice is updated once, by position and by name, and forward accumulates") {
  auto sum = share(Tally());
  auto error = share(MeanSquaredError());
  auto mean = sum * sum + sum;
  CHECK(mean.forward(at::full({2}, 2.0)).item<double>() == 20);
  CHECK(mean.forward(at::ones({1})).item<double>() == 2);
  CHECK(sum->update_count() == 2);
  CHECK(mean.compute().item<double>() == 30);
  auto mixed = sum + (sum * error);
  sum->reset();
  mixed.update({}, {{"preds", at::ones({2})}, {"target", at::zeros({2})}, {"value", at::ones({2})}});
  CHECK(sum->update_count() == 1);
  CHECK(mixed.compute().item<double>() == 4);
  mixed.reset();
  CHECK(sum->update_count() == 0);
}

TEST_CASE("composition: members of collections, which may hold its operands, too") {
  auto sum = share(Tally());
  MetricCollection metrics({{"sum", sum}, {"percent", 100 * sum}, {"more", sum + MeanSquaredError()}});
  metrics.update({}, {{"preds", at::ones({2})}, {"target", at::zeros({2})}, {"value", at::ones({2})}});
  CHECK(sum->update_count() == 1);
  CHECK(metrics.compute().tensor("percent").item<double>() == 200);
  CHECK(metrics.compute().tensor("more").item<double>() == 3);
  MetricCollection copy = metrics;
  copy["sum"].reset();
  CHECK(copy.compute().tensor("percent").item<double>() == 0);
  CHECK(metrics.compute().tensor("percent").item<double>() == 200);
}

TEST_CASE("composition: forward carries gradients, compute none") {
  auto metric = 3 * MeanSquaredError() + 1;
  const Tensor preds = at::tensor({1.0, 2.0}).requires_grad_();
  const Tensor value = metric.forward(preds, at::zeros({2}, at::kDouble));
  REQUIRE(value.requires_grad());
  value.backward();
  CHECK(at::equal(preds.grad(), at::tensor({3.0, 6.0})));
  CHECK_FALSE(metric.compute().requires_grad());
}

TEST_CASE("composition: what occurs twice is synchronised once") {
  Tally other = tally(3);
  const auto ranks = std::make_shared<FakeRanks>(std::vector<const Metric*>{&other});
  auto sum = share(Tally());
  auto product = sum * sum;
  product.set_metric_options({.process_group = ranks});
  product.update(at::ones({2}));
  CHECK(product.compute().item<double>() == 25);
  CHECK(ranks->calls == 1);
}

TEST_CASE("composition: state dicts have torchmetrics' keys") {
  auto metric = Tally() * 2 + Tally();
  metric.update(at::ones({2}));
  metric.persistent(true);
  const auto dict = metric.state_dict("m.");
  CHECK(dict.states.contains("m.metric_a.metric_a.total"));
  CHECK(dict.states.contains("m.metric_b.total"));
  auto loaded = Tally() * 2 + Tally();
  loaded.load_state_dict(dict, "m.");
  CHECK(loaded.compute().item<double>() == 6);
  CHECK(loaded.update_count() == 1);
}

TEST_CASE("composition: merges, and refuses other formulas") {
  auto a = Tally() * 2, b = Tally() * 2, c = Tally() * 3;
  a.update(at::ones({2}));
  b.update(at::ones({3}));
  a.merge(b);
  CHECK(a.compute().item<double>() == 10);
  CHECK_THROWS_AS(a.merge(c), InvalidArgument);
  auto shared = share(Tally());
  auto once = shared + shared, twice = Tally() + Tally();
  CHECK_THROWS_AS(once.merge(twice), InvalidArgument);
}

TEST_CASE("composition: prints as its formula, with parentheses where they are needed") {
  const std::string t = Tally().to_string();
  const auto text = [](const CompositionalMetric& metric) { return metric.formula(); };
  CHECK(text(Tally() * 100 + 1) == t + " * 100 + 1");
  CHECK(text((Tally() + 1) * 100) == "(" + t + " + 1) * 100");
  CHECK(text(1 - (2 - Tally())) == "1 - (2 - " + t + ")");
  CHECK(text((Tally() - 1) - 2) == t + " - 1 - 2");
  CHECK(text(metrics::pow(Tally() * 2, -1)) == "(" + t + " * 2) ** (-1)");
  CHECK(text(metrics::pow(2, metrics::pow(Tally(), 3))) == "2 ** " + t + " ** 3");
  CHECK(text(metrics::pow(metrics::pow(Tally(), 3), 2)) == "(" + t + " ** 3) ** 2");
  CHECK(text(-(Tally() + 1)) == "-(" + t + " + 1)");
  CHECK(text(metrics::abs(Tally() - 1)) == "abs(" + t + " - 1)");
  CHECK(text(metrics::index(Tally() + 1, 0)) == "(" + t + " + 1)[0]");
  CHECK(text(metrics::index(Tally(), "a")) == t + "['a']");
  CHECK(text(metrics::less(metrics::less(Tally(), 1), 0.5)) == "(" + t + " < 1) < 0.5");
  std::ostringstream out;
  out << Tally() * 2;
  CHECK(out.str() == "CompositionalMetric(" + t + " * 2)");
}

}  // namespace composition_test
