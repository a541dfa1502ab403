#include "../core/fake_ranks.h"
#include <metrics/aggregation/aggregation.h>
#include <metrics/core/errors.h>

#include <ATen/ATen.h>
#include <c10/core/DefaultDtype.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

// What the fixtures cannot show: misuse, and numbers that torchmetrics gets wrong.

namespace aggregation_test {
namespace {

using at::Tensor;
using metrics::CatMetric;
using metrics::InvalidArgument;
using metrics::MaxMetric;
using metrics::MeanMetric;
using metrics::MinMetric;
using metrics::SumMetric;
using metrics::aggregation::NanStrategy;
using metrics::testing::CollectedWarnings;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

template <class M>
double value(M& metric) {
  return metric.compute().template item<double>();
}

template <class M>
M with(NanStrategy strategy) {
  return M({.nan_strategy = strategy});
}

Tensor mask(std::initializer_list<bool> values) {
  Tensor tensor = at::empty({static_cast<int64_t>(values.size())}, at::kBool);
  std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<bool>());
  return tensor;
}

}  // namespace

TEST_CASE_TEMPLATE("an aggregator refuses complex numbers, another device and a NaN where it is an error", M, SumMetric,
                   MeanMetric, MaxMetric, MinMetric, CatMetric) {
  M metric({.nan_strategy = NanStrategy::Error});
  metric.update(at::tensor({1.0f, 2.0f}));
  const Tensor before = metric.compute();
  CHECK_THROWS_WITH_AS(metric.update(at::ones({2}, at::kComplexFloat)), doctest::Contains("`value` is ComplexFloat"),
                       InvalidArgument);
  M elsewhere({.nan_strategy = NanStrategy::Error});
  elsewhere.to(at::kMeta);
  CHECK_THROWS_WITH_AS(elsewhere.update(at::ones({2})), doctest::Contains("`value` is on cpu, the metric on meta"),
                       InvalidArgument);
  CHECK_THROWS_WITH_AS(metric.update(at::tensor({9.0f, nan})), doctest::Contains("NaN in input `value`"),
                       InvalidArgument);
  CHECK_THROWS_AS(metric.forward(at::tensor({nan})), InvalidArgument);
  CHECK_THROWS_AS(metric.update(static_cast<double>(nan)), InvalidArgument);
  CHECK(metric.update_count() == 1);
  CHECK(metric.compute().equal(before));
}

TEST_CASE("aggregation: the program's default dtype does not decide that of a value") {
  const auto before = c10::get_default_dtype();
  c10::set_default_dtype(caffe2::TypeMeta::Make<double>());
  SumMetric sum;
  sum.update(0.1);
  const Tensor value_of_sum = sum.compute();
  c10::set_default_dtype(before);
  CHECK((value_of_sum.scalar_type() == at::kFloat));
}

TEST_CASE("a mean refuses weights that do not broadcast, are complex or are NaN") {
  MeanMetric metric({.nan_strategy = NanStrategy::Error});
  metric.update(3.0);
  const Tensor two = at::ones({2});
  CHECK_THROWS_WITH_AS(metric.update(two, at::ones({3})), doctest::Contains("`weight` of shape [3]"), InvalidArgument);
  CHECK_THROWS_WITH_AS(metric.update(two, at::ones({2}, at::kComplexFloat)), doctest::Contains("`weight` is Complex"),
                       InvalidArgument);
  CHECK_THROWS_WITH_AS(metric.update(two, at::tensor({1.0f, nan})), doctest::Contains("NaN in input `weight`"),
                       InvalidArgument);
  CHECK(value(metric) == 3);
}

