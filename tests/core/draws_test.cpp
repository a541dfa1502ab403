#include "harness/check_metric.h"
#include <metrics/core/define.h>
#include <metrics/core/draws.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

using namespace metrics;
using namespace std::string_view_literals;

namespace {

constexpr int64_t population = 20000;

/// The mean of a sample, and how far it varies: over resamples of the rows seen (the bootstrap of Efron, 1979), each of
/// which counts a row as often as a draw by its sample id says; and over a subsample of rows without replacement, those
/// with the smallest draws.
struct ResampledMeanDefinition {
  static constexpr std::string_view name = "ResampledMean";
  struct Options {
    int64_t replicates = 8;
    int64_t subsample = 4;
    int64_t seed = 0;
    static constexpr auto fields() {
      return metrics::fields<&Options::replicates, &Options::subsample, &Options::seed>();
    }
  };
  static constexpr std::array inputs{"value"sv};
  static constexpr MetricTraits traits{};
  struct Result {
    Tensor resampled, subsampled;
    static constexpr auto fields() { return metrics::fields<&Result::resampled, &Result::subsampled>(); }
  };

  static void check(const Options& options) {
    if (options.replicates < 1) throw InvalidArgument("ResampledMean: replicates: expected at least 1");
  }
  static void declare(States& states, const Options& options) {
    states.add("sums", Reduction::Sum, at::zeros({options.replicates}));
    states.add("counts", Reduction::Sum, at::zeros({options.replicates}, at::kLong));
    // The smallest draws so far and their values: what a merge keeps of two does not depend on which came first.
    states.add("drawn", Reduction::Own, at::full({options.subsample}, largest, at::kLong));
    states.add("values", Reduction::Own, at::zeros({options.subsample}, at::kDouble));
  }
  static void update(States& states, const Options& options, const Tensor& value, const Rows& rows) {
    if (!rows.ids) throw InvalidArgument("ResampledMean: Rows.ids: sample ids are needed to draw by");
    const Tensor counted = rows.valid ? rows.valid->nonzero().flatten() : at::arange(value.size(0));
    const Tensor ids = rows.ids->index_select(0, counted).contiguous();
    const Tensor values = value.index_select(0, counted).to(at::kDouble).contiguous();
    const int64_t n = ids.numel();
    const auto* id = ids.const_data_ptr<int64_t>();
    Tensor times = at::empty({options.replicates, n}, at::kLong);
    for (int64_t replicate = 0; replicate < options.replicates; ++replicate) {
      const Draws draws(options.seed, replicate);
      for (int64_t i = 0; i < n; ++i) times.mutable_data_ptr<int64_t>()[replicate * n + i] = draws.poisson(id[i]);
    }
    const Draws draws(options.seed, options.replicates);
    Tensor drawn = at::empty({n}, at::kLong);
    for (int64_t i = 0; i < n; ++i) {
      drawn.mutable_data_ptr<int64_t>()[i] = static_cast<int64_t>(draws.word(id[i]) >> 1);
    }
    states["sums"].add(times.to(at::kDouble).mv(values));
    states["counts"].add(times.sum(1));
    keep_smallest(states, options, drawn, values);
  }
  static void merge(States& into, const States& from, const Options& options) {
    keep_smallest(into, options, from["drawn"].tensor(), from["values"].tensor());
  }
  static Result finalise(const States& states, const Options&) {
    const Tensor used = states["drawn"].tensor() < largest;
    return {.resampled = states["sums"].tensor() / states["counts"].tensor(),
            .subsampled = std::get<0>(at::sort(states["values"].tensor().masked_select(used)))};
  }

 private:
  static constexpr int64_t largest = std::numeric_limits<int64_t>::max();

  static void keep_smallest(States& states, const Options& options, const Tensor& drawn, const Tensor& values) {
    const Tensor all = at::cat({states["drawn"].tensor(), drawn});
    const Tensor order = at::argsort(all, /*stable=*/true).narrow(0, 0, options.subsample);
    states["values"].set(at::cat({states["values"].tensor(), values}).index_select(0, order));
    states["drawn"].set(all.index_select(0, order));
  }
};
using ResampledMean = MetricOf<ResampledMeanDefinition>;

void register_once() {
  if (find_metric("ResampledMean") == nullptr) register_metric<ResampledMean>();
}

/// Rows of a population of `count` samples, whose values say which they are.
testing::Batch batch(int64_t first, int64_t count) {
  const Tensor ids = at::arange(first, first + count, at::kLong) * 1000003;
  return {{"value", (ids.remainder(9973)).to(at::kFloat) / 64}, {std::string(testing::ids_name), ids}};
}

}  // namespace

TEST_CASE("draws: the same on every machine, for good") {
  CHECK(mixed(0) == 0);
  CHECK(mixed(0x9E3779B97F4A7C15ULL) == 0xE220A8397B1DCDAFULL);  // splitmix64's first output for seed 0
  constexpr Draws draws(7, 3);
  static_assert(draws.word(5) == Draws(7, 3).word(5));
  CHECK(draws.word(5) == 0xE20E41CF3EE6150FULL);
  CHECK(draws.uniform(5) == static_cast<double>(draws.word(5) >> 11) / 0x1p53);
}

