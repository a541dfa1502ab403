#include "user_metrics.h"
#include <metrics/classification/accuracy.h>
#include <metrics/classification/stat_scores.h>
#include <metrics/core/update_together.h>

#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>

#include <doctest/doctest.h>

#include <stdexcept>

namespace update_together_test {
namespace {

using at::Tensor;
using metrics::MulticlassAccuracy;
using metrics::MulticlassStatScores;
using metrics::Rows;
using metrics::update_together;
using metrics::testing::Tally;

/// Sums its input to a power that is worked out of the options once.
struct PowerDefinition {
  static constexpr std::string_view name = "Power";
  struct Options {
    std::string power = "one";
    bool negated = false;
    static constexpr auto fields() { return metrics::fields<&Options::power, &Options::negated>(); }
  };
  struct Prepared : Options {
    explicit Prepared(Options options) : Options(std::move(options)), exponent(power == "two" ? 2 : 1) { ++prepared; }
    double exponent;
  };
  static constexpr std::array inputs{std::string_view("value")};
  static constexpr metrics::MetricTraits traits{};
  static void check(const Options& options) {
    if (options.power.empty()) throw metrics::InvalidArgument("power: expected a word, got none");
  }
  static void declare(metrics::States& states, const Options&) {
    states.add("sum", metrics::Reduction::Sum, at::zeros({}));
  }
  static void update(metrics::States& states, const Prepared& options, const Tensor& value) {
    ++updated;
    states["sum"].add(value.pow(options.exponent).sum());
    if (value.lt(0).any().item<bool>()) throw std::runtime_error("a negative value");
  }
  static Tensor finalise(const metrics::States& states, const Prepared& options) {
    return options.negated ? states["sum"].tensor().neg() : states["sum"].tensor();
  }
  static std::string update_key(const Options& options) { return "power of " + options.power; }

  static inline int prepared = 0;
  static inline int updated = 0;
};
using Power = metrics::MetricOf<PowerDefinition>;

}  // namespace

TEST_CASE("update_together: a call that throws changes no metric") {
  Power first, second({.negated = true});
  Tally tally;
  const Tensor good = at::tensor({1.0, 2.0}), bad = at::tensor({3.0, -1.0});
  update_together({first, tally, second}, good);
  CHECK_THROWS_AS(update_together({first, tally, second}, bad), std::runtime_error);
  CHECK_THROWS_AS(update_together({first}, good, good), metrics::InvalidArgument);
  CHECK(first.update_count() == 1);
  CHECK(first.compute().item<double>() == 3);
  CHECK(second.compute().item<double>() == -3);
}

TEST_CASE("update_together: equal keys share one pass, whatever the metrics hold already") {
  Power first, second({.negated = true}), squares({.power = "two"});
  first.update(at::tensor({10.0}));
  PowerDefinition::updated = 0;
  update_together({first, second, squares, first}, at::tensor({2.0, 3.0}));
  CHECK(PowerDefinition::updated == 2);
  CHECK(first.compute().item<double>() == 15);
  CHECK(first.update_count() == 2);
  CHECK(second.compute().item<double>() == -5);
  CHECK(squares.compute().item<double>() == 13);
}

TEST_CASE("update_together: a cached value is dropped, rows and the metrics' dtypes are heeded") {
  Power first, second, wide;
  wide.set_dtype(at::kDouble);
  const Tensor value = at::tensor({0.1, 5.0});
  update_together({first, second, wide}, value);
  CHECK(first.compute().item<double>() == doctest::Approx(5.1));
  update_together({first, second, wide}, value, Rows{.valid = at::tensor({1, 0}).to(at::kBool)});
  CHECK(first.compute().item<double>() == doctest::Approx(5.2));
  CHECK((second.compute().scalar_type() == at::kFloat));
  CHECK((wide.compute().scalar_type() == at::kDouble));
}

TEST_CASE("update_together: what is worked out of options is worked out once, and after they were checked") {
  PowerDefinition::prepared = 0;
  CHECK_THROWS_AS(Power({.power = ""}), metrics::InvalidArgument);
  CHECK(PowerDefinition::prepared == 0);
  Power metric({.power = "two"});
  Power copy = metric;
  copy.update(at::tensor({3.0}));
  CHECK(copy.forward(at::tensor({1.0})).item<double>() == 1);
  CHECK(copy.compute().item<double>() == 10);
  CHECK(PowerDefinition::prepared == 1);
  CHECK(metric.options().power == "two");
}

TEST_CASE("update_together: a family's keys tell apart what is counted differently") {
  const auto key = [](metrics::MulticlassStatScoresOptions options) {
    return MulticlassAccuracy(std::move(options)).update_key();
  };
  using metrics::classification::Average;
  CHECK(key({.num_classes = 5}) == MulticlassStatScores({.num_classes = 5}).update_key());
  CHECK(key({.num_classes = 5}) == key({.num_classes = 5, .average = Average::Weighted, .zero_division = 1}));
  CHECK(key({.num_classes = 5, .top_k = 2}) == key({.num_classes = 5, .top_k = 2, .average = Average::Micro}));
  CHECK(key({.num_classes = 5}) != key({.num_classes = 5, .average = Average::Micro}));
  CHECK(key({.num_classes = 5}) != key({.num_classes = 5, .top_k = 2}));
  CHECK(key({.num_classes = 5}) != key({.num_classes = 5, .ignore_index = 0}));
  CHECK(key({.num_classes = 5}) != key({.num_classes = 6}));
  CHECK(key({.num_classes = 5}) != key({.num_classes = 5, .validate_args = false}));
}

TEST_CASE("update_together: counts are those of separate updates") {
  MulticlassAccuracy accuracy({.num_classes = 3}), alone({.num_classes = 3});
  MulticlassStatScores scores({.num_classes = 3});
  for (const auto& preds : {at::tensor({0, 1, 2, 2}), at::tensor({2, 2, 1, 0})}) {
    const Tensor target = at::tensor({0, 1, 1, 2});
    update_together({accuracy, scores}, preds, target);
    alone.update(preds, target);
  }
  CHECK(at::equal(accuracy.compute(), alone.compute()));
  CHECK(scores.compute().select(-1, 4).sum().item<double>() > 0);
  CHECK(accuracy.update_count() == 2);
}

}  // namespace update_together_test
