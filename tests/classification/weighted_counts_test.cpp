#include <metrics/classification/auroc.h>
#include <metrics/classification/calibration_error.h>
#include <metrics/classification/confusion_matrix.h>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>

// Counts of so many weighted rows that they go into several tables and parts, beside those of the rows repeated.

namespace weighted_counts_test {
namespace {

using at::Tensor;
using metrics::Rows;

Tensor labels(int64_t rows, int64_t classes, int64_t step) {
  return (at::arange(rows, at::kLong) * step + at::arange(rows, at::kLong).floor_divide(7)) % classes;
}

// In float64, whatever rows weigh.
Tensor confusion(int64_t classes, const Tensor& preds, const Tensor& target, const Rows& rows) {
  metrics::MulticlassConfusionMatrix metric({.num_classes = classes});
  metric.set_dtype(at::kDouble);
  metric.update(preds, target, rows);
  return metric.compute().to(at::kDouble);  // integers without floating weights
}

}  // namespace

TEST_CASE("weighted rows that are many are counted as often as they weigh") {
  constexpr int64_t rows = 100001;
  for (const int64_t classes : {3, 20, 60, 200}) {
    CAPTURE(classes);
    const Tensor preds = labels(rows, classes, 3), target = labels(rows, classes, 5);
    const Tensor times = at::arange(rows, at::kLong) % 4 + 1;
    const Tensor repeated = confusion(classes, preds.repeat_interleave(times), target.repeat_interleave(times), {});
    CHECK(repeated.sum().item<double>() == times.sum().item<double>());
    CHECK(confusion(classes, preds, target, {.weights = times}).equal(repeated));
    CHECK(confusion(classes, preds, target, {.weights = times.to(at::kInt)}).equal(repeated));
    CHECK(confusion(classes, preds, target, {.weights = times.to(at::kFloat)}).equal(repeated));
    CHECK(confusion(classes, preds, target, {.weights = times.to(at::kDouble)}).equal(repeated));
    // A third has no last bit, so that weights are counted in two parts.
    const Tensor thirds = confusion(classes, preds, target, {.weights = times.to(at::kDouble) / 3});
    CHECK((thirds - repeated / 3).abs().max().item<double>() < 1e-9);
  }
}

TEST_CASE("an area by weights that are no float32 is that of pairs") {
  constexpr int64_t rows = 300;
  const Tensor scores = (labels(rows, 41, 17)).to(at::kFloat) / 41, target = labels(rows, 2, 3);
  for (const double divisor : {1.0, 3.0}) {
    CAPTURE(divisor);
    const Tensor weights = (at::arange(rows, at::kDouble) % 11 + 1) / divisor;
    metrics::BinaryAUROC metric;
    metric.set_dtype(at::kDouble);
    metric.update(scores, target, Rows{.weights = weights});
    double area = 0, all = 0;
    const auto* score = scores.const_data_ptr<float>();
    const auto* yes = target.const_data_ptr<int64_t>();
    const auto* weight = weights.const_data_ptr<double>();
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < rows; ++j) {
        if (yes[i] != 1 || yes[j] != 0) continue;
        const double share = score[i] > score[j] ? 1 : score[i] == score[j] ? 0.5 : 0;
        area += weight[i] * weight[j] * share;
        all += weight[i] * weight[j];
      }
    }
    CHECK(std::abs(metric.compute().item<double>() - area / all) < 1e-12);
  }
}

TEST_CASE("bins of confidences are found, however many they are") {
  // In so fine bins each confidence is alone, and its error is how far it is from its answer.
  const Tensor scores = at::arange(1, 100, at::kFloat) / 100, target = labels(99, 2, 1);
  const double expected = (scores.to(at::kDouble) - target.to(at::kDouble)).abs().mean().item<double>();
  for (const int64_t bins : {int64_t{1000}, (int64_t{1} << 20) + 1}) {
    CAPTURE(bins);
    metrics::BinaryCalibrationError metric({.n_bins = bins});
    metric.set_dtype(at::kDouble);
    metric.update(scores, target);
    CHECK(std::abs(metric.compute().item<double>() - expected) < 1e-6);
  }
}

}  // namespace weighted_counts_test
