#include "core/fake_ranks.h"
#include <metrics/collections/bootstrapping.h>
#include <metrics/collections/composition.h>
#include <metrics/collections/feature_share.h>
#include <metrics/collections/minmax.h>
#include <metrics/core/dynamic.h>
#include <metrics/core/errors.h>
#include <metrics/image/fid.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

#include <memory>

// What fixtures cannot show: modules, and how often they run.

namespace feature_share_test {
namespace {

using at::Tensor;
using metrics::FeatureShare;
using metrics::FeatureSource;
using metrics::FrechetInceptionDistance;
using metrics::MetricCollection;
using metrics::Rows;
using metrics::share;
using metrics::Shared;

/// A module that counts how often it runs.
struct Network {
  std::shared_ptr<int> runs = std::make_shared<int>(0);

  FeatureSource source(double scale = 1) const {
    return {[runs = runs, scale](const Tensor& images) {
              ++*runs;
              return images.to(at::kDouble).flatten(1) * scale;
            },
            4};
  }
};

/// Distances whose updates are not the same, though their features are: their dtypes differ.
Shared<FrechetInceptionDistance> distance(const FeatureSource& source, at::ScalarType dtype = at::kFloat) {
  auto metric = share(FrechetInceptionDistance({.feature = source}));
  metric->set_dtype(dtype);
  return metric;
}

Tensor images(int64_t count, double shift = 0) {
  return at::arange(count * 4, at::kDouble).add(shift).mul(12.9898).sin().view({count, 1, 2, 2});
}

void update_both(metrics::Metric& metric) {
  metric.update({images(9), true});
  metric.update({images(7, 0.5), false});
}

}  // namespace

TEST_CASE("FeatureShare: a module that several metrics use runs once a batch, and values are those without") {
  const Network network;
  const FeatureSource source = network.source();
  FeatureShare shared({{"a", distance(source)}, {"b", distance(source, at::kDouble)}});
  update_both(shared);
  CHECK(*network.runs == 2);
  auto alone = distance(source, at::kDouble);
  update_both(*alone);
  CHECK(*network.runs == 4);
  CHECK(shared.compute().tensor("b").item<double>() == alone->compute().item<double>());
  shared.forward(images(5), true);
  CHECK(*network.runs == 5);
}

TEST_CASE("FeatureShare: rows that are not valid, and weights, are taken out of the same inputs") {
  const Network network;
  const FeatureSource source = network.source();
  FeatureShare shared({{"a", distance(source)}, {"b", distance(source, at::kDouble)}});
  const Rows rows{.valid = at::tensor({1, 0, 1, 1, 0}).to(at::kBool)};
  shared.update(images(5), true, rows);
  CHECK(*network.runs == 1);
  shared.update(images(5), false);
  CHECK(*network.runs == 2);
}

TEST_CASE("FeatureShare: other inputs, other modules and the next batch are run anew") {
  const Network first, second;
  const FeatureSource source = first.source(), other = second.source(3);
  FeatureShare shared({{"a", distance(source)},
                       {"b", distance(source, at::kDouble)},
                       {"c", distance(other)},
                       {"d", distance(other, at::kDouble)}});
  for (int i = 0; i < 2; ++i) update_both(shared);
  CHECK(*first.runs == 4);
  CHECK(*second.runs == 4);
  const auto values = shared.compute();
  CHECK(values.tensor("c").item<double>() == doctest::Approx(9 * values.tensor("a").item<double>()).epsilon(1e-5));
}

TEST_CASE("FeatureShare: max_cache_size says for how many inputs features are kept") {
  const auto runs_with = [](std::optional<int64_t> most) {
    const Network network;
    const FeatureSource source = network.source(), other = network.source(2);
    FeatureShare shared({{"a", distance(source)},
                         {"b", distance(other)},
                         {"c", distance(source, at::kDouble)},
                         {"d", distance(other, at::kDouble)}},
                        {.max_cache_size = most});
    shared.update(images(5), true);
    return *network.runs;
  };
  CHECK(runs_with(std::nullopt) == 2);
  CHECK(runs_with(2) == 2);
  CHECK(runs_with(0) == 4);
  CHECK_THROWS_WITH_AS(FeatureShare({distance(4)}, {.max_cache_size = -1}), doctest::Contains("max_cache_size"),
                       metrics::InvalidArgument);
}

TEST_CASE("shared features: of more inputs than are kept those that were asked for last") {
  const auto runs_with = [](std::size_t most) {
    const Network network;
    const FeatureSource source = network.source();
    const metrics::SharedFeatures shared(most);
    const Tensor first = images(5), second = images(5, 0.5), third = images(6);
    for (const Tensor& given : {first, second, first, third, first.clone(), second}) {
      source.features_of("FrechetInceptionDistance", given);
    }
    return *network.runs;
  };
  CHECK(runs_with(3) == 3);
  CHECK(runs_with(2) == 4);  // `second` has not been asked for the longest
  CHECK(runs_with(1) == 6);
  CHECK(runs_with(0) == 6);
}

TEST_CASE("features are shared in any metric that is made of others, also of a FeatureShare") {
  const Network network;
  const FeatureSource source = network.source();
  const auto runs_of = [&](metrics::Metric& metric) {
    *network.runs = 0;
    metric.update({images(5), true});
    return *network.runs;
  };
  const auto members = [&] {
    return std::vector<MetricCollection::Member>{{"a", distance(source)}, {"b", distance(source, at::kDouble)}};
  };
  MetricCollection collection(members());
  CHECK(runs_of(collection) == 1);
  MetricCollection nested({{"inner", FeatureShare(members())}});
  CHECK(runs_of(nested) == 1);
  auto formula = distance(source) - distance(source, at::kDouble);
  CHECK(runs_of(formula) == 1);
  FeatureShare shared(members());
  const auto copy = shared.clone();
  CHECK(runs_of(*copy) == 1);
  FeatureShare of_extremes({{"a", metrics::MinMaxMetric(distance(source))}, {"b", distance(source, at::kDouble)}});
  CHECK(runs_of(of_extremes) == 1);
}

TEST_CASE("FeatureShare: a module that throws leaves all members as they were, and nothing is kept of it") {
  int runs = 0;
  const FeatureSource source{[&runs](const Tensor& given) -> Tensor {
                               if (++runs == 1) throw std::runtime_error("no");
                               return given.flatten(1);
                             },
                             4};
  FeatureShare shared({{"a", distance(source)}, {"b", distance(source, at::kDouble)}});
  CHECK_THROWS(shared.update(images(5), true));
  CHECK(shared.update_count() == 0);
  CHECK(shared["a"].update_count() == 0);
  shared.update(images(5), true);
  CHECK(runs == 2);
  CHECK(shared.update_count() == 1);
}

TEST_CASE("FeatureShare: by name, with members' states under torchmetrics' keys") {
  const auto made = metrics::create_from_json(
      R"({"name": "FeatureShare", "options": {"metrics": [{"name": "FrechetInceptionDistance", "options": {"feature": 4}}],
                                              "max_cache_size": 3}})");
  CHECK(made->name() == "FeatureShare");
  CHECK(made->to_string() ==
        "FeatureShare(FrechetInceptionDistance=FrechetInceptionDistance(feature=4, reset_real_features=True), "
        "max_cache_size=3)");
  made->persistent(true);
  made->update({images(5).flatten(1), true});
  CHECK(made->state_dict().states.contains("FrechetInceptionDistance.real_features_sum"));
}

}  // namespace feature_share_test
