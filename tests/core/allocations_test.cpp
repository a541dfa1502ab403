#include "allocations.h"

#include <metrics/aggregation/aggregation.h>
#include <metrics/classification/accuracy.h>
#include <metrics/classification/confusion_matrix.h>
#include <metrics/classification/exact_match.h>
#include <metrics/classification/f_beta.h>
#include <metrics/classification/precision_recall.h>
#include <metrics/classification/stat_scores.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/core/dynamic.h>
#include <metrics/image/psnr.h>
#include <metrics/regression/concordance.h>
#include <metrics/regression/cosine_similarity.h>
#include <metrics/regression/csi.h>
#include <metrics/regression/explained_variance.h>
#include <metrics/regression/js_divergence.h>
#include <metrics/regression/kl_divergence.h>
#include <metrics/regression/log_cosh.h>
#include <metrics/regression/log_mse.h>
#include <metrics/regression/mae.h>
#include <metrics/regression/mape.h>
#include <metrics/regression/minkowski.h>
#include <metrics/regression/mse.h>
#include <metrics/regression/nrmse.h>
#include <metrics/regression/pearson.h>
#include <metrics/regression/r2.h>
#include <metrics/regression/rse.h>
#include <metrics/regression/symmetric_mape.h>
#include <metrics/regression/tweedie_deviance.h>
#include <metrics/regression/wmape.h>

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
void check_update_allocations(M metric, const Inputs&... inputs) {
  CAPTURE(metric.to_string());
  metric.update(inputs...);
  CHECK(allocations_of([&] { metric.update(inputs...); }) == 0);
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
    check_update_allocations(metrics::ConcordanceCorrCoef(), x, y);
    check_update_allocations(metrics::ExplainedVariance(), x, y);
    check_update_allocations(metrics::LogCoshError(), x, y);
    check_update_allocations(metrics::MeanSquaredLogError(), x, y);
    check_update_allocations(metrics::NormalizedRootMeanSquaredError(), x, y);
    check_update_allocations(metrics::RelativeSquaredError(), x, y);
    check_update_allocations(metrics::SymmetricMeanAbsolutePercentageError(), x, y);
    check_update_allocations(metrics::TweedieDevianceScore({.power = 1.7}), x, y);
    check_update_allocations(metrics::WeightedMeanAbsolutePercentageError(), x, y);
    const Tensor p = x.view({4, 9}), q = y.view({4, 9});
    check_update_allocations(metrics::CosineSimilarity(), p, q);
    check_update_allocations(metrics::JensenShannonDivergence(), p, q);
    check_update_allocations(metrics::KLDivergence(), p, q);
  }
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    check_update_allocations(metrics::CriticalSuccessIndex({.threshold = 20}), preds.to(dtype), target.to(dtype));
  }
}

TEST_CASE("an update of many pairs that weigh allocates nothing after the first, whatever the weights are") {
  if (!allocations()) return;  // a sanitizer counts them
  const Tensor target = at::rand({5000}), preds = at::rand({5000});
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble, at::kLong}) {
    CAPTURE(dtype);
    const metrics::Rows rows{.weights = at::randint(1, 5, {5000}).to(dtype)};
    metrics::MeanSquaredError metric;
    metric.update(preds, target, rows);
    metric.update(preds, target, rows);
    CHECK(allocations_of([&] { metric.update(preds, target, rows); }) == 0);
  }
}

TEST_CASE("an update of what counts classes, labels and answers allocates nothing after the first") {
  if (!allocations()) return;  // a sanitizer counts them
  for (const int64_t rows : {32, 3000}) {
    CAPTURE(rows);
    const Tensor scores = at::rand({rows}), classes = at::rand({rows, 10});
    for (const at::ScalarType dtype : {at::kLong, at::kInt, at::kByte, at::kBool}) {
      CAPTURE(dtype);
      const Tensor answers = at::randint(2, {rows}, at::kLong).to(dtype);
      const Tensor answers_of_ten = at::randint(2, {rows, 10}, at::kLong).to(dtype);
      check_update_allocations(metrics::BinaryStatScores(), scores, answers);
      check_update_allocations(metrics::BinaryAccuracy({.threshold = 0.3}), scores.to(at::kDouble), answers);
      check_update_allocations(metrics::BinaryAccuracy(), answers.clone(), answers);
      check_update_allocations(metrics::BinaryF1Score({.ignore_index = 0}), scores.to(at::kHalf), answers);
      check_update_allocations(metrics::BinaryConfusionMatrix(), scores, answers);
      check_update_allocations(metrics::MultilabelStatScores({.num_labels = 10}), classes, answers_of_ten);
      check_update_allocations(metrics::MultilabelConfusionMatrix({.num_labels = 10}), classes, answers_of_ten);
      check_update_allocations(metrics::MultilabelExactMatch({.num_labels = 10}), classes, answers_of_ten);
    }
    const Tensor target = at::randint(10, {rows}, at::kLong), pairs = at::randint(10, {rows, 4}, at::kLong);
    check_update_allocations(metrics::MulticlassStatScores({.num_classes = 10}), classes, target);
    check_update_allocations(metrics::MulticlassAccuracy({.num_classes = 10}), classes, target);
    check_update_allocations(metrics::MulticlassConfusionMatrix({.num_classes = 10}), classes, target);
    check_update_allocations(metrics::MulticlassExactMatch({.num_classes = 10}), pairs, pairs.clone());
  }
  const Tensor many = at::rand({32, 300}), answers_of_many = at::randint(2, {32, 300}, at::kLong);
  check_update_allocations(metrics::MultilabelAccuracy({.num_labels = 300}), many, answers_of_many);
  check_update_allocations(metrics::MultilabelConfusionMatrix({.num_labels = 300}), many, answers_of_many);
}

TEST_CASE("the compute of a score over counts allocates its result and the value that it keeps") {
  if (!allocations()) return;  // a sanitizer counts them
  const Tensor scores = at::rand({32}), answers = at::randint(2, {32}, at::kLong);
  const Tensor classes = at::rand({32, 10}), target = at::randint(10, {32}, at::kLong);
  const Tensor of_ten = at::randint(2, {32, 10}, at::kLong);
  check_allocations(metrics::BinaryAccuracy(), scores, answers);
  check_allocations(metrics::BinaryF1Score(), scores, answers);
  check_allocations(metrics::BinaryConfusionMatrix(), scores, answers);
  check_allocations(metrics::MulticlassAccuracy({.num_classes = 10}), classes, target);
  check_allocations(metrics::MulticlassExactMatch({.num_classes = 10}), of_ten, of_ten.clone());
  check_allocations(metrics::MultilabelAccuracy({.num_labels = 10}), classes, of_ten);
  check_allocations(metrics::MultilabelExactMatch({.num_labels = 10}), classes, of_ten);
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
