// Weights of rows: what is refused, how counts become sums, and that the fast ways give what the general one does.

#include "contains.h"
#include "unit_of.h"
#include <metrics/classification/accuracy.h>
#include <metrics/classification/auroc.h>
#include <metrics/classification/confusion_matrix.h>
#include <metrics/classification/stat_scores.h>
#include <metrics/collections/metric_collection.h>
#include <metrics/core/define.h>
#include <metrics/core/dynamic.h>
#include <metrics/core/weights.h>
#include <metrics/image/psnr.h>
#include <metrics/regression/kendall.h>
#include <metrics/regression/mse.h>
#include <metrics/regression/r2.h>
#include <metrics/regression/spearman.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weights_test {

using at::Tensor;
using metrics::DoubleDouble;
using metrics::InvalidArgument;
using metrics::Reduction;
using metrics::Rows;
using metrics::RowWeights;
using metrics::State;
using metrics::States;

/// A user's metric that only adds, and knows nothing of weights: the mean of the squares.
struct MeanSquare {
  using Options = metrics::NoOptions;
  static constexpr std::string_view name = "MeanSquare";
  static constexpr std::array<std::string_view, 1> inputs{"value"};
  static constexpr metrics::MetricTraits traits{};
  static void declare(States& states, const Options&) {
    states.add("sum", Reduction::Sum, at::zeros({}, at::kDouble));
    states.add("count", Reduction::Sum, at::zeros({}, at::kLong));
    states.add("most", Reduction::Max, at::full({}, -std::numeric_limits<double>::infinity(), at::kDouble));
  }
  static void update(States& states, const Options&, const Tensor& value) {
    states["sum"].add(value.to(at::kDouble).square().sum());
    states["count"].add(at::full({}, value.size(0), at::kLong));
    if (value.numel() > 0) states["most"].raise(value.max().to(at::kDouble));
  }
  static Tensor finalise(const States& states, const Options&) {
    return at::stack({states["sum"].tensor() / states["count"].tensor().to(at::kDouble), states["most"].tensor()});
  }
};

}  // namespace weights_test

template class metrics::MetricOf<weights_test::MeanSquare>;

