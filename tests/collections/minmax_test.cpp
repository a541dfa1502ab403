#include "core/fake_ranks.h"
#include "core/user_metrics.h"
#include <metrics/aggregation/aggregation.h>
#include <metrics/classification/confusion_matrix.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/collections/minmax.h>
#include <metrics/core/errors.h>
#include <metrics/regression/mse.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

#include <cmath>

namespace minmax_test {
namespace {

using at::Tensor;
using metrics::Metric;
using metrics::MetricCollection;
using metrics::MinMaxMetric;
using metrics::MinMaxValue;
using metrics::SumMetric;
using metrics::testing::FakeRanks;
using metrics::testing::Tally;

void check(const MinMaxValue& value, double raw, double min, double max) {
  CHECK(value.raw.item<double>() == raw);
  CHECK(value.min.item<double>() == min);
  CHECK(value.max.item<double>() == max);
}

}  // namespace

TEST_CASE("minmax: a value that is not one number is an error, and no extreme") {
  MinMaxMetric table(metrics::MulticlassConfusionMatrix({.num_classes = 2}));
  table.update(at::tensor({0, 1}), at::tensor({0, 1}));
  CHECK_THROWS_WITH_AS(table.compute(), doctest::Contains("one element from MulticlassConfusionMatrix"),
                       metrics::Error);
  MinMaxMetric failing(Tally({.finalise_throws = true}));
  failing.update(at::ones({2}));
  CHECK_THROWS(failing.compute());
  CHECK_THROWS(failing.forward(at::ones({2})));
  CHECK(failing.update_count() == 1);
}

TEST_CASE("minmax: the extremes are of all values, survive reset, and are forgotten on demand") {
  MinMaxMetric sum{SumMetric()};
  sum.update(at::full({1}, 4.0));
  check(sum.compute(), 4, 4, 4);
  sum.update(at::full({1}, -6.0));
  check(sum.compute(), -2, -2, 4);
  sum.update(at::full({1}, 2.0));
  check(sum.compute(), 0, -2, 4);
  sum.reset();
  sum.update(at::full({1}, 9.0));
  check(sum.compute(), 9, -2, 9);
  sum.reset_extremes();
  check(sum.compute(), 9, 9, 9);
}

TEST_CASE("minmax: forward accumulates, and its value of the batch is one of those that are kept") {
  MinMaxMetric sum{SumMetric()};
  check(sum.forward(at::full({1}, 4.0)), 4, 4, 4);
  check(sum.forward(at::full({1}, 1.0)), 1, 1, 4);
  check(sum.compute(), 5, 1, 5);
  CHECK(sum.update_count() == 2);
}

TEST_CASE("minmax: a NaN is no extreme") {
  MinMaxMetric sum(SumMetric({.nan_strategy = metrics::aggregation::NanStrategy::Disable}));
  sum.update(at::full({1}, std::nan("")));
  const MinMaxValue value = sum.compute();
  CHECK(std::isnan(value.raw.item<double>()));
  CHECK(value.min.item<double>() == HUGE_VAL);
  CHECK(value.max.item<double>() == -HUGE_VAL);
  sum.reset();
  sum.update(at::full({1}, 3.0));
  check(sum.compute(), 3, 3, 3);
}

TEST_CASE("minmax: what is handed out is not what is kept") {
  MinMaxMetric sum{SumMetric()};
  sum.update(at::full({1}, 4.0));
  MinMaxValue value = sum.compute();
  value.max.fill_(100);
  value.raw.fill_(-100);
  check(sum.compute(), 4, 4, 4);
  const Tensor input = at::tensor({1.0, 2.0}).requires_grad_();
  MinMaxMetric error(metrics::MeanSquaredError{});
  const MinMaxValue batch = error.forward(input, at::zeros({2}, at::kDouble));
  CHECK(batch.raw.requires_grad());
  CHECK_FALSE(batch.max.requires_grad());
}

TEST_CASE("minmax: a copy has extremes of its own; merge takes the data alone") {
  MinMaxMetric one{SumMetric()};
  one.update(at::full({1}, 4.0));
  one.compute();
  MinMaxMetric other = one;
  other.update(at::full({1}, 6.0));
  check(other.compute(), 10, 4, 10);
  check(one.compute(), 4, 4, 4);
  one.merge(other);
  check(one.compute(), 14, 4, 14);
}

TEST_CASE("minmax: over ranks the extremes are of the values over all of them") {
  SumMetric other;
  other.update(10.0);
  MinMaxMetric sum{SumMetric()};
  const auto ranks = std::make_shared<FakeRanks>(std::vector<const Metric*>{&other});
  sum.set_metric_options({.process_group = ranks});
  sum.update(at::full({1}, 1.0));
  check(sum.compute(), 11, 11, 11);
  sum.update(at::full({1}, -2.0));
  check(sum.compute(), 9, 9, 11);
  CHECK(ranks->calls == 2);
}

TEST_CASE("minmax: state dicts keep the child's states under torchmetrics' prefix, and the extremes beside them") {
  MinMaxMetric sum{SumMetric()};
  sum.update(at::full({1}, 4.0));
  sum.compute();
  sum.update(at::full({1}, -1.0));
  sum.compute();
  sum.persistent(true);
  auto dict = sum.state_dict("best.");
  CHECK(dict.states.size() == 1);
  CHECK(dict.states.contains("best._base_metric.sum_value"));
  MinMaxMetric loaded{SumMetric()};
  loaded.update(at::full({1}, 70.0));
  loaded.compute();
  loaded.load_state_dict(dict, "best.");
  CHECK(loaded.update_count() == 2);
  check(loaded.compute(), 3, 3, 4);
  dict.metadata["best"]["metrics.max"] = at::zeros({2});
  CHECK_THROWS_WITH_AS(loaded.load_state_dict(dict, "best."), doctest::Contains("metrics.max"),
                       metrics::InvalidArgument);
  loaded.set_dtype(at::kDouble);
  check(loaded.compute(), 3, 3, 4);
}

TEST_CASE("minmax: in a collection its values come under its names") {
  MetricCollection metrics({{"sum", SumMetric()}, {"best", MinMaxMetric(SumMetric())}});
  metrics.update(at::full({1}, 4.0));
  metrics.compute();
  metrics.update(at::full({1}, -3.0));
  const auto values = metrics.compute();
  CHECK(values.tensor("raw").item<double>() == 1);
  CHECK(values.tensor("max").item<double>() == 4);
  CHECK(values.tensor("sum").item<double>() == 1);
}

}  // namespace minmax_test