TEST_CASE("draws: seeds, replicates and ids that differ in a bit give words that have nothing in common") {
  std::set<uint64_t> words;
  int64_t bits = 0, pairs = 0;
  for (int64_t seed : {0, 1, -1}) {
    for (int64_t replicate = 0; replicate < 8; ++replicate) {
      for (int64_t id = 0; id < 256; ++id) {
        const uint64_t word = Draws(seed, replicate).word(id);
        CHECK(words.insert(word).second);
        for (const uint64_t other : {Draws(seed ^ 1, replicate).word(id), Draws(seed, replicate ^ 1).word(id),
                                     Draws(seed, replicate).word(id ^ 1)}) {
          bits += std::popcount(word ^ other);
          ++pairs;
        }
      }
    }
  }
  CHECK(static_cast<double>(bits) / static_cast<double>(pairs) == doctest::Approx(32).epsilon(0.005));
}

TEST_CASE("draws: uniform and Poisson draws are distributed as they say") {
  std::array<int64_t, 10> tenths{};
  std::array<int64_t, 20> counts{};
  const Draws draws(1, 0);
  for (int64_t id = 0; id < population; ++id) {
    ++tenths[static_cast<std::size_t>(draws.uniform(id) * 10)];
    ++counts[static_cast<std::size_t>(draws.poisson(id))];
  }
  for (const int64_t tenth : tenths) CHECK(std::abs(tenth - population / 10) < 200);  // 4.7 standard deviations
  double share = std::exp(-1.0);
  for (std::size_t count = 0; count < 6; ++count) {
    const double expected = share * population;
    CHECK(std::abs(static_cast<double>(counts[count]) - expected) < 4.5 * std::sqrt(expected));
    share /= static_cast<double>(count + 1);
  }
}

TEST_CASE("a metric that draws by sample id needs ids") {
  ResampledMean metric;
  CHECK_THROWS_WITH_AS(metric.update(at::ones({3})), "ResampledMean: Rows.ids: sample ids are needed to draw by",
                       InvalidArgument);
  CHECK_THROWS_AS(ResampledMean({.replicates = 0}), InvalidArgument);
}

TEST_CASE("a metric that draws by sample id counts each row as often as it is drawn") {
  const Tensor ids = at::arange(500);
  const Tensor value = ids.to(at::kDouble).sqrt();
  ResampledMean metric({.replicates = 2, .subsample = 3, .seed = 9});
  metric.set_dtype(at::kDouble);
  metric.update(value, Rows{.valid = {}, .ids = ids});
  const auto result = metric.compute();
  for (int64_t replicate = 0; replicate < 2; ++replicate) {
    double sum = 0;
    int64_t count = 0;
    for (int64_t id = 0; id < 500; ++id) {
      const int64_t times = Draws(9, replicate).poisson(id);
      sum += static_cast<double>(times) * std::sqrt(static_cast<double>(id));
      count += times;
    }
    CHECK(result.resampled[replicate].item<double>() == doctest::Approx(sum / static_cast<double>(count)));
  }
  std::vector<int64_t> order(500);
  for (int64_t id = 0; id < 500; ++id) order[static_cast<std::size_t>(id)] = id;
  const Draws draws(9, 2);
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return draws.word(a) < draws.word(b); });
  std::vector<double> chosen;
  for (std::size_t i = 0; i < 3; ++i) chosen.push_back(std::sqrt(static_cast<double>(order[i])));
  std::sort(chosen.begin(), chosen.end());
  for (int64_t i = 0; i < 3; ++i) {
    CHECK(result.subsampled[i].item<double>() == chosen[static_cast<std::size_t>(i)]);
  }
}

TEST_CASE("a metric that draws by sample id gives the same in every way, and at any world size") {
  register_once();
  std::vector<testing::Case> cases;
  for (const int64_t seed : {0, 1}) {
    cases.push_back({.name = "ResampledMean, seed " + std::to_string(seed),
                     .metric = "ResampledMean",
                     .options = {{"replicates", int64_t{5}}, {"subsample", int64_t{6}}, {"seed", seed}},
                     .batches = {batch(0, 40), batch(40, 3), batch(43, 25), batch(68, 1)}});
  }
  cases.push_back({.name = "ResampledMean, ids in another order",
                   .metric = "ResampledMean",
                   .batches = {batch(43, 25), batch(0, 20), batch(20, 23)}});
  for (const auto& c : cases) testing::check_metric(c);
  testing::check_on_ranks(cases);
}

TEST_CASE("a metric that draws by sample id does not depend on how samples are split and ordered") {
  register_once();
  const auto value = [](const std::vector<testing::Batch>& batches, int64_t seed) {
    auto metric = create("ResampledMean", {{"seed", seed}});
    for (testing::Batch given : batches) {
      const Tensor ids = given.extract(std::string(testing::ids_name)).mapped().toTensor();
      metric->update({}, given, Rows{.valid = {}, .ids = ids});
    }
    return metric->compute();
  };
  const c10::IValue whole = value({batch(0, 100)}, 0);
  CHECK(testing::bits(value({batch(60, 40), batch(0, 30), batch(30, 30)}, 0)) == testing::bits(whole));
  CHECK(testing::bits(value({batch(0, 100)}, 1)) != testing::bits(whole));
}