namespace weights_test {
namespace {

using metrics_test::contains;

using UserMetric = metrics::MetricOf<MeanSquare>;

Tensor numbers(std::vector<double> values) {
  return at::tensor(values, at::kDouble);
}

Rows weighed(const Tensor& weights) {
  Rows rows;
  rows.weights = weights;
  return rows;
}

template <class F>
std::string message(const F& f) {
  try {
    f();
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("weights that cannot be are refused by row and number, and nothing has changed") {
  metrics::BinaryAccuracy accuracy;
  const Tensor preds = numbers({0.2, 0.7, 0.9}), target = at::tensor({1, 1, 0});
  accuracy.update(preds, target, Rows{.weights = numbers({1, 2, 0.5})});
  const auto before = accuracy.compute().item<float>();
  const auto refused = [&](const Tensor& weights, const std::string& part) {
    const std::string found = message([&] { accuracy.update(preds, target, Rows{.weights = weights}); });
    CAPTURE(found);
    CHECK(contains(found, "BinaryAccuracy"));
    CHECK(contains(found, "Rows.weights"));
    CHECK(contains(found, part));
    CHECK(accuracy.compute().item<float>() == before);
    CHECK(accuracy.update_count() == 1);
  };
  refused(numbers({1, -2, 1}), "row 1 has weight -2");
  refused(numbers({1, 1, std::nan("")}), "row 2 has weight nan");
  refused(numbers({std::numeric_limits<double>::infinity(), 1, 1}), "row 0 has weight inf");
  refused(at::tensor({1, 1, -1}), "row 2 has weight -1");
  refused(at::tensor({int64_t{1} << 53, int64_t{1}, int64_t{0}}), "2^53");
  refused(numbers({1, 1}), "shape [3]");
  refused(at::ones({3, 1}), "shape [3]");
  refused(at::ones({3}, at::kComplexFloat), "ComplexFloat");
  refused(Tensor(), "Rows.weights");
  CHECK(contains(message([&] {
                   static_cast<metrics::Metric&>(accuracy).update(
                       {preds, target}, {{"sample_weight", numbers({1, 1, 1})}}, Rows{.weights = numbers({1, 1, 1})});
                 }),
                 "twice"));
  CHECK(contains(message([&] {
                   static_cast<metrics::Metric&>(accuracy).update({preds, target}, {{"sample_weight", "w"}});
                 }),
                 "sample_weight"));
  // The weight of a row that is not valid is not looked at.
  accuracy.update(preds, target, Rows{.valid = at::tensor({1, 1, 0}).to(at::kBool), .weights = numbers({1, 1, -1})});
}

TEST_CASE("weights of a large batch are looked at in every dtype, and weigh what they are, one batch after the other") {
  constexpr int64_t rows = 5000;  // of so many float32 weights the memory for them in float64 is kept
  const Tensor target = at::rand({rows}), preds = at::rand({rows});
  const Tensor first = at::rand({rows}) + 0.1, second = at::rand({rows}) + 0.1;
  metrics::MeanSquaredError narrow, wide;
  for (const Tensor& weights : {first, second, first}) {
    narrow.update(preds, target, Rows{.weights = weights});
    wide.update(preds, target, Rows{.weights = weights.to(at::kDouble)});
    CHECK(narrow.compute().equal(wide.compute()));
  }
  // A metric that keeps what rows weigh keeps it, whatever comes after.
  metrics::BinaryAUROC kept, kept_wide;
  const Tensor labels = (target > 0.5).to(at::kLong);
  for (const Tensor& weights : {first, second}) {
    kept.update(preds, labels, Rows{.weights = weights});
    kept_wide.update(preds, labels, Rows{.weights = weights.to(at::kDouble)});
  }
  CHECK(kept.compute().equal(kept_wide.compute()));
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble, at::kHalf}) {
    CAPTURE(dtype);
    const auto refused = [&](double weight, const std::string& text) {
      Tensor weights = at::ones({rows}, dtype);
      weights[3001] = weight;
      weights[4000] = -5;
      const Tensor before = narrow.compute();
      const std::string found = message([&] { narrow.update(preds, target, Rows{.weights = weights}); });
      CAPTURE(found);
      CHECK(contains(found, "Rows.weights: row 3001 has weight " + text));
      CHECK(narrow.compute().equal(before));
    };
    refused(-2, "-2");
    refused(std::nan(""), "nan");
    refused(std::numeric_limits<double>::infinity(), "inf");
    // Rows of weight 0 are not there.
    Tensor some = at::ones({rows}, dtype);
    some.slice(0, 10, 4990).fill_(0);
    metrics::MeanSquaredError of_some, of_those;
    of_some.update(preds, target, Rows{.weights = some});
    const Tensor ends = at::cat({at::arange(10), at::arange(4990, rows)});
    of_those.update(preds.index_select(0, ends), target.index_select(0, ends));
    CHECK(of_some.compute().equal(of_those.compute()));
  }
}

TEST_CASE("who takes no weights, or integers alone, says so") {
  const Rows ones_of_2 = weighed(numbers({1, 1})), ones_of_3 = weighed(numbers({1, 1, 1}));
  metrics::MulticlassStatScores samplewise(
      {.num_classes = 3, .multidim_average = metrics::classification::MultidimAverage::Samplewise});
  const Tensor labels = at::zeros({2, 4}, at::kLong);
  CHECK(contains(message([&] { samplewise.update(labels, labels, ones_of_2); }),
                 "MulticlassStatScores: Rows.weights: this metric takes no weights"));
  metrics::PeakSignalNoiseRatio noise({.data_range = 1.0, .dim = 0});  // sums over images
  const Tensor images = at::rand({3, 1, 4, 4}), target = at::rand({3, 1, 4, 4});
  CHECK(contains(message([&] { noise.update(images, target, ones_of_3); }), "integers alone"));
  noise.update(images, target, Rows{.weights = at::tensor({2, 1, 1})});
  CHECK((noise.taken_weights() == RowWeights::Integers));

  metrics::MetricCollection both(
      {metrics::MeanSquaredError(), metrics::PeakSignalNoiseRatio({.data_range = 1.0, .dim = 0})});
  const std::string found = message([&] { both.update(images, target, ones_of_3); });
  CHECK(contains(found, "PeakSignalNoiseRatio"));
  CHECK(both.update_count() == 0);
  CHECK(both["MeanSquaredError"].update_count() == 0);
}

/// Gives each member the batch with weights of its own.
class EachWithItsWeights : public metrics::MetricCollection {
 public:
  EachWithItsWeights(std::initializer_list<Member> members, std::vector<Tensor> weights)
      : MetricCollection(members), weights_(std::move(weights)) {}
  std::unique_ptr<metrics::Metric> clone() const override { return std::make_unique<EachWithItsWeights>(*this); }

