#include <metrics/aggregation/aggregation.h>
#include <metrics/classification/accuracy.h>
#include <metrics/collections/bootstrapping.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/core/draws.h>
#include <metrics/core/errors.h>
#include <metrics/regression/mse.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

#include <cmath>

namespace bootstrapping_test {
namespace {

using at::Tensor;
using metrics::BootStrapper;
using metrics::BootStrapperOptions;
using metrics::Draws;
using metrics::InvalidArgument;
using metrics::MeanMetric;
using metrics::MetricCollection;
using metrics::Rows;
using metrics::SumMetric;
using metrics::collections::SamplingStrategy;

Tensor normal_values(int64_t count) {
  const Draws draws(5, 0);
  Tensor values = at::empty({count}, at::kDouble);
  for (int64_t i = 0; i < count; ++i) {
    const double radius = std::sqrt(-2 * std::log(1 - draws.uniform(2 * i)));
    values[i] = 3 + 2 * radius * std::cos(6.283185307179586 * draws.uniform(2 * i + 1));
  }
  return values;
}

Rows with_ids(const Tensor& ids) {
  return {.valid = {}, .ids = ids};
}

Tensor raw_of(BootStrapper& metric) {
  return *metric.compute().raw;
}

}  // namespace

TEST_CASE("bootstrap: refuses options out of range and inputs without rows") {
  CHECK_THROWS_WITH_AS(BootStrapper(SumMetric(), {.num_bootstraps = 0}), doctest::Contains("`num_bootstraps`"),
                       InvalidArgument);
  CHECK_THROWS_WITH_AS(BootStrapper(SumMetric(), {.quantile = 1.5}), doctest::Contains("`quantile`"), InvalidArgument);
  CHECK_THROWS_AS(BootStrapper(SumMetric(), {.quantile = std::vector<double>{0.5, -0.1}}), InvalidArgument);
  BootStrapper metric(MeanMetric{});
  CHECK_THROWS_WITH_AS(metric.update(1.5), doctest::Contains("none of the inputs has rows"), InvalidArgument);
  CHECK_THROWS_WITH_AS(metric.update(at::ones({3}), at::ones({2})), doctest::Contains("input 1 has 2 rows"),
                       InvalidArgument);
  CHECK_THROWS_WITH_AS(metric.update(at::ones({3}), with_ids(at::tensor({1, 2}, at::kLong))), doctest::Contains("ids"),
                       InvalidArgument);
  CHECK(metric.update_count() == 0);
  BootStrapper named(MetricCollection({SumMetric()}));
  named.update(at::ones({3}));
  CHECK_THROWS_WITH_AS(named.compute(), doctest::Contains("expected a tensor"), metrics::Error);
}

TEST_CASE("bootstrap: mean and spread are those that statistics expects of a mean") {
  constexpr int64_t count = 2000;
  const Tensor values = normal_values(count);
  const double mean = values.mean().item<double>();
  const double error = values.std().item<double>() / std::sqrt(static_cast<double>(count));
  for (const SamplingStrategy strategy : {SamplingStrategy::Poisson, SamplingStrategy::Multinomial}) {
    BootStrapper metric(MeanMetric(), {.num_bootstraps = 400,
                                       .quantile = std::vector<double>{0.025, 0.975},
                                       .raw = true,
                                       .sampling_strategy = strategy});
    for (const Tensor& batch : values.chunk(10)) metric.update(batch);
    const auto found = metric.compute();
    CHECK(std::abs(found.mean->item<double>() - mean) < 4 * error / std::sqrt(400.0));
    CHECK(std::abs(found.std->item<double>() / error - 1) < 0.15);
    CHECK(std::abs((*found.quantile)[0].item<double>() - (mean - 1.96 * error)) < 0.5 * error);
    CHECK(std::abs((*found.quantile)[1].item<double>() - (mean + 1.96 * error)) < 0.5 * error);
    CHECK(found.raw->sizes() == at::IntArrayRef({400}));
  }
}

TEST_CASE("bootstrap: with ids the same bits however the rows are split, ordered and spread over ranks") {
  const Tensor values = normal_values(60);
  const Tensor ids = at::arange(1000, 1060, at::kLong);
  const BootStrapperOptions options{.num_bootstraps = 6, .raw = true, .seed = 3};
  BootStrapper whole(SumMetric(), options);
  whole.update(values, with_ids(ids));
  const Tensor expected = raw_of(whole);
  CHECK(std::get<0>(at::_unique(expected)).numel() == 6);

  BootStrapper split(SumMetric(), options);
  const Tensor order = at::arange(59, -1, -1, at::kLong);
  for (const Tensor& rows : order.split_with_sizes({1, 0, 40, 19})) {
    split.forward(values.index_select(0, rows), with_ids(ids.index_select(0, rows)));
  }
  CHECK(at::equal(raw_of(split), expected));

  BootStrapper here(SumMetric(), options), there(SumMetric(), options);
  here.update(values.narrow(0, 0, 17), with_ids(ids.narrow(0, 0, 17)));
  there.update(values.narrow(0, 17, 43), with_ids(ids.narrow(0, 17, 43)));
  here.merge(there);
  CHECK(at::equal(raw_of(here), expected));

  BootStrapper padded(SumMetric(), options);
  const Tensor valid = at::cat({at::ones({60}), at::zeros({4})}).to(at::kBool);
  padded.update(at::cat({values, at::full({4}, 1e9, at::kDouble)}),
                Rows{.valid = valid, .ids = at::cat({ids, ids.narrow(0, 0, 4)})});
  CHECK(at::equal(raw_of(padded), expected));

  BootStrapper other_seed(SumMetric(), {.num_bootstraps = 6, .raw = true, .seed = 4});
  other_seed.update(values, with_ids(ids));
  CHECK_FALSE(at::equal(raw_of(other_seed), expected));
}

TEST_CASE("bootstrap: each row occurs as often as its draws say") {
  BootStrapper metric(SumMetric(), {.num_bootstraps = 3, .raw = true, .seed = 9});
  metric.update(at::ones({1}), with_ids(at::tensor({12345}, at::kLong)));
  const Tensor raw = raw_of(metric);
  for (int64_t resample = 0; resample < 3; ++resample) {
    CHECK(raw[resample].item<double>() == static_cast<double>(Draws(9, resample).poisson(12345)));
  }
}

TEST_CASE("bootstrap: without ids batches differ in their draws, and multinomial takes as many rows as there are") {
  BootStrapper metric(SumMetric(), {.num_bootstraps = 20, .raw = true});
  metric.update(at::ones({30}));
  const Tensor first = raw_of(metric);
  metric.update(at::ones({30}));
  CHECK_FALSE(at::equal(raw_of(metric), 2 * first));
  BootStrapper again(SumMetric(), {.num_bootstraps = 20, .raw = true});
  again.update(at::ones({30}));
  CHECK(at::equal(raw_of(again), first));

  BootStrapper multinomial(SumMetric(),
                           {.num_bootstraps = 20, .raw = true, .sampling_strategy = SamplingStrategy::Multinomial});
  multinomial.update(at::ones({30}));
  CHECK(at::equal(raw_of(multinomial), at::full({20}, 30.0f)));
  multinomial.update(at::arange(30));
  CHECK(raw_of(multinomial).std().item<double>() > 0);

  // In a collection, too, which counts the updates of its members by itself.
  MetricCollection metrics({{"boot", BootStrapper(SumMetric(), {.num_bootstraps = 20, .raw = true})}});
  metrics.update(at::ones({30}));
  metrics.update(at::ones({30}));
  CHECK(at::equal(metrics.compute().tensor("raw"), raw_of(metric)));
}

TEST_CASE("bootstrap: gives what is asked for, for each element of the value, and forward accumulates") {
  BootStrapper metric(
      metrics::MulticlassAccuracy({.num_classes = 3, .average = metrics::classification::Average::None}),
      {.num_bootstraps = 8, .mean = false, .std = false, .quantile = 0.5});
  const Tensor target = at::arange(60, at::kLong).remainder(3);
  const auto batch = metric.forward(target, target);
  CHECK_FALSE(batch.mean.has_value());
  CHECK_FALSE(batch.std.has_value());
  CHECK_FALSE(batch.raw.has_value());
  CHECK(at::equal(*batch.quantile, at::ones({3})));
  metric.forward((target + 1).remainder(3), target);
  CHECK(metric.update_count() == 2);
  CHECK((*metric.compute().quantile < 1).all().item<bool>());
  BootStrapper one(SumMetric(), {.num_bootstraps = 1});
  one.update(at::ones({3}));
  CHECK(std::isnan(one.compute().std->item<double>()));
}

TEST_CASE("bootstrap: the metric is a pattern; copies and state dicts have all resamples") {
  auto sum = metrics::share(SumMetric());
  sum->update(100.0);
  BootStrapper metric(sum, {.num_bootstraps = 2, .raw = true});
  metric.update(at::ones({50}));
  CHECK(sum->compute().item<double>() == 100);
  metric.persistent(true);
  const auto dict = metric.state_dict("b.");
  CHECK(dict.states.contains("b.metrics.0.sum_value"));
  CHECK(dict.states.contains("b.metrics.1.sum_value"));
  BootStrapper loaded(SumMetric(), {.num_bootstraps = 2, .raw = true});
  loaded.load_state_dict(dict, "b.");
  CHECK(at::equal(raw_of(loaded), raw_of(metric)));
  BootStrapper copy = metric;
  metric.update(at::ones({50}));
  loaded.update(at::ones({50}));
  copy.update(at::ones({50}));
  CHECK(at::equal(raw_of(loaded), raw_of(metric)));
  CHECK(at::equal(raw_of(copy), raw_of(metric)));
}

}  // namespace bootstrapping_test