TEST_CASE("what CatMetric gave and what it was given stay as they are, whatever comes after a reset") {
  for (const auto strategy : {NanStrategy::Warn, NanStrategy::Disable}) {
    auto metric = with<CatMetric>(strategy);
    Tensor given = at::ones({4});
    metric.update(given);
    given.fill_(9);
    const Tensor before = metric.compute();
    const CatMetric copy = metric;
    for (float epoch = 2; epoch < 5; ++epoch) {
      metric.reset();
      CHECK(metric.states()["value"].rows() == 0);
      metric.update(at::full({3}, epoch));
      metric.update(at::full({5}, epoch));
      CHECK(metric.compute().equal(at::full({8}, epoch)));
      CHECK(before.equal(at::ones({4})));
    }
    CHECK(CatMetric(copy).compute().equal(at::ones({4})));
  }
}

TEST_CASE("NaN is left out, with a warning or without, replaced, or kept, as the strategy says") {
  const Tensor given = at::tensor({1.0f, nan, 4.0f});
  CollectedWarnings warnings;
  auto warned = [&] { return std::exchange(warnings.messages, {}).size(); };
  for (const auto strategy : {NanStrategy::Warn, NanStrategy::Ignore}) {
    const std::size_t expected = strategy == NanStrategy::Warn ? 1 : 0;
    auto sum = with<SumMetric>(strategy);
    auto mean = with<MeanMetric>(strategy);
    auto high = with<MaxMetric>(strategy);
    auto low = with<MinMetric>(strategy);
    auto cat = with<CatMetric>(strategy);
    sum.update(given);
    CHECK(warned() == expected);
    mean.update(given);
    CHECK(warned() == expected);
    mean.update(at::ones({2}), at::tensor({1.0f, nan}));
    CHECK(warned() == expected);
    high.update(given);
    CHECK(warned() == expected);
    low.update(given);
    CHECK(warned() == expected);
    cat.update(given);
    CHECK(warned() == expected);
    CHECK(value(sum) == 5);
    CHECK(value(mean) == 2);
    CHECK(value(high) == 4);
    CHECK(value(low) == 1);
    CHECK(cat.compute().equal(at::tensor({1.0f, 4.0f})));
  }
  SumMetric sum({.nan_strategy = 10.0});
  MeanMetric mean({.nan_strategy = 10.0});
  MaxMetric high({.nan_strategy = 10.0});
  CatMetric cat({.nan_strategy = 10.0});
  sum.update(given);
  mean.update(given, at::full({3}, 2.0f));
  high.update(given);
  cat.update(given);
  CHECK(value(sum) == 15);
  CHECK(value(mean) == doctest::Approx((2 + 10 + 8) / 5.0));  // with weight 1
  CHECK(value(high) == 10);
  CHECK(cat.compute().equal(at::tensor({1.0f, 10.0f, 4.0f})));

  auto kept = with<SumMetric>(NanStrategy::Disable);
  auto highest = with<MaxMetric>(NanStrategy::Disable);
  kept.update(given);
  highest.update(given);
  CHECK(std::isnan(value(kept)));
  CHECK(std::isnan(value(highest)));
  CHECK(warned() == 0);
}