 protected:
  bool feeds_all_alike() const override { return false; }
  void feed(const std::shared_ptr<const metrics::BatchInputs>& inputs, metrics::Feeds& feeds) override {
    for (std::size_t i = 0; i < parts().size(); ++i) {
      auto own = std::make_shared<metrics::BatchInputs>(*inputs);
      own->rows.weights = weights_[i];
      route_to(parts()[i], own, feeds);
    }
  }

 private:
  std::vector<Tensor> weights_;
};

TEST_CASE("a batch is the same one for metrics that count alike where it has the same weights alone") {
  const Tensor preds = numbers({0.2, 0.7, 0.9, 0.6}), target = at::tensor({1, 1, 0, 0});
  const Tensor first = numbers({1, 2, 0.5, 3}), second = numbers({2, 0.25, 1, 1});
  const auto value = [&](const Tensor& weights) {
    metrics::BinaryAccuracy alone;
    alone.update(preds, target, weighed(weights));
    return alone.compute().item<float>();
  };
  REQUIRE(value(first) != value(second));
  for (const Tensor& other : {first, second}) {
    EachWithItsWeights both({{"a", metrics::BinaryAccuracy()}, {"b", metrics::BinaryAccuracy()}}, {first, other});
    both.update({preds, target});
    CHECK(both["a"].compute().toTensor().item<float>() == value(first));
    CHECK(both["b"].compute().toTensor().item<float>() == value(other));
    const metrics::Unit &a = metrics::testing::unit_of(both["a"]), &b = metrics::testing::unit_of(both["b"]);
    CHECK(a.shares_states_with(b) == other.is_same(first));
  }
}

TEST_CASE("a functional of its own that knows nothing of rows refuses them, whatever they say") {
  const Tensor preds = at::rand({2, 3, 8, 8}), target = at::rand({2, 3, 8, 8});
  const auto refused = [&](const Rows& rows) {
    return message([&] { metrics::functional::peak_signal_noise_ratio(preds, target, {.data_range = 1.0}, rows); });
  };
  Rows valid, ids;
  valid.valid = at::tensor({1, 0}).to(at::kBool);
  ids.ids = at::tensor({1, 2});
  CHECK(contains(refused(weighed(at::tensor({2, 1}))), "sample_weight"));
  CHECK(contains(refused(valid), "valid"));
  CHECK(contains(refused(ids), "ids"));
  // One that passes them on leaves out what is not valid.
  const Tensor x = numbers({1, 2, 3}), y = numbers({1, 2, 9});
  Rows two;
  two.valid = at::tensor({1, 1, 0}).to(at::kBool);
  CHECK(metrics::functional::r2_score(x, y, {}, two).item<double>() == 1);
}

TEST_CASE("an integer weight too many rows large is refused where rows are repeated") {
  metrics::KendallRankCorrCoef kendall;
  const std::string found = message([&] {
    kendall.update(numbers({0.1, 0.8}), numbers({0, 1}), Rows{.weights = at::tensor({int64_t{1} << 40, int64_t{1}})});
  });
  CHECK(contains(found, "2^31"));
  CHECK(kendall.update_count() == 0);
}

TEST_CASE("rows that are kept are so once, whatever integer they weigh") {
  const Tensor scores = numbers({0.1, 0.8, 0.4, 0.35}), target = at::tensor({0, 1, 1, 0});
  const Tensor weights = at::tensor({3, 1, 2, 4}, at::kLong);
  metrics::BinaryAUROC auroc, of_repeats, of_large;
  auroc.update(scores, target, weighed(weights));
  of_repeats.update(scores.repeat_interleave(weights), target.repeat_interleave(weights));
  of_large.update(scores, target, weighed(weights * (int64_t{1} << 40)));
  CHECK(auroc.states()["preds"].rows() == 4);
  CHECK(auroc.states()["sample_weight"].tensor().equal(weights.to(at::kDouble)));
  CHECK(auroc.compute().item<double>() == of_repeats.compute().item<double>());
  CHECK(of_large.compute().item<double>() == of_repeats.compute().item<double>());
  metrics::BinaryAUROC plain;
  plain.update(scores, target);
  metrics::BinaryAUROC late = plain, left = plain, right = auroc;
  late.update(scores, target, weighed(weights));
  left.merge(auroc);
  right.merge(plain);
  of_repeats.update(scores, target);
  for (metrics::BinaryAUROC* metric : {&late, &left, &right}) {
    CHECK(metric->states()["sample_weight"].rows() == 8);
    CHECK(metric->compute().item<double>() == of_repeats.compute().item<double>());
  }

  metrics::SpearmanCorrCoef spearman, of_ranks;
  const Tensor x = numbers({1, 5, 2, 2}), y = numbers({2, 9, 4, 1});
  spearman.update(x, y, weighed(weights));
  of_ranks.update(x.repeat_interleave(weights), y.repeat_interleave(weights));
  CHECK(spearman.states()["preds"].rows() == 4);
  CHECK(spearman.compute().item<double>() == doctest::Approx(of_ranks.compute().item<double>()).epsilon(1e-12));
}

TEST_CASE("integers that are all 1 are no weights") {
  const Tensor scores = numbers({0.1, 0.8, 0.4, 0.35}), target = at::tensor({0, 1, 1, 0});
  for (const Tensor& ones : {at::ones({4}, at::kLong), at::ones({4}, at::kInt), at::ones({4}, at::kBool)}) {
    metrics::BinaryAUROC auroc;
    auroc.update(scores, target, weighed(ones));
    CHECK(auroc.states()["sample_weight"].rows() == 0);
    CHECK(!auroc.state_dict("m.").states.contains("m.sample_weight"));
    auroc.update(scores, target, weighed(at::full({4}, 0.5)));
    auroc.update(scores, target, weighed(ones));
    CHECK(auroc.states()["sample_weight"].tensor().sum().item<double>() == 4 + 2 + 4);

    metrics::KendallRankCorrCoef kendall;
    kendall.update(scores, numbers({1, 2, 4, 3}), weighed(ones));
    CHECK(kendall.states()["preds"].rows() == 4);

    UserMetric sum;
    sum.update(numbers({1, 2, 5, 4}), weighed(at::full({4}, 0.5)));
    sum.update(numbers({1, 2, 5, 4}), weighed(ones));
    CHECK(sum.states()["count"].sum().value() == 6);
  }
}

/// Weights that are above 0, of kinds that kernels tell apart: exact sums, such as must be taken in two parts, numbers
/// so small that float32 has few digits for them, and a single one of these.
std::vector<Tensor> float32_weights(int64_t rows) {
  Tensor one_small = at::rand({rows}) + 0.25;
  one_small[rows / 2] = 1e-42F;
  return {at::rand({rows}) + 0.25, at::exp2(at::rand({rows}) * 100 - 60), at::full({rows}, 3e-40F), one_small,
          at::full({rows}, std::numeric_limits<float>::max())};
}

TEST_CASE("float32 weights give the bits that the same as float64 do") {
  const auto same = [](metrics::Metric& metric, const Tensor& preds, const Tensor& target, const Tensor& weights) {
    metric.reset();
    const auto wide = metric.clone();
    metric.update({preds, target}, {}, weighed(weights));
    wide->update({preds, target}, {}, weighed(weights.to(at::kDouble)));
    const States& found = metrics::testing::unit_of(metric).states();
    const States& expected = metrics::testing::unit_of(*wide).states();
    for (std::size_t s = 0; s < found.size(); ++s) {
      const auto equal = [](const Tensor& a, const Tensor& b) {
        return a.defined() == b.defined() && (!a.defined() || a.equal(b));
      };
      CHECK_MESSAGE(equal(found.at(s).tensor(), expected.at(s).tensor()), metric.to_string() << ": " << s);
      CHECK_MESSAGE(equal(found.at(s).residual(), expected.at(s).residual()), metric.to_string() << ": " << s);
    }
  };
  at::manual_seed(8);
  metrics::MulticlassConfusionMatrix classes({.num_classes = 5});
  metrics::MultilabelStatScores labels({.num_labels = 3, .average = metrics::classification::Average::None});
  metrics::BinaryStatScores binary;
  metrics::BinaryAUROC area, bins({.thresholds = 5});
  metrics::MeanSquaredError error;
  metrics::MeanSquaredError errors({.num_outputs = 3});
  metrics::R2Score fit;
  for (const int64_t rows : {1, 32, 129, 5000}) {
    const Tensor scores = at::rand({rows}), answers = at::randint(2, {rows}, at::kLong);
    const Tensor wide = at::rand({rows, 3}), goals = at::rand({rows, 3});
    for (const Tensor& weights : float32_weights(rows)) {
      CAPTURE(rows);
      CAPTURE(weights[0].item<float>());
      same(classes, at::rand({rows, 5}), at::randint(5, {rows}, at::kLong), weights);
      same(labels, wide, at::randint(2, {rows, 3}, at::kLong), weights);
      same(binary, scores, answers, weights);
      same(area, scores, answers, weights);
      same(bins, scores, answers, weights);
      same(errors, wide, goals, weights);
      same(error, wide, goals, weights);  // three positions a row
      for (const at::ScalarType dtype : {at::kFloat, at::kDouble, at::kHalf}) {
        same(error, scores.to(dtype), goals.select(1, 0).to(dtype).contiguous(), weights);
        if (rows > 1) same(fit, scores.to(dtype), goals.select(1, 0).to(dtype).contiguous(), weights);
      }
    }
  }
}

TEST_CASE("a definition reads float32 weights as they were given, and as float64") {
  const Tensor given = at::tensor({0.5F, 2.0F, 0.25F});
  const metrics::Weights weights(given);
  CHECK(weights.given());
  CHECK(!weights.are_integers());
  CHECK(!weights.are_ones());
  CHECK(weights.rows() == 3);
  CHECK(weights.floats() == given.const_data_ptr<float>());
  CHECK(weights.reals()[1] == 2);
  CHECK(weights.reals() == weights.tensor().const_data_ptr<double>());
  CHECK(weights.tensor().equal(given.to(at::kDouble)));
  const metrics::Weights some = weights.of(at::tensor({2, 0}, at::kLong));
  CHECK(some.floats()[0] == 0.25F);
  CHECK(some.tensor().equal(numbers({0.25, 0.5})));
  CHECK(!metrics::Weights().given());
  CHECK(metrics::Weights().are_integers());
}

TEST_CASE("kept rows weigh 1 before the first weights, on either side of a merge and where a rank says nothing") {
  const Tensor scores = numbers({0.1, 0.8, 0.4, 0.35}), target = at::tensor({0, 1, 0, 1});
  const Tensor weights = numbers({0.5, 2, 1.5, 0.25});
  const auto area = [](const std::vector<Tensor>& weights_of_batches, const Tensor& preds, const Tensor& labels) {
    metrics::BinaryAUROC metric;
    for (const Tensor& each : weights_of_batches) metric.update(preds, labels, weighed(each));
    return metric.compute().item<double>();
  };
  const double expected = area({at::ones({4}), weights}, scores, target);
  CHECK(expected != area({at::ones({4})}, scores, target));

  metrics::BinaryAUROC plain, weighs;
  plain.update(scores, target);
  weighs.update(scores, target, weighed(weights));
  metrics::BinaryAUROC late = plain, left = plain, right = weighs;
  late.update(scores, target, weighed(weights));
  left.merge(weighs);
  right.merge(plain);
  metrics::BinaryAUROC after = weighs;
  after.update(scores, target);
  for (metrics::BinaryAUROC* metric : {&late, &left, &right, &after}) {
    CHECK(metric->compute().item<double>() == expected);
    CHECK(metric->states()["sample_weight"].rows() == 8);
  }
  // A gathering of the user's own, in which the other rank has the same rows without weights.
  metrics::MetricOptions by_hand;
  by_hand.distributed_available_fn = [] { return true; };
  by_hand.dist_sync_fn = [](const Tensor& own, const auto&) -> std::vector<Tensor> {
    return {own, own.scalar_type() == at::kDouble ? own.narrow(0, 0, 0) : own};
  };
  metrics::BinaryAUROC synced({}, by_hand);
  synced.set_dtype(at::kFloat);
  synced.update(scores, target, weighed(weights));
  CHECK(synced.compute().item<double>() == expected);

  metrics::BinaryAUROC half = weighs;
  half.set_dtype(at::kHalf);
  CHECK((half.states()["sample_weight"].tensor().scalar_type() == at::kDouble));
  late.reset();
  CHECK(late.states()["sample_weight"].rows() == 0);
}

TEST_CASE("what kept rows weigh stands in a state dict under a key of its own, where there is something to say") {
  const Tensor scores = numbers({0.1, 0.8, 0.4}), target = at::tensor({0, 1, 0});
  metrics::BinaryAUROC plain, weighs, loaded;
  plain.update(scores, target);
  weighs.update(scores, target, weighed(numbers({0.5, 2, 1.5})));
  CHECK(!plain.state_dict("m.").states.contains("m.sample_weight"));
  plain.persistent(true);
  weighs.persistent(true);
  loaded.persistent(true);
  CHECK(!plain.state_dict("m.").states.contains("m.sample_weight"));
  metrics::StateDict saved = weighs.state_dict("m.");
  REQUIRE(saved.states.contains("m.sample_weight"));
  loaded.load_state_dict(saved, "m.");
  CHECK(loaded.compute().item<double>() == weighs.compute().item<double>());
  loaded.load_state_dict(plain.state_dict("m."), "m.");
  CHECK(loaded.states()["sample_weight"].rows() == 0);
  const std::vector<Tensor> misfits{numbers({1, 1}), numbers({1, -1, 1}), at::tensor({1, 1, 1}),
                                    numbers({1, std::numeric_limits<double>::infinity(), 1}), at::ones({3, 1})};
  for (const Tensor& misfit : misfits) {
    saved.states["m.sample_weight"] = std::vector<Tensor>{misfit};
    CHECK(contains(message([&] { loaded.load_state_dict(saved, "m."); }), "m.sample_weight"));
    CHECK(loaded.compute().item<double>() == plain.compute().item<double>());
  }
}

TEST_CASE("a user's metric that only adds takes weights") {
  UserMetric metric;
  CHECK((metric.taken_weights() == RowWeights::Any));
  metric.update(numbers({1, 2, 5}), Rows{.weights = numbers({0.5, 2, 0})});
  metric.update(numbers({3}));
  const Tensor value = metric.compute();
  CHECK(value[0].item<float>() == doctest::Approx((0.5 * 1 + 2 * 4 + 9) / 3.5));
  CHECK(value[1].item<float>() == 3);  // of weight 0 the row is not there
}

TEST_CASE("a count is int64 until the first floating weight, and exact beyond 2^53 after it") {
  metrics::BinaryConfusionMatrix metric;
  const Tensor preds = at::tensor({1, 1}), target = at::tensor({1, 0});
  metric.update(preds, target, Rows{.weights = at::tensor({(int64_t{1} << 53) - 1, int64_t{1}})});
  metric.update(preds, target, Rows{.weights = at::tensor({(int64_t{1} << 53) - 1, int64_t{1}})});
  metric.update(preds, target);
  CHECK((metric.compute().scalar_type() == at::kLong));
  CHECK(metric.compute()[1][1].item<int64_t>() == (int64_t{1} << 54) - 1);
  metric.update(preds, target, Rows{.weights = numbers({0.5, 1})});
  const State& counts = metric.states().at(0);
  CHECK(counts.is_weighted());
  CHECK((counts.tensor().scalar_type() == at::kDouble));
  CHECK(counts.tensor()[1][1].item<double>() == std::ldexp(1.0, 54));
  CHECK(counts.residual()[1][1].item<double>() == -0.5);
  CHECK((metric.compute().scalar_type() == at::kFloat));
  CHECK_THROWS_WITH_AS(metrics::States(metric.states()).at(0).counts(), doctest::Contains("confmat"), metrics::Error);
  metric.reset();
  metric.update(preds, target);
  CHECK((metric.compute().scalar_type() == at::kLong));
}

TEST_CASE("integers are taken apart without error") {
  for (const int64_t number : {int64_t{0}, int64_t{-1}, (int64_t{1} << 53) + 1, -(int64_t{1} << 53) - 1,
                               std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()}) {
    const DoubleDouble taken = metrics::double_double_of(number);
    CHECK(static_cast<long double>(taken.high) + static_cast<long double>(taken.low) ==
          static_cast<long double>(number));
    CHECK(std::abs(taken.low) <= 1024);
  }
}

TEST_CASE("a weight that requires a gradient gets none") {
  metrics::MeanSquaredError metric;
  const Tensor weights = at::tensor({0.5, 2.0}).set_requires_grad(true);
  const Tensor preds = at::tensor({1.0, 2.0}).set_requires_grad(true);
  const Tensor value = metric.forward(preds, at::tensor({0.0, 4.0}), Rows{.weights = weights});
  value.backward();
  CHECK(preds.grad().defined());
  CHECK(preds.grad()[1].item<double>() == doctest::Approx(2 * -2 * 2 / 2.5));
  CHECK(!weights.grad().defined());
}

TEST_CASE("counting weighted rows in one pass gives what folding them in apart does") {
  at::manual_seed(5);
  const int64_t rows = 60;
  const Tensor classes = at::rand({rows, 5}), labels = at::randint(5, {rows}, at::kLong);
  const Tensor questions = at::rand({rows, 3, 2}), answers = at::randint(2, {rows, 3, 2}, at::kLong);
  const auto spread = at::exp(at::rand({rows}, at::kDouble) * 40 - 20);  // sums of which are rounded
  for (const Tensor& weights : {at::randint(1, 9, {rows}, at::kLong), at::rand({rows}), spread}) {
    const auto check = [&](metrics::Metric& metric, const Tensor& preds, const Tensor& target) {
      metric.reset();
      const auto one = metric.clone();
      metric.update({preds, target}, {}, Rows{.weights = weights});
      const States& found = metrics::testing::unit_of(metric).states();
      std::vector<Tensor> expected(found.size());
      for (int64_t row = 0; row < rows; ++row) {
        one->reset();
        one->update({preds.narrow(0, row, 1), target.narrow(0, row, 1)});
        const States& of_row = metrics::testing::unit_of(*one).states();
        for (std::size_t s = 0; s < of_row.size(); ++s) {
          if (!of_row.at(s).is_count()) continue;
          const Tensor scaled = of_row.at(s).tensor().to(at::kDouble) * weights[row].to(at::kDouble);
          expected[s] = expected[s].defined() ? expected[s] + scaled : scaled;
        }
      }
      for (std::size_t s = 0; s < found.size(); ++s) {
        if (!found.at(s).is_count()) continue;
        CHECK_MESSAGE(at::allclose(found.at(s).tensor().to(at::kDouble), expected[s], 1e-12, 0),
                      metric.to_string() << ", state " << found.at(s).name());
      }
    };
    metrics::MulticlassStatScores by_class({.num_classes = 5, .average = metrics::classification::Average::None});
    metrics::MulticlassStatScores together({.num_classes = 5, .average = metrics::classification::Average::Micro});
    metrics::MulticlassConfusionMatrix pairs({.num_classes = 5});
    metrics::MultilabelConfusionMatrix matrices({.num_labels = 3});
    metrics::MultilabelStatScores by_label({.num_labels = 3, .average = metrics::classification::Average::None});
    metrics::BinaryStatScores binary;
    check(by_class, classes, labels);
    check(together, classes, labels);
    check(pairs, classes, labels);
    check(matrices, questions, answers);
    check(by_label, questions, answers);
    check(binary, questions, answers);
    metrics::BinaryConfusionMatrix of_rows;
    metrics::MultilabelConfusionMatrix of_lines({.num_labels = 3, .ignore_index = 0});
    metrics::MultilabelStatScores of_labels({.num_labels = 3, .average = metrics::classification::Average::None});
    const Tensor first = questions.select(2, 0).contiguous(), its_answers = answers.select(2, 0).contiguous();
    check(of_rows, first.select(1, 0).contiguous(), its_answers.select(1, 0).contiguous());
    check(of_lines, first * 8 - 4, its_answers);
    check(of_lines, first.to(at::kBFloat16), its_answers);
    check(of_labels, (first > 0.5).to(at::kLong), its_answers);
  }
}

}  // namespace weights_test
