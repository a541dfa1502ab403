#include "allocations.h"

#include <metrics/aggregation/aggregation.h>
#include <metrics/classification/accuracy.h>
#include <metrics/classification/f_beta.h>
#include <metrics/classification/precision_recall.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/core/dynamic.h>
#include <metrics/image/psnr.h>
#include <metrics/regression/mae.h>
#include <metrics/regression/mape.h>
#include <metrics/regression/minkowski.h>
#include <metrics/regression/mse.h>
#include <metrics/regression/pearson.h>
#include <metrics/regression/r2.h>

#include <ATen/ATen.h>
#include <ATen/EmptyTensor.h>

#include <doctest/doctest.h>

// What an update and a compute take of memory, in the typed face: times depend on the machine, and these do not.

namespace allocations_test {
namespace {

using at::Tensor;

template <class F>
int64_t allocations_of(const F& f) {
  const int64_t before = *allocations();
  f();
  return *allocations() - before;
}

/// What a tensor takes, its numbers aside, for which LibTorch asks elsewhere.
int64_t allocations_of_tensor() {
  return allocations_of([] { Tensor(at::detail::empty_cpu({}, at::kFloat)); });
}

template <class M, class... Inputs>
void check_allocations(M metric, const Inputs&... inputs) {
  CAPTURE(metric.to_string());
  metric.update(inputs...);
  metric.compute();
  CHECK(allocations_of([&] { metric.update(inputs...); }) == 0);
  Tensor value;
  const int64_t result = allocations_of_tensor();
  // One tensor is the result, one is kept as the cached value.
  CHECK(allocations_of([&] { value = metric.compute(); }) == 2 * result);
  CHECK(allocations_of([&] { value = metric.compute(); }) == result);

  M without_cache(metric);
  auto options = without_cache.metric_options();
  options.compute_with_cache = false;
  without_cache.set_metric_options(options);
  without_cache.compute();
  CHECK(allocations_of([&] { value = without_cache.compute(); }) == result);
  CHECK(value.equal(metric.compute()));
}

}  // namespace

TEST_CASE("an aggregator's update allocates nothing after the first, and its compute the result") {
  if (!allocations()) return;  // a sanitizer counts them
  const Tensor values = at::arange(33, at::kFloat);
  check_allocations(metrics::SumMetric(), values);
  check_allocations(metrics::MeanMetric(), values);
  check_allocations(metrics::MaxMetric(), values);
  check_allocations(metrics::MinMetric(), values);
  check_allocations(metrics::MaxMetric(), values.to(at::kDouble));
  check_allocations(metrics::MaxMetric(), values.to(at::kLong));
}

TEST_CASE("the update of a metric over pairs allocates nothing after the first, and its compute the result") {
  if (!allocations()) return;  // a sanitizer counts them
  const Tensor target = at::arange(36, at::kFloat) + 1;
  const Tensor preds = target * 1.25f + at::rand({36});
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
    CAPTURE(dtype);
    const Tensor x = preds.to(dtype), y = target.to(dtype);
    check_allocations(metrics::MeanSquaredError(), x, y);
    check_allocations(metrics::MeanSquaredError({.squared = false}), x, y);
    check_allocations(metrics::MeanAbsoluteError(), x, y);
    check_allocations(metrics::MeanAbsolutePercentageError(), x, y);
    check_allocations(metrics::MinkowskiDistance({.p = 2.5}), x, y);
    check_allocations(metrics::R2Score(), x, y);
    check_allocations(metrics::PearsonCorrCoef(), x, y);
    check_allocations(metrics::PeakSignalNoiseRatio({.data_range = 40}), x, y);
  }
}

TEST_CASE("the update of a collection allocates what one of its members does, where all do the same") {
  if (!allocations()) return;  // a sanitizer counts them
  const metrics::Args inputs{at::rand({32, 10}), at::randint(10, {32}, at::kLong)};
  metrics::MulticlassAccuracy accuracy({.num_classes = 10});
  metrics::MetricCollection metrics({accuracy.clone(), metrics::MulticlassPrecision({.num_classes = 10}),
                                     metrics::MulticlassRecall({.num_classes = 10}),
                                     metrics::MulticlassF1Score({.num_classes = 10})});
  const auto update = [&](metrics::Metric& metric) { return allocations_of([&] { metric.update(inputs); }); };
  update(accuracy);
  update(metrics);
  CHECK(update(metrics) == update(accuracy));
  metrics["MulticlassRecall"].reset();
  update(metrics);
  CHECK(update(metrics) > update(accuracy));  // two units that have gone apart
}

}  // namespace allocations_test