TEST_CASE_TEMPLATE("an extreme is found wherever it stands, a NaN too, in any type", T, float, double, int64_t) {
  for (const int64_t n : {1, 2, 15, 16, 17, 33, 40'000}) {
    for (int64_t place : {int64_t{0}, n / 2, n - 1}) {
      CAPTURE(n);
      CAPTURE(place);
      Tensor values = at::arange(n, c10::CppTypeToScalarType<T>::value) % 7;
      const auto at_place = [&](double number) {
        Tensor given = values.clone();
        given[place] = static_cast<T>(number);
        return given;
      };
      auto highest = with<MaxMetric>(NanStrategy::Disable);
      auto lowest = with<MinMetric>(NanStrategy::Disable);
      highest.update(at_place(9));
      highest.update(at_place(-9));
      lowest.update(at_place(9));
      CHECK(value(lowest) == at_place(9).min().template item<double>());
      lowest.update(at_place(-9));
      CHECK(value(highest) == 9);
      CHECK(value(lowest) == -9);
      if constexpr (std::is_floating_point_v<T>) {
        highest.update(at_place(nan));
        lowest.update(at_place(nan));
        CHECK(std::isnan(value(highest)));
        CHECK(std::isnan(value(lowest)));
        auto without = with<MaxMetric>(NanStrategy::Ignore);
        without.update(at_place(nan));
        CHECK(value(without) == (n == 1 ? -infinity : at_place(-1).max().template item<double>()));
      }
    }
  }
}

TEST_CASE("only NaN warns") {
  const CollectedWarnings warnings;
  SumMetric sum;
  sum.update(at::full({3}, nan));
  CHECK(warnings.messages.size() == 1);
  CHECK(value(sum) == 0);
  MaxMetric high;
  high.update(at::full({3}, nan));
  CHECK(value(high) == -infinity);
  CHECK(warnings.messages.size() == 2);
  SumMetric infinite;
  infinite.update(at::tensor({infinity, -infinity}));  // a NaN that no input has
  CHECK(std::isnan(value(infinite)));
  MeanMetric weighted;
  weighted.update(at::tensor({infinity, 1.0}), at::tensor({0.0, 1.0}));
  CHECK(std::isnan(value(weighted)));
  SumMetric integers;
  integers.update(at::ones({3}, at::kLong));
  integers.update(at::ones({3}, at::kBool));
  CHECK(value(integers) == 6);
  CHECK(warnings.messages.size() == 2);
}

TEST_CASE("a warning handler that throws leaves an aggregator as it was") {
  SumMetric metric;
  metric.update(1.0);
  const auto before = metrics::set_warning_handler([](const std::string& text) { throw std::runtime_error(text); });
  CHECK_THROWS_AS(metric.update(at::tensor({5.0f, nan})), std::runtime_error);
  metrics::set_warning_handler(before);
  CHECK(value(metric) == 1);
  CHECK(metric.update_count() == 1);
}

TEST_CASE("sums go on past 2^24") {
  constexpr int64_t past = (int64_t{1} << 24) + 1;
  const Tensor ones = at::ones({past});
  SumMetric sum;
  MeanMetric mean;
  sum.set_dtype(at::kDouble);
  sum.update(ones);
  mean.update(ones);
  for (int i = 0; i < 3; ++i) sum.update(1.0f);
  CHECK(value(sum) == static_cast<double>(past + 3));
  CHECK(value(mean) == 1);
}

TEST_CASE("a million halves neither overflow nor stick") {
  for (const auto dtype : {at::kHalf, at::kBFloat16}) {
    SumMetric sum;
    MeanMetric mean;
    sum.update(at::full({1000000}, 3, dtype));
    mean.update(at::full({1000000}, 3, dtype));
    CHECK(value(sum) == 3e6);
    CHECK(value(mean) == 3);
  }
}

TEST_CASE("what cancels leaves no trace, in one update or in many, in any order of merges") {
  const std::vector<double> values{1e16, 1, -1e16, 0x1p-40};
  constexpr double expected = 1 + 0x1p-40;
  SumMetric at_once, singly, merged;
  at_once.update(at::tensor(values, at::kDouble));
  for (const double each : values) {
    singly.update(each);
    SumMetric part;
    part.update(each);
    merged.merge(part);
  }
  for (SumMetric* metric : {&at_once, &singly, &merged}) {
    metric->set_dtype(at::kDouble);
    CHECK(value(*metric) == expected);
  }
  MeanMetric mean;
  mean.update(at::tensor(values, at::kDouble), at::tensor({1.0, 2.0, 1.0, 1.0}));
  mean.set_dtype(at::kDouble);
  CHECK(value(mean) == (2 + 0x1p-40) / 5);
}

TEST_CASE("a long sum is within 1e-12 of the sum of magnitudes") {
  constexpr int64_t n = 100003;
  const Tensor index = at::arange(n, at::kDouble);
  const Tensor values = at::cat({index * 1e10 + 0.5, -index * 1e10});
  SumMetric metric;
  metric.set_dtype(at::kDouble);
  metric.update(values);
  CHECK(value(metric) == 0.5 * n);
}

TEST_CASE("integers above 2^53 and extremes of every dtype are taken") {
  MaxMetric high;
  MinMetric low;
  for (const auto dtype : {at::kByte, at::kShort, at::kInt, at::kLong, at::kHalf, at::kBFloat16, at::kDouble}) {
    high.update(at::full({2}, 3, dtype));
    low.update(at::full({2}, 3, dtype));
  }
  high.update(at::ones({2}, at::kBool));
  CHECK(value(high) == 3);
  CHECK(value(low) == 3);
}

TEST_CASE("nothing given is the neutral element") {
  const CollectedWarnings warnings;
  SumMetric sum;
  MeanMetric mean;
  MaxMetric high;
  MinMetric low;
  CatMetric cat;
  const Tensor nothing = at::empty({0});
  sum.update(nothing);
  mean.update(nothing);
  high.update(nothing);
  low.update(nothing);
  cat.update(nothing);
  CHECK(value(sum) == 0);
  CHECK(std::isnan(value(mean)));
  CHECK(value(high) == -infinity);
  CHECK(value(low) == infinity);
  CHECK(cat.compute().equal(nothing));
  CHECK(warnings.messages.empty());
}

TEST_CASE("negated and strided views are read as what they show") {
  const Tensor complex = at::complex(at::tensor({1.0f, 2.0f}), at::tensor({3.0f, 4.0f}));
  const Tensor negated = at::imag(at::conj(complex));
  SumMetric sum;
  sum.update(negated);
  sum.update(negated[0]);
  CHECK(value(sum) == -10);
  MeanMetric mean;
  mean.update(at::arange(6, at::kFloat).view({2, 3}).t());
  CHECK(value(mean) == 2.5);
}

TEST_CASE("rows that are not valid are left out, in scalars and with weights") {
  const metrics::Rows rows{.valid = mask({true, false, true})};
  MeanMetric mean;
  mean.update(at::tensor({1.0f, 100.0f, 3.0f}), at::tensor({1.0f, 1.0f, 3.0f}), rows);
  mean.update(at::ones({3, 2}), rows);
  CHECK(value(mean) == doctest::Approx((1 + 9 + 4) / 8.0));
  const metrics::Rows none{.valid = mask({false})};
  SumMetric sum;
  sum.update(5.0, none);
  mean.update(5.0, none);
  CHECK(value(sum) == 0);
  CHECK(value(mean) == doctest::Approx(14 / 8.0));
}

TEST_CASE("CatMetric keeps rows, in the metric's dtype") {
  CatMetric metric;
  metric.update(1.0);
  metric.update(at::tensor({2, 3}, at::kLong));
  CHECK(metric.compute().equal(at::tensor({1.0f, 2.0f, 3.0f})));
  CHECK_THROWS_WITH_AS(metric.update(at::ones({2, 2})), doctest::Contains("shape"), InvalidArgument);
  metric.set_dtype(at::kHalf);
  metric.update(at::tensor({4.0}));
  CHECK((metric.compute().scalar_type() == at::kHalf));
  CHECK(metric.compute().numel() == 4);
}

TEST_CASE("inputs that require gradients leave none in an aggregator") {
  const Tensor x = at::tensor({1.0f, 2.0f}).requires_grad_();
  CatMetric cat;
  SumMetric sum;
  MaxMetric high;
  cat.update(x);
  sum.update(x);
  high.update(x);
  CHECK_FALSE(cat.forward(x).requires_grad());
  CHECK_FALSE(sum.forward(x).requires_grad());
  CHECK_FALSE(cat.compute().requires_grad());
  CHECK_FALSE(high.states()["max_value"].tensor().requires_grad());
}

}  // namespace aggregation_test
