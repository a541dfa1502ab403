// Metrics of a user of the library, three kinds of them, each played in every way that the library's own metrics are.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <metrics/core/define.h>
#include <metrics/testing/check_metric.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

namespace {

using at::Tensor;
using metrics::Reduction;
using metrics::States;
using namespace std::string_view_literals;

/// The fraction of the predictions that are within a tolerance of their target.
struct WithinDefinition {
  static constexpr std::string_view name = "Within";
  struct Options {
    double tolerance = 0.5;
    static constexpr auto fields() { return metrics::fields<&Options::tolerance>(); }
  };
  static constexpr std::array inputs{"preds"sv, "target"sv};
  static constexpr metrics::MetricTraits traits{.higher_is_better = true};

  static void check(const Options& options) {
    if (options.tolerance < 0) throw metrics::InvalidArgument("Within: `tolerance` must not be negative");
  }
  static void declare(States& states, const Options&) {
    states.add("within", Reduction::Sum, at::zeros({}, at::kLong));
    states.add("total", Reduction::Sum, at::zeros({}, at::kLong));
  }
  static void update(States& states, const Options& options, const Tensor& preds, const Tensor& target) {
    states["within"].add((preds - target).abs().le(options.tolerance).sum());
    states["total"].add(at::scalar_tensor(target.numel(), at::kLong));
  }
  static Tensor finalise(const States& states, const Options&) {
    return states["within"].tensor().to(at::kDouble) / states["total"].tensor();
  }
};
using Within = metrics::MetricOf<WithinDefinition>;

/// The variance of all values: three states that only merge together (Chan's formula).
struct SpreadDefinition {
  static constexpr std::string_view name = "Spread";
  using Options = metrics::NoOptions;
  static constexpr std::array inputs{"value"sv};
  static constexpr metrics::MetricTraits traits{};

  static void declare(States& states, const Options&) {
    for (const char* part : {"count", "mean", "squares"}) states.add(part, Reduction::Own, at::zeros({}, at::kDouble));
  }
  static void update(States& states, const Options& options, const Tensor& value) {
    if (value.numel() == 0) return;
    States batch = states.fresh();
    const Tensor values = value.to(at::kDouble);
    batch["count"].set(at::scalar_tensor(value.numel(), at::kDouble));
    batch["mean"].set(values.mean());
    batch["squares"].set((values - values.mean()).square().sum());
    merge(states, batch, options);
  }
  static void merge(States& into, const States& from, const Options&) {
    const Tensor n = into["count"].tensor(), m = from["count"].tensor();
    if (m.item<double>() == 0) return;
    const Tensor distance = from["mean"].tensor() - into["mean"].tensor();
    into["squares"].set(into["squares"].tensor() + from["squares"].tensor() + distance.square() * n * m / (n + m));
    into["mean"].set(into["mean"].tensor() + distance * m / (n + m));
    into["count"].set(n + m);
  }
  static Tensor finalise(const States& states, const Options&) {
    return states["squares"].tensor() / states["count"].tensor();
  }
};
using Spread = metrics::MetricOf<SpreadDefinition>;

/// The mean squared error, made of differentiable operators.
struct SquaredErrorDefinition {
  static constexpr std::string_view name = "SquaredError";
  using Options = metrics::NoOptions;
  static constexpr std::array inputs{"preds"sv, "target"sv};
  static constexpr metrics::MetricTraits traits{.higher_is_better = false, .is_differentiable = true};

  static void declare(States& states, const Options&) {
    states.add("sum", Reduction::Sum, at::zeros({}, at::kDouble));
    states.add("total", Reduction::Sum, at::zeros({}, at::kLong));
  }
  static void update(States& states, const Options&, const Tensor& preds, const Tensor& target) {
    states["sum"].add((preds - target).to(at::kDouble).square().sum());
    states["total"].add(at::scalar_tensor(target.numel(), at::kLong));
  }
  static Tensor finalise(const States& states, const Options&) {
    return states["sum"].tensor() / states["total"].tensor();
  }
};
using SquaredError = metrics::MetricOf<SquaredErrorDefinition>;

const bool registered = [] {
  metrics::register_metric<Within>();
  metrics::register_metric<Spread>();
  metrics::register_metric<SquaredError>();
  return true;
}();

/// Batches whose sizes neither 2 nor 3 ranks share evenly.
std::vector<metrics::Kwargs> pairs() {
  return {{{"preds", at::tensor({1.0f, 2.0f, 3.0f})}, {"target", at::tensor({1.25f, 4.0f, 3.0f})}},
          {{"preds", at::tensor({-1.0f})}, {"target", at::tensor({0.5f})}},
          {{"preds", at::tensor({0.0f, 8.0f, 2.5f})}, {"target", at::tensor({0.0f, 7.0f, 2.0f})}}};
}

std::vector<metrics::Kwargs> values() {
  return {{{"value", at::tensor({1.0f, 2.0f, 3.0f, 4.0f})}},
          {{"value", at::tensor({10.0f})}},
          {{"value", at::tensor({-6.0f, 5.0f})}}};
}

std::vector<metrics::testing::Case> cases() {
  return {{.name = "within", .metric = "Within", .options = {{"tolerance", 1.0}}, .batches = pairs()},
          {.name = "spread", .metric = "Spread", .batches = values()},
          {.name = "squared error", .metric = "SquaredError", .batches = pairs()}};
}

}  // namespace

TEST_CASE("a metric of one's own refuses what it says it does") {
  CHECK_THROWS_AS(Within({.tolerance = -1}), metrics::InvalidArgument);
  CHECK_THROWS_WITH_AS(metrics::create("Within", {{"tolerence", 1.0}}), doctest::Contains("tolerance"),
                       metrics::InvalidArgument);
}

TEST_CASE("a metric of one's own is created by name and from JSON") {
  REQUIRE(registered);
  const auto metric = metrics::create_from_json(R"({"name": "Within", "options": {"tolerance": 1.0}})");
  for (const auto& batch : pairs()) metric->update({}, batch);
  CHECK(metric->compute().toTensor().item<float>() == doctest::Approx(5.0 / 7));
}

TEST_CASE("a merge of one's own gives what one process gives") {
  Spread whole, first, second;
  whole.update(at::tensor({1.0, 2.0, 3.0, 4.0, 10.0}));
  first.update(at::tensor({1.0, 2.0}));
  second.update(at::tensor({3.0, 4.0, 10.0}));
  first.merge(second);
  CHECK(whole.compute().item<float>() == 10);
  CHECK(first.compute().item<float>() == 10);
}

TEST_CASE("gradients of a metric of one's own come through forward") {
  SquaredError error;
  const Tensor preds = at::tensor({1.0f, 3.0f}).requires_grad_();
  error.forward(preds, at::tensor({0.0f, 1.0f})).backward();
  CHECK(at::equal(preds.grad(), at::tensor({1.0f, 2.0f})));
  CHECK_FALSE(error.compute().requires_grad());
}

TEST_CASE("metrics of one's own in every way of one process") {
  for (const auto& c : cases()) metrics::testing::check_metric(c);
}

TEST_CASE("metrics of one's own over ranks") {
  metrics::testing::check_on_ranks(cases());
}
