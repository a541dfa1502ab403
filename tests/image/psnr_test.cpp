#include "core/fake_ranks.h"
#include <metrics/core/dynamic.h>
#include <metrics/core/errors.h>
#include <metrics/image/psnr.h>

#include <ATen/TensorOperators.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/zeros.h>

#include <doctest/doctest.h>

#include <cmath>
#include <type_traits>
#include <vector>

// What fixtures cannot show: ranges as C++ writes them, the kernel beside tensors, Python's lists.

using metrics::PeakSignalNoiseRatio;
using metrics::Tensor;
using metrics::functional::peak_signal_noise_ratio;
using metrics::image::DataRange;
using metrics::image::Reduction;

namespace {

const std::vector<int64_t> image_dims{1, 2, 3};

Tensor waves(at::IntArrayRef shape, double phase) {
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  return at::sin(at::arange(count, at::kDouble) * 0.7 + phase).reshape(shape);
}

}  // namespace

TEST_CASE("PeakSignalNoiseRatio: a range is a width, or two ends") {
  CHECK_THROWS_WITH_AS(
      PeakSignalNoiseRatio({.data_range = 0}),
      "PeakSignalNoiseRatio: data_range: expected a width above 0, or a lower and a higher end, got 0.0",
      metrics::InvalidArgument);
  CHECK_THROWS_AS(PeakSignalNoiseRatio({.data_range = {2, 1}}), metrics::InvalidArgument);
  CHECK_THROWS_AS(PeakSignalNoiseRatio({.data_range = {0, std::nan("")}}), metrics::InvalidArgument);
  static_assert(!std::is_default_constructible_v<metrics::PeakSignalNoiseRatioOptions>);
  CHECK(PeakSignalNoiseRatio({.data_range = 255}).to_string() ==
        "PeakSignalNoiseRatio(data_range=255.0, base=10.0, reduction='elementwise_mean', dim=None)");
  CHECK(PeakSignalNoiseRatio({.data_range = {0, 1}, .dim = image_dims}).to_string() ==
        "PeakSignalNoiseRatio(data_range=[0.0, 1.0], base=10.0, reduction='elementwise_mean', dim=[1, 2, 3])");
  // The width alone does not tell whether inputs are clamped.
  CHECK(PeakSignalNoiseRatio({.data_range = 1}).update_key() !=
        PeakSignalNoiseRatio({.data_range = {0, 1}}).update_key());
}

TEST_CASE("PeakSignalNoiseRatio: a reduction without dim has no effect, and warns once") {
  const metrics::testing::CollectedWarnings warnings;
  PeakSignalNoiseRatio metric({.data_range = 1, .reduction = Reduction::Sum});
  metric.update(at::ones({2}), at::zeros({2}));
  CHECK(metric.compute().item<float>() == 0);
  CHECK(warnings.messages ==
        std::vector<std::string>{"PeakSignalNoiseRatio: reduction has no effect without dim: there "
                                 "is one value"});
}

TEST_CASE("PeakSignalNoiseRatio: before the first image there is no value") {
  const metrics::testing::CollectedWarnings warnings;
  const auto value = [](Reduction reduction) {
    return PeakSignalNoiseRatio({.data_range = 1, .reduction = reduction, .dim = image_dims}).compute();
  };
  CHECK(std::isnan(PeakSignalNoiseRatio({.data_range = 1}).compute().item<float>()));
  CHECK(std::isnan(value(Reduction::ElementwiseMean).item<float>()));
  CHECK(value(Reduction::Sum).item<float>() == 0);
  CHECK(value(Reduction::None).sizes() == at::IntArrayRef{0});
}

TEST_CASE("PeakSignalNoiseRatio: rows of any length and layout sum as in tensors") {
  for (const int64_t length : {1, 31, 32, 33, 8191, 8192, 8193, 40000}) {
    CAPTURE(length);
    const Tensor preds = waves({3, length}, 0.1);
    const Tensor target = waves({3, length}, 0.3);
    const Tensor leaf = preds.clone().set_requires_grad(true);
    for (const int64_t dim : {0, 1}) {
      const metrics::PeakSignalNoiseRatioOptions options{.data_range = 2, .reduction = Reduction::None, .dim = dim};
      const Tensor by_tensors = peak_signal_noise_ratio(leaf, target, options);
      CHECK(by_tensors.requires_grad());
      CHECK(at::allclose(peak_signal_noise_ratio(preds, target, options), by_tensors.detach(), 1e-12, 1e-12));
    }
  }
}

TEST_CASE("PeakSignalNoiseRatio: without gradients wanted there are none") {
  const Tensor leaf = waves({2, 3, 4, 4}, 0.1).set_requires_grad(true);
  PeakSignalNoiseRatio metric({.data_range = 2, .dim = image_dims});
  metric.update(leaf, waves({2, 3, 4, 4}, 0.2));
  CHECK_FALSE(metric.compute().requires_grad());
  CHECK(metric.forward(leaf, waves({2, 3, 4, 4}, 0.2)).requires_grad());
  CHECK_FALSE(metric.states()["sum_squared_error"].tensor().requires_grad());
}

TEST_CASE("PeakSignalNoiseRatio: torchmetrics' lists of several dimensions are taken") {
  PeakSignalNoiseRatio metric({.data_range = 2, .reduction = Reduction::None, .dim = 1});
  const Tensor preds = waves({2, 5, 3}, 0.1);
  const Tensor target = waves({2, 5, 3}, 0.4);
  metric.load_state_dict({.states = {{"sum_squared_error", std::vector<Tensor>{(preds - target).square().sum(1)}},
                                     {"total", std::vector<Tensor>{at::ones({2, 3}, at::kLong) * 5}},
                                     {"data_range", at::ones({}) * 2}},
                          .metadata = {}});
  metric.update(waves({1, 5, 2}, 0.3), waves({1, 5, 2}, 0.5));
  CHECK(metric.compute().sizes() == at::IntArrayRef{8});
  PeakSignalNoiseRatio expected({.data_range = 2, .reduction = Reduction::None, .dim = 1});
  expected.update(preds, target);
  expected.update(waves({1, 5, 2}, 0.3), waves({1, 5, 2}, 0.5));
  CHECK(at::allclose(metric.compute(), expected.compute()));
}

TEST_CASE("PeakSignalNoiseRatio: a million halves sum as the same numbers in float64") {
  const Tensor preds = (waves({1'000'000}, 0.1) * 100).to(at::kHalf);
  const Tensor target = (waves({1'000'000}, 0.4) * 100).to(at::kHalf);
  const metrics::PeakSignalNoiseRatioOptions options{.data_range = 200};
  CHECK(peak_signal_noise_ratio(preds, target, options).item<double>() ==
        doctest::Approx(peak_signal_noise_ratio(preds.to(at::kDouble), target.to(at::kDouble), options).item<double>())
            .epsilon(1e-6));
}
