#include "core/fake_ranks.h"
#include <metrics/core/errors.h>
#include <metrics/shape/procrustes.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

// What fixtures cannot show: what the scales and rotations do, and warnings.

namespace procrustes_test {
namespace {

using at::Tensor;
using metrics::ProcrustesDisparity;
using metrics::testing::CollectedWarnings;

/// Clouds [samples, points, dimensions] that follow no pattern.
Tensor clouds(int64_t samples, int64_t points, int64_t dimensions, double shift = 0) {
  const Tensor numbers = at::arange(samples * points * dimensions, at::kDouble).add(shift);
  return numbers.mul(12.9898).sin().mul(43758.5453).frac().view({samples, points, dimensions});
}

Tensor standardised(const Tensor& points) {
  const Tensor centred = points - points.mean(1, true);
  return centred / centred.square().sum({1, 2}, true).sqrt();
}

metrics::ProcrustesAnalysis analysis(const Tensor& a, const Tensor& b) {
  return std::get<metrics::ProcrustesAnalysis>(metrics::functional::procrustes_disparity(a, b, {.return_all = true}));
}

}  // namespace

TEST_CASE("ProcrustesDisparity: scales and rotations lay the second cloud over the first") {
  for (const int64_t dimensions : {1, 2, 3, 7, 40}) {
    CAPTURE(dimensions);
    const Tensor a = clouds(5, 60, dimensions), b = clouds(5, 60, dimensions, 0.3) + a.roll(1, 2) * 2;
    const auto [disparity, scale, rotation] = analysis(a, b);
    CHECK(rotation.sizes() == at::IntArrayRef({5, dimensions, dimensions}));
    CHECK(scale.sizes() == at::IntArrayRef({5, 1}));
    CHECK(
        at::allclose(rotation.matmul(rotation.transpose(1, 2)), at::eye(dimensions, at::kDouble).expand_as(rotation)));
    const Tensor laid = scale.unsqueeze(1) * standardised(b).matmul(rotation.transpose(1, 2));
    CHECK(at::allclose((standardised(a) - laid).square().sum({1, 2}), disparity, 1e-12, 1e-15));
    // Of a best fit it is 1 - scale².
    CHECK(at::allclose(disparity, 1 - scale.select(1, 0).square(), 1e-10, 1e-12));
  }
}

TEST_CASE("ProcrustesDisparity: what is turned, mirrored, scaled and moved has no disparity, however far it is") {
  const Tensor a = clouds(4, 9, 3);
  const auto disparity = [&](const Tensor& b) {
    return std::get<Tensor>(metrics::functional::procrustes_disparity(a, b)).max().item<double>();
  };
  CHECK(disparity(a.flip(2) * 7 + 3) < 1e-28);
  CHECK(disparity(a * -1e150) < 1e-28);
  CHECK(disparity(a + 1e6) < 1e-18);  // what is left is the rounding of the input
}

TEST_CASE("ProcrustesDisparity: equal points are seen to the bit, and warned of") {
  ProcrustesDisparity metric;
  const CollectedWarnings warnings;
  metric.update(clouds(3, 5, 2), clouds(3, 5, 2, 0.5));
  CHECK(warnings.messages.empty());
  metric.update(clouds(1, 5, 2), at::full({1, 5, 2}, 0.1));
  REQUIRE(warnings.messages.size() == 1);
  CHECK(warnings.messages.front().find("no two different points") != std::string::npos);
  CHECK(std::isnan(metric.compute().item<double>()));
}

TEST_CASE("ProcrustesDisparity: samples from any split have one mean") {
  const Tensor a = clouds(500, 4, 2), b = clouds(500, 4, 2, 0.5);
  ProcrustesDisparity whole, parts;
  whole.set_dtype(at::kDouble);
  parts.set_dtype(at::kDouble);
  whole.update(a, b);
  for (int64_t i = 0; i < 500; i += 50) parts.update(a.narrow(0, i, 50), b.narrow(0, i, 50));
  CHECK(whole.compute().item<double>() == doctest::Approx(parts.compute().item<double>()).epsilon(1e-15));
  const Tensor each = std::get<Tensor>(metrics::functional::procrustes_disparity(a, b));
  CHECK(whole.compute().item<double>() == doctest::Approx(each.mean().item<double>()).epsilon(1e-14));
}

}  // namespace procrustes_test
