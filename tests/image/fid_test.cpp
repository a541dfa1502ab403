#include "core/fake_ranks.h"
#include <metrics/core/errors.h>
#include <metrics/core/update_together.h>
#include <metrics/image/fid.h>

#include <ATen/TensorOperators.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/stack.h>

#include <doctest/doctest.h>

#include <cmath>
#include <utility>

// What fixtures cannot show: modules, and the real side that outlives a reset.

using metrics::FrechetInceptionDistance;
using metrics::Tensor;
using metrics::testing::CollectedWarnings;

namespace {

/// Features [count, 4] that differ with `phase`.
Tensor features(int64_t count, double phase) {
  const Tensor rows = at::arange(count, at::kDouble);
  const auto column = [&](double frequency) { return at::sin(rows * frequency + phase) * (frequency + phase); };
  return at::stack({column(0.7), column(1.3), column(2.1), column(2.9)}, 1);
}

/// A metric of four features in float64, so that values tell bits.
FrechetInceptionDistance distance(bool reset_real_features = true) {
  FrechetInceptionDistance metric({.feature = 4, .reset_real_features = reset_real_features});
  metric.set_dtype(at::kDouble);
  return metric;
}

double value(FrechetInceptionDistance& metric) {
  return metric.compute().item<double>();
}

/// The distance of these two populations.
double between(const Tensor& real, const Tensor& fake) {
  auto metric = distance();
  metric.update(real, true);
  metric.update(fake, false);
  return value(metric);
}

}  // namespace

TEST_CASE("FrechetInceptionDistance: a module has to give as many features as announced") {
  CHECK_THROWS_AS(FrechetInceptionDistance({.feature = 0}), metrics::InvalidArgument);
  FrechetInceptionDistance metric({.feature = {[](const Tensor& images) { return images.flatten(1); }, 12}});
  CHECK_THROWS_WITH_AS(
      metric.update(at::ones({2, 3, 5}), true),
      "FrechetInceptionDistance: the module's features: expected features [N, 12] of a real dtype, got "
      "Float of shape [2, 15]",
      metrics::InvalidArgument);
  FrechetInceptionDistance undefined({.feature = {[](const Tensor&) { return Tensor(); }, 12}});
  CHECK_THROWS_AS(undefined.update(at::ones({2, 3}), true), metrics::InvalidArgument);
  FrechetInceptionDistance throws({.feature = {[](const Tensor&) -> Tensor { throw std::runtime_error("no"); }, 4}});
  CHECK_THROWS_AS(throws.update(at::ones({2, 4}), true), std::runtime_error);
  CHECK(throws.update_count() == 0);
}

TEST_CASE("FrechetInceptionDistance: features of a module are those of its output, without gradients") {
  const Tensor real = features(9, 0.1);
  const Tensor fake = features(11, 0.5);
  bool saw_gradients = false;
  FrechetInceptionDistance metric({.feature = {[&](const Tensor& images) {
                                                 saw_gradients = (images * 1).requires_grad();
                                                 return images.select(1, 0);
                                               },
                                               4}});
  metric.set_dtype(at::kDouble);
  metric.update(at::stack({real, real * 0}, 1).set_requires_grad(true), true);
  CHECK_FALSE(saw_gradients);
  metric.update(at::stack({fake, fake * 0}, 1), false);
  CHECK(value(metric) == doctest::Approx(between(real, fake)).epsilon(1e-12));
  CHECK(metric.to_string() == "FrechetInceptionDistance(feature='module of 4 features', reset_real_features=True)");
}

TEST_CASE("FrechetInceptionDistance: two modules share no update, copies of one do") {
  const auto same = [](const Tensor& images) { return images; };
  const metrics::FeatureSource source(same, 4);
  const FrechetInceptionDistance first({.feature = source});
  const FrechetInceptionDistance copy({.feature = source, .reset_real_features = false});
  const FrechetInceptionDistance other({.feature = {same, 4}});
  CHECK(first.update_key() == copy.update_key());
  CHECK(first.update_key() != other.update_key());
  CHECK(first.update_key() != distance().update_key());
}

TEST_CASE("FrechetInceptionDistance: reset keeps the real side where asked to") {
  const Tensor real = features(9, 0.1);
  for (const bool forgets : {true, false}) {
    CAPTURE(forgets);
    auto metric = distance(forgets);
    metric.update(real, true);
    metric.update(features(7, 0.9), false);
    metric.compute();
    metric.reset();
    CHECK(metric.update_count() == 0);
    metric.update(features(11, 0.5), false);
    if (forgets) {
      CHECK(std::isnan(value(metric)));
    } else {
      CHECK(value(metric) == between(real, features(11, 0.5)));
    }
  }
}

TEST_CASE("FrechetInceptionDistance: with a kept real side forward gives the distance of the batch from it") {
  const Tensor real = features(9, 0.1);
  const Tensor first = features(11, 0.5);
  const Tensor second = features(6, 0.8);
  auto metric = distance(/*reset_real_features=*/false);
  CHECK(std::isnan(metric.forward(real, true).item<double>()));
  CHECK(metric.forward(first, false).item<double>() == between(real, first));
  CHECK(metric.forward(second, false).item<double>() == between(real, second));
  CHECK(value(metric) == doctest::Approx(between(real, at::cat({first, second}))).epsilon(1e-12));
  CHECK(metric.update_count() == 3);
}

TEST_CASE("FrechetInceptionDistance: copies, merges and state dicts carry what is kept") {
  const Tensor real = features(9, 0.1);
  const Tensor fake = features(11, 0.5);
  auto metric = distance(/*reset_real_features=*/false);
  metric.persistent(true);
  metric.update(real, true);
  metric.update(features(7, 0.9), false);
  metric.reset();

  auto copy = metric;
  copy.update(fake, false);
  CHECK(value(copy) == between(real, fake));

  auto other = distance(/*reset_real_features=*/false);
  other.update(fake, false);
  other.merge(metric);
  CHECK(value(other) == between(real, fake));

  auto loaded = distance(/*reset_real_features=*/false);
  loaded.persistent(true);
  loaded.load_state_dict(metric.state_dict());
  loaded.update(fake, false);
  CHECK(value(loaded) == between(real, fake));
  loaded.reset();
  CHECK(at::equal(loaded.states()["real_features_sum"].tensor(), metric.states()["real_features_sum"].tensor()));
}

TEST_CASE("FrechetInceptionDistance: reset while synced keeps this rank's real side, not all ranks'") {
  const Tensor real = features(9, 0.1);
  auto peer = distance(/*reset_real_features=*/false);
  peer.update(features(5, 0.3), true);
  auto metric = distance(/*reset_real_features=*/false);
  metric.update(real, true);
  auto ranks = std::make_shared<metrics::testing::FakeRanks>(std::vector<const metrics::Metric*>{&peer});
  metric.set_metric_options({.process_group = ranks});
  metric.sync();
  CHECK(metric.states()["real_features_num_samples"].tensor().item<int64_t>() == 14);
  metric.reset();
  CHECK_FALSE(metric.is_synced());
  CHECK(metric.states()["real_features_num_samples"].tensor().item<int64_t>() == 9);
}

TEST_CASE("FrechetInceptionDistance: ranks that keep their real sides merge them again after a reset") {
  const Tensor real = features(20, 0.1);
  const Tensor fake = features(12, 0.5);
  auto peer = distance(/*reset_real_features=*/false);
  peer.update(real.slice(0, 8), true);
  auto metric = distance(/*reset_real_features=*/false);
  metric.update(real.slice(0, 0, 8), true);
  auto ranks = std::make_shared<metrics::testing::FakeRanks>(std::vector<const metrics::Metric*>{&peer});
  metric.set_metric_options({.process_group = ranks});
  for (int epoch = 0; epoch < 2; ++epoch) {
    metric.update(fake.slice(0, 0, 5), false);
    peer.update(fake.slice(0, 5), false);
    CHECK(value(metric) == doctest::Approx(between(real, fake)).epsilon(1e-12));
    metric.reset();
    peer.reset();
  }
  metric.set_metric_options({.dist_sync_on_step = true, .process_group = ranks});
  CHECK(metric.forward(fake, false).item<double>() == doctest::Approx(between(real, fake)).epsilon(1e-12));
}

TEST_CASE("FrechetInceptionDistance: state dicts show torchmetrics' sums, and take them") {
  const Tensor real = features(9, 0.1);
  auto metric = distance();
  metric.persistent(true);
  metric.update(real, true);
  metric.update(features(7, 0.9), false);
  const auto saved = metric.state_dict();
  const auto shown = [&](const char* name) { return std::get<Tensor>(saved.states.at(name)); };
  CHECK(at::allclose(shown("real_features_sum"), real.sum(0)));
  CHECK(at::allclose(shown("real_features_cov_sum"), real.t().mm(real)));
  CHECK(shown("real_features_num_samples").item<int64_t>() == 9);
  CHECK(saved.states.size() == 6);

  metrics::StateDict from_python{.states = saved.states, .metadata = {}};
  auto loaded = distance();
  loaded.load_state_dict(from_python);
  CHECK(value(loaded) == doctest::Approx(value(metric)).epsilon(1e-10));
  // What Python changed since means what it says now, whatever the metadata.
  auto changed = saved;
  changed.states["real_features_sum"] = shown("real_features_sum") + 9.0;
  changed.states["real_features_cov_sum"] = shown("real_features_cov_sum") +
                                            at::outer(real.sum(0), at::ones({4}, at::kDouble)) +
                                            at::outer(at::ones({4}, at::kDouble), real.sum(0)) + 9.0;
  loaded.load_state_dict(changed);
  CHECK(value(loaded) == doctest::Approx(between(real + 1.0, features(7, 0.9))).epsilon(1e-10));
}

TEST_CASE("FrechetInceptionDistance: an offset costs nothing, in a file neither") {
  const Tensor real = features(200, 0.1);
  const Tensor fake = features(180, 0.5);
  const double expected = between(real, fake);
  // An offset that float64 adds to these features without rounding more than 1e-10 of them.
  for (const double offset : {1e3, 1e6}) {
    CAPTURE(offset);
    auto metric = distance();
    metric.persistent(true);
    for (int64_t begin = 0; begin < 180; begin += 60) {
      metric.update(real.slice(0, begin, begin + 60) + offset, true);
      metric.update(fake.slice(0, begin, begin + 60) + offset, false);
    }
    metric.update(real.slice(0, 180) + offset, true);
    CHECK(value(metric) == doctest::Approx(expected).epsilon(1e-9));
    auto loaded = distance();
    loaded.load_state_dict(metric.state_dict());
    CHECK(value(loaded) == value(metric));
  }
}

namespace {

/// Numbers [rows, columns] in (-1, 1) that follow no pattern.
Tensor scattered(int64_t rows, int64_t columns) {
  const Tensor numbers = at::arange(rows * columns, at::kDouble).mul(12.9898).sin().mul(43758.5453).frac();
  return numbers.view({rows, columns});
}

}  // namespace

TEST_CASE("FrechetInceptionDistance: products of many features are made by halves, and whole") {
  FrechetInceptionDistance metric({.feature = 600});
  const Tensor rows = scattered(1300, 600) + 3;
  for (const auto& [begin, end] : {std::pair{0, 1250}, {1250, 1260}, {1260, 1300}}) {
    metric.update(rows.slice(0, begin, end), true);
  }
  const Tensor centred = rows - rows.mean(0);
  const Tensor& products = metric.states()["real_features_cov_sum"].tensor();
  CHECK(at::allclose(products, centred.t().mm(centred), 1e-12, 1e-10));
}

TEST_CASE("FrechetInceptionDistance: small variances beside large ones are not lost, nor few samples") {
  struct {
    int64_t samples, features;
    double fall;  // of the variance, from one feature to the next
  } const cases[] = {{200, 12, 1}, {200, 12, 0.01}, {9, 12, 1}, {9, 12, 0.01}};
  for (const auto& [samples, count, fall] : cases) {
    CAPTURE(samples);
    CAPTURE(fall);
    FrechetInceptionDistance metric({.feature = count});
    metric.set_dtype(at::kDouble);
    const Tensor real = scattered(samples, count) * at::pow(fall, at::arange(count, at::kDouble));
    metric.update(real, true);
    metric.update(real / 2, false);
    // Of x and of x / 2 the distance is a quarter of |mean|² + tr cov.
    const double expected = (real.mean(0).square().sum() + real.var(0).sum()).item<double>() / 4;
    CHECK(value(metric) == doctest::Approx(expected).epsilon(1e-13));
  }
}
