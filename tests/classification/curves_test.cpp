#include "classification/curves/curves.h"

#include "classification/curves/bins.h"
#include "classification/curves/counted_area.h"
#include "classification/curves/kernels.h"
#include "classification/curves/plain.h"
#include "classification/curves/sorting.h"
#include "kernels/math.h"
#include "kernels/ordered_bits.h"
#include <metrics/metrics.h>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/bincount.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/randperm.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <initializer_list>
#include <limits>
#include <map>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

// What fixtures cannot show: kernels beside plain tensors, buckets at every boundary, sorting, what a state dict holds.

namespace {

using at::Tensor;
using namespace metrics;
using namespace metrics::classification;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Thresholds of all sorts.
const std::vector<Thresholds>& threshold_sets() {
  static const std::vector<Thresholds> sets = [] {
    std::vector<double> close;
    for (int i = 0; i < 40; ++i) close.push_back(0.3 + i * 1e-7);
    return std::vector<Thresholds>{
        2,
        5,
        200,
        3001,
        std::vector<double>{0.5},
        std::vector<double>{0.75, 0.125, 0.5, 0.5},
        std::vector<double>{0.0, 0.0, 1.0, 1.0},
        close,
        at::tensor({-0.5, 0.25, 0.6, 1.0, 1.5}, at::kDouble),
        at::tensor({0.1, 1e-30, 0.9999999999, kNaN}, at::kDouble),
    };
  }();
  return sets;
}

template <class T>
int64_t bucket_of(const curves::Lookup<T>& lookup, T score) {
  int32_t bucket =
      lookup.before[static_cast<std::size_t>(curves::Lookup<T>::cell(score, lookup.low, lookup.scale, lookup.last))];
  for (int32_t step = 0; step < lookup.steps; ++step) {
    bucket += score >= lookup.cuts[static_cast<std::size_t>(bucket)];
  }
  return bucket;
}

template <class T>
T sigmoid_of(T x) {
  return static_cast<T>(1 / (1 + metrics::kernels::exponential(-static_cast<double>(x))));
}

/// Cut-offs with their neighbours, special numbers, and some at random.
template <class T>
std::vector<T> telling_scores(const std::vector<T>& cuts) {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  std::vector<T> scores{0,
                        T(-0.0),
                        1,
                        -infinity,
                        infinity,
                        std::numeric_limits<T>::quiet_NaN(),
                        T(1e30),
                        T(-1e30),
                        std::numeric_limits<T>::max(),
                        std::numeric_limits<T>::denorm_min()};
  for (const T cut : cuts) {
    for (const T score : {std::nextafter(cut, -infinity), cut, std::nextafter(cut, infinity)}) scores.push_back(score);
  }
  std::mt19937 random(5);
  std::uniform_real_distribution<T> unit(0, 1), wide(-20, 20);
  for (int i = 0; i < 500; ++i) scores.insert(scores.end(), {unit(random), wide(random)});
  return scores;
}

template <class T>
void check_buckets(const Thresholds& thresholds) {
  const CurvePlan plan({.thresholds = thresholds});
  const CurvePlan::Bins& bins = *plan.bins();
  const auto& lookup = bins.scores<T>();
  const auto& probabilities = bins.probabilities<T>();
  for (const T score : telling_scores(lookup.lookup.cuts)) {
    int64_t as_probability = 0, as_logit = 0;
    for (const double t : bins.values) {
      as_probability += static_cast<double>(score) >= t;
      as_logit += static_cast<double>(sigmoid_of(score)) >= t;
    }
    const auto bucket = static_cast<std::size_t>(bucket_of(lookup.lookup, score));
    REQUIRE(bucket < lookup.as_logit.size());
    CHECK_MESSAGE(lookup.as_probability[bucket] == as_probability, "score " << score);
    CHECK_MESSAGE(lookup.as_logit[bucket] == as_logit, "score " << score);
    CHECK_MESSAGE(bucket_of(probabilities, score) == as_probability, "score " << score);
  }
}

Tensor varied_target(at::IntArrayRef shape, int64_t classes) {
  return at::randint(-1, classes + 1, shape, at::kLong);  // -1 and `classes` are no labels
}

Tensor scores_like(at::IntArrayRef shape, at::ScalarType dtype, bool logits) {
  Tensor scores = (logits ? at::randn(shape) * 4 : at::rand(shape)).to(dtype);
  if (scores.numel() > 3) scores.view({-1})[2] = kNaN;
  return scores;
}

/// The tables that a metric has counted, beside those of plain tensors.
template <class M>
void check_tables(const M& metric, const curves::plain::Tables& expected, bool outside) {
  if (!outside) CHECK(at::equal(metric.states().at(0).tensor(), expected.as_probability));
  CHECK(at::equal(metric.states().at(1).tensor(), expected.as_logit));
  CHECK(metric.states().at(2).tensor().template item<int64_t>() == outside);
}

constexpr at::ScalarType kScoreTypes[] = {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16};

/// Runs f with one thread and with two.
template <class F>
void with_threads(const F& f) {
  const int before = at::get_num_threads();
  for (const int threads : {1, 2}) {
    at::set_num_threads(threads);
    f();
  }
  at::set_num_threads(before);
}

Tensor brute_auroc(const Tensor& scores, const Tensor& target) {
  const Tensor yes = scores.masked_select(target == 1).unsqueeze(1);
  const Tensor no = scores.masked_select(target == 0).unsqueeze(0);
  return ((yes > no).to(at::kDouble) + (yes == no).to(at::kDouble) / 2).mean();
}

}  // namespace

TEST_CASE("a score falls into the bucket that comparing it with each threshold gives") {
  for (const Thresholds& thresholds : threshold_sets()) {
    check_buckets<float>(thresholds);
    check_buckets<double>(thresholds);
  }
}

TEST_CASE("keys have the order of their scores") {
  const auto check = []<class T>(T) {
    constexpr T kHuge = std::numeric_limits<T>::infinity(), kTiny = std::numeric_limits<T>::denorm_min();
    const std::vector<T> ascending{static_cast<T>(kNaN), -kHuge, -2, -1, -kTiny, 0, kTiny, 1, 2, kHuge};
    for (std::size_t i = 1; i < ascending.size(); ++i) {
      CAPTURE(i);
      CHECK(metrics::kernels::ordered_bits(ascending[i - 1]) < metrics::kernels::ordered_bits(ascending[i]));
      CHECK(metrics::kernels::number_of(metrics::kernels::ordered_bits(ascending[i])) == ascending[i]);
    }
    CHECK(metrics::kernels::ordered_bits(T(-0.0)) == metrics::kernels::ordered_bits(T(0)));
    CHECK(std::isnan(metrics::kernels::number_of(metrics::kernels::ordered_bits(ascending[0]))));
  };
  check(0.0f);
  check(0.0);
}

TEST_CASE("places number keys in their order, and leave out what lies between small scores of both signs") {
  const auto check = []<class T>(const std::vector<T>& ascending, int bits) {
    using Key = decltype(metrics::kernels::ordered_bits(T(0)));
    const curves::Places<Key> places(curves::kernels::key_range(ascending));
    CHECK(places.place_of(metrics::kernels::ordered_bits(ascending.front())) == 0);
    CHECK(places.bits() == bits);
    for (std::size_t i = 0; i < ascending.size(); ++i) {
      const Key key = metrics::kernels::ordered_bits(ascending[i]);
      CHECK(places.key_at(places.place_of(key)) == key);
      if (i > 0) CHECK(places.place_of(metrics::kernels::ordered_bits(ascending[i - 1])) < places.place_of(key));
    }
  };
  check(std::vector<float>{0.5f, 0.75f, 1.0f}, 24);
  check(std::vector<float>{-1.0f, -0.75f, -0.5f}, 24);
  check(std::vector<float>{-1.0f, -0.5f, 0.5f, 1.0f}, 25);
  check(std::vector<float>{-1.0f, -0.5f, 0.0f, 1.0f}, 31);
  check(
      std::vector<float>{-std::numeric_limits<float>::infinity(), -1.0f, 0.0f, std::numeric_limits<float>::infinity()},
      32);
  check(std::vector<float>{static_cast<float>(kNaN), 0.5f, 1.0f}, 24);
  check(std::vector<float>{3.0f}, 0);
  check(std::vector<double>{-1.0, -0.5, 0.5, 1.0}, 54);
  check(std::vector<double>{-kInfinity, -std::numeric_limits<double>::denorm_min(), 0.0, kInfinity}, 64);
}

TEST_CASE("scores are ranked with their targets, in as wide an integer as they need") {
  const std::vector<float> scores{-2.5f, 0.0f, 7.0f, -2.5f, 1e-20f};
  const std::vector<uint8_t> yes{1, 0, 1, 0, 1};
  const curves::Places<uint32_t> places(curves::kernels::key_range(scores));
  const auto check = [&]<class Item>(Item) {
    std::vector<Item> items(scores.size());
    curves::kernels::rank(scores, yes.data(), places, items.data());
    for (std::size_t i = 0; i < scores.size(); ++i) {
      CHECK(static_cast<uint64_t>(items[i] & 1) == yes[i]);
      CHECK(metrics::kernels::number_of(places.key_at(static_cast<uint32_t>(items[i] >> 1))) == scores[i]);
    }
  };
  check(uint32_t{});
  check(uint64_t{});
}

TEST_CASE("counts of yes-or-no questions are those of plain tensors") {
  at::manual_seed(11);
  for (const Thresholds& thresholds : {Thresholds{5}, Thresholds{200}, threshold_sets()[5]}) {
    for (const at::ScalarType dtype : kScoreTypes) {
      for (const bool logits : {false, true}) {
        for (const std::vector<int64_t>& shape : std::vector<std::vector<int64_t>>{
                 {1, 1, 1}, {700, 1, 1}, {40001, 1, 1}, {30, 3, 1}, {9000, 3, 1}, {20, 3, 7}, {50, 2, 801}}) {
          const Tensor scores = scores_like(shape, dtype, logits);
          const Tensor target = varied_target(shape, 2);
          const CurvePlan plan({.task = Task::Multilabel, .labels = shape[1], .thresholds = thresholds});
          std::vector<int64_t> table{plan.bins()->size(), shape[1], 2, 2};
          if (shape[1] == 1) table.erase(table.begin() + 1);
          const curves::plain::Tables expected{at::zeros(table, at::kLong), at::zeros(table, at::kLong)};
          const Tensor counted = target == 1;
          curves::plain::count_questions(expected, scores, at::where(counted, target, 5), *plan.bins());
          const bool outside = (((scores < 0) | (scores > 1)) & counted).any().item<bool>();
          with_threads([&] {
            if (shape[1] == 1) {
              BinaryROC metric({.thresholds = thresholds, .ignore_index = 0, .validate_args = false});
              metric.update(scores.view({-1}), target.view({-1}));
              check_tables(metric, expected, outside);
            } else {
              MultilabelROC metric(
                  {.num_labels = shape[1], .thresholds = thresholds, .ignore_index = 0, .validate_args = false});
              metric.update(scores, target);
              check_tables(metric, expected, outside);
            }
          });
        }
      }
    }
  }
}

TEST_CASE("counts of classes are those of plain tensors") {
  at::manual_seed(12);
  for (const Thresholds& thresholds : {Thresholds{5}, Thresholds{200}, threshold_sets()[5]}) {
    for (const at::ScalarType dtype : kScoreTypes) {
      for (const bool logits : {false, true}) {
        for (const auto& [rows, classes] :
             std::vector<std::pair<int64_t, int64_t>>{{1, 2}, {90, 3}, {3000, 10}, {450, 130}, {40, 1500}}) {
          const Tensor scores = scores_like({rows, classes}, dtype, logits);
          if (logits) scores[rows - 1][1].fill_(kInfinity);
          const Tensor target = varied_target({rows}, classes);
          const CurvePlan plan({.task = Task::Multiclass, .labels = classes, .thresholds = thresholds});
          const std::vector<int64_t> table{plan.bins()->size(), classes, 2, 2};
          const curves::plain::Tables expected{at::zeros(table, at::kLong), at::zeros(table, at::kLong)};
          const Tensor counted = (target > 0) & (target < classes);
          curves::plain::count_classes(expected, scores, at::where(counted, target, -1), *plan.bins());
          const bool outside = (((scores < 0) | (scores > 1)) & counted.unsqueeze(1)).any().item<bool>();
          with_threads([&] {
            MulticlassROC metric(
                {.num_classes = classes, .thresholds = thresholds, .ignore_index = 0, .validate_args = false});
            metric.update(scores, target);
            check_tables(metric, expected, outside);
          });
        }
      }
    }
  }
}

TEST_CASE("the norm of a row does not depend on the order of its scores, and is right to the last bits") {
  at::manual_seed(13);
  for (const double scale : {0.1, 3.0, 60.0, 900.0}) {
    const Tensor scores = (at::randn({64, 37}) * scale).to(at::kDouble);  // whose differences are exact
    const auto norms_of = [](const Tensor& t) {
      return curves::kernels::row_norms(t.const_data_ptr(), metrics::kernels::Element::Double, t.size(0), t.size(1));
    };
    const auto norms = norms_of(scores), turned = norms_of(scores.flip(1).contiguous());
    for (int64_t r = 0; r < scores.size(0); ++r) {
      const auto& norm = norms[static_cast<std::size_t>(r)];
      CHECK(norm.excess == turned[static_cast<std::size_t>(r)].excess);
      long double rest = 0;
      const double* x = scores.const_data_ptr<double>() + r * scores.size(1);
      CHECK(norm.greatest == *std::max_element(x, x + scores.size(1)));
      for (int64_t c = 0; c < scores.size(1); ++c) {
        if (x[c] != norm.greatest) rest += std::exp(static_cast<long double>(x[c]) - norm.greatest);
      }
      const double expected = static_cast<double>(std::log1p(rest));
      // Scores that are 746 below the greatest count as nothing.
      CHECK(std::abs(norm.excess - expected) <= 1e-15 * expected + 1e-300);
    }
  }
}

TEST_CASE("one early score outside [0, 1], or NaN, is seen among many, and an ignored one is not") {
  const auto check = [](auto metric, const Tensor& preds, const Tensor& target, bool seen) {
    for (const double score : {2.0, -1.0}) {
      preds.view({-1})[0] = score;
      metric.reset();
      metric.update(preds, target);
      CHECK((metric.states().at(2).tensor().template item<int64_t>() == 1) == seen);
    }
    preds.view({-1})[0] = kNaN;
    metric.reset();
    if (seen) {
      CHECK_THROWS_WITH_AS(metric.update(preds, target), doctest::Contains("nan"), InvalidArgument);
    } else {
      metric.update(preds, target);
    }
  };
  const Tensor target = at::ones({1300}, at::kLong);  // several blocks of the loops
  check(BinaryROC({.thresholds = 5}), at::full({1300}, 0.5), target, true);
  check(BinaryROC({.thresholds = 5, .ignore_index = 1}), at::full({1300}, 0.5), target, false);
  check(MulticlassROC({.num_classes = 2, .thresholds = 5}), at::full({1300, 2}, 0.5), target, true);
  check(MulticlassROC({.num_classes = 2, .thresholds = 5, .ignore_index = 1}), at::full({1300, 2}, 0.5), target, false);
  // The first row counts, and one that is ignored parts it from the others.
  const Tensor parted = target.clone();
  parted[1] = 0;
  check(MulticlassROC({.num_classes = 2, .thresholds = 5, .ignore_index = 0}), at::full({1300, 2}, 0.5), parted, true);

  Tensor rows = at::full({1300, 2}, 0.5);
  rows[600].fill_(7);
  parted[1] = 1;
  parted[600] = 0;
  MulticlassROC classes({.num_classes = 2, .thresholds = 5, .ignore_index = 0});
  classes.update(rows, parted);
  CHECK(classes.states().at(2).tensor().item<int64_t>() == 0);

  Tensor wrong = target.clone();
  wrong[0] = 5;
  BinaryROC binary({.thresholds = 5});
  CHECK_THROWS_WITH_AS(binary.update(at::full({1300}, 0.5), wrong), doctest::Contains("target"), InvalidArgument);
}

TEST_CASE("the norm of a row counts scores as far below the greatest as float64 reaches, and is NaN if one is") {
  const auto norm_of = [](const std::vector<double>& row) {
    return curves::kernels::row_norms(row.data(), metrics::kernels::Element::Double, 1,
                                      static_cast<int64_t>(row.size()))
        .at(0);
  };
  CHECK(std::abs(norm_of({0, -708}).excess / std::exp(-708.0) - 1) < 1e-15);
  CHECK(norm_of({0, -745}).excess == std::numeric_limits<double>::denorm_min());
  CHECK(norm_of({0, -746}).excess == 0);
  for (const std::vector<double>& row : {std::vector<double>{kNaN, 1, 2}, {1, kNaN, 2}, {1, 2, kNaN}}) {
    CHECK(std::isnan(norm_of(row).greatest));
  }
}

TEST_CASE("a row of one class has its only score as the greatest") {
  const std::vector<double> rows{5, 9};
  const auto norms = curves::kernels::row_norms(rows.data(), metrics::kernels::Element::Double, 1, 1);
  CHECK(norms.at(0).greatest == 5);
  CHECK(norms.at(0).excess == 0);
}

TEST_CASE("norms and the range of keys are those of each row and score, whatever the threads") {
  at::manual_seed(17);
  constexpr int64_t kRows = 40000, kClasses = 5;
  const Tensor rows = at::randn({kRows, kClasses}, at::kDouble);
  const double* x = rows.const_data_ptr<double>();
  const auto norms_of = [&](int64_t first, int64_t count) {
    return curves::kernels::row_norms(x + first * kClasses, metrics::kernels::Element::Double, count, kClasses);
  };
  // Beyond the scores lie a lower and a higher one, which are not theirs.
  std::vector<double> scores(x, x + kRows);
  scores.insert(scores.end(), kRows, -1e30);
  scores.back() = 1e30;
  const std::span<const double> own(scores.data(), kRows);
  const auto [least, greatest] = std::minmax_element(own.begin(), own.end());
  with_threads([&] {
    const auto norms = norms_of(0, kRows);
    for (const int64_t r : {int64_t{0}, int64_t{1}, kRows / 2 - 1, kRows / 2, kRows / 2 + 1, kRows - 1}) {
      const auto alone = norms_of(r, 1).at(0);
      CHECK(norms[static_cast<std::size_t>(r)].greatest == alone.greatest);
      CHECK(norms[static_cast<std::size_t>(r)].excess == alone.excess);
    }
    const auto range = curves::kernels::key_range(own);
    CHECK(range.least == metrics::kernels::ordered_bits(*least));
    CHECK(range.greatest == metrics::kernels::ordered_bits(*greatest));
  });
}

TEST_CASE("a large exact area is that of all pairs, whatever the threads and the split") {
  at::manual_seed(14);
  const Tensor scores = (at::randn({6007}) * 64).round() / 16;
  const Tensor target = at::randint(0, 2, {6007}, at::kLong);
  const double expected = brute_auroc(scores, target).item<double>();
  with_threads([&] {
    BinaryAUROC whole;
    whole.set_dtype(at::kDouble);
    whole.update(scores, target);
    CHECK(whole.compute().item<double>() == doctest::Approx(expected).epsilon(1e-15));
    BinaryAUROC parts;
    parts.set_dtype(at::kDouble);
    for (int64_t i = 0; i < 6007; i += 1000) {
      const int64_t n = std::min<int64_t>(1000, 6007 - i);
      parts.update(scores.narrow(0, i, n), target.narrow(0, i, n));
    }
    CHECK(parts.compute().item<double>() == whole.compute().item<double>());
  });
}

TEST_CASE("an exact area of many chunks is that of the counts of each score") {
  at::manual_seed(15);
  constexpr int64_t kRows = 300000;
  const Tensor target = at::randint(0, 2, {kRows}, at::kLong);
  for (const Tensor& ranks : {at::randperm(kRows, at::kLong), at::randint(0, 1000, {kRows}, at::kLong),
                              at::randint(0, 2, {kRows}, at::kLong)}) {
    const Tensor yes = at::bincount(ranks.masked_select(target == 1), {}, kRows);
    const Tensor no = at::bincount(ranks.masked_select(target == 0), {}, kRows);
    const Tensor twice_reached = 2 * yes.flip(0).cumsum(0).flip(0) - yes;
    const auto expected = static_cast<double>((no * twice_reached).sum().item<int64_t>()) / 2 /
                          static_cast<double>((yes.sum() * no.sum()).item<int64_t>());
    with_threads([&] {
      BinaryAUROC metric;
      metric.set_dtype(at::kDouble);
      metric.update(ranks.to(at::kFloat) / 1024 - 100, target);
      CHECK(metric.compute().item<double>() == doctest::Approx(expected).epsilon(1e-15));
    });
  }
}

TEST_CASE("the softmax of few classes has the bits of the same among many") {
  at::manual_seed(16);
  for (const int64_t classes : {2, 3, 10, 12}) {
    const int64_t rows = 50;
    const Tensor few = at::randn({rows, classes}, at::kDouble) * 3;
    const Tensor many = at::cat({few, at::full({rows, 40 - classes}, -kInfinity, at::kDouble)}, 1);
    const Tensor target = at::randint(classes, {rows}, at::kLong);
    // Thresholds that are probabilities themselves: a bit more or less would show.
    const Tensor thresholds = at::softmax(few, 1).flatten();
    MulticlassROC of_few({.num_classes = classes, .thresholds = thresholds, .input = ScoreInput::Logits});
    MulticlassROC of_many({.num_classes = 40, .thresholds = thresholds, .input = ScoreInput::Logits});
    of_few.update(few, target);
    of_many.update(many, target);
    const Tensor counts = of_few.states().at(0).tensor();
    CHECK(counts.sum().item<int64_t>() > 0);
    CHECK(at::equal(counts, of_many.states().at(0).tensor().narrow(1, 0, classes)));
  }
}

TEST_CASE("thresholds are the same as a number, a list and a tensor") {
  const Tensor scores = at::rand({50}), target = at::randint(0, 2, {50}, at::kLong);
  const auto value = [&](const Thresholds& thresholds) {
    return functional::binary_auroc(scores, target, {.thresholds = thresholds});
  };
  const std::vector<double> list{0.0, 0.25, 0.5, 0.75, 1.0};
  CHECK(at::equal(value(5), value(list)));
  CHECK(at::equal(value(5), value(at::tensor(list))));
  CHECK(at::equal(value(5), value(at::tensor(list, at::kDouble))));
  CHECK_FALSE(at::equal(value(5), value(3)));
  Tensor own = at::tensor(list);
  BinaryAUROC metric({.thresholds = own});
  own.fill_(0.5);
  metric.update(scores, target);
  CHECK(at::equal(metric.compute(), value(5)));
  CHECK_THROWS_AS(BinaryAUROC({.thresholds = at::full({1, 1}, 0.5)}), InvalidArgument);
  CHECK_THROWS_AS(BinaryAUROC({.thresholds = at::tensor(std::vector<double>{})}), InvalidArgument);
  CHECK_THROWS_AS(BinaryAUROC({.thresholds = Tensor()}), InvalidArgument);
}

TEST_CASE("an area up to a false positive rate that the curve does not reach ends with the curve") {
  const Tensor scores = at::tensor({0.9, 0.8, 0.1, 0.2}), target = at::tensor({1, 0, 0, 0});
  // One negative of three reaches 0.5: the curve runs from (0, 0) over (1/3, 1) to (1, 1).
  const Tensor area =
      functional::binary_auroc(scores, target, {.max_fpr = 0.5, .thresholds = std::vector<double>{0.5}});
  CHECK(area.item<float>() == doctest::Approx(0.5 * (1 + (1.0 / 3 - 0.125) / (0.5 - 0.125))));
}

namespace {

/// How many points of a curve are not there again at the thresholds that came with it; of points that share a threshold
/// the last one counts. `again` has the points at those thresholds, in the same order.
int64_t missed_points(const RocCurve& curve, const Tensor& again_fpr, const Tensor& again_tpr) {
  const auto value = [](const Tensor& t, int64_t i) { return t[i].item<double>(); };
  int64_t missed = 0;
  for (int64_t i = 1; i < curve.thresholds.numel(); ++i) {
    if (i + 1 < curve.thresholds.numel() && value(curve.thresholds, i) == value(curve.thresholds, i + 1)) continue;
    missed += value(again_fpr, i) != value(curve.fpr, i) || value(again_tpr, i) != value(curve.tpr, i);
  }
  return missed;
}

RocCurve curve_of(const RocCurves& curves, std::size_t i) {
  const auto of = [&](const Curves& each) { return std::get<std::vector<Tensor>>(each)[i]; };
  return {of(curves.fpr), of(curves.tpr), of(curves.thresholds)};
}

bool is_half(at::ScalarType dtype) {
  return dtype == at::kHalf || dtype == at::kBFloat16;
}

}  // namespace

TEST_CASE("thresholds that come back reproduce the curve") {
  at::manual_seed(21);
  for (const at::ScalarType dtype : kScoreTypes) {
    for (const at::ScalarType results : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
      for (const double scale : {0.0, 1.0, 8.0, 60.0}) {  // 0: probabilities
        CAPTURE(dtype);
        CAPTURE(results);
        CAPTURE(scale);
        // A metric of a half dtype keeps its rows in that.
        const auto kept = [&](const Tensor& t) { return t.to(dtype).to(is_half(results) ? results : dtype); };
        const auto drawn = [&](at::IntArrayRef shape) {
          return kept(scale == 0 ? at::rand(shape, at::kDouble) : at::randn(shape, at::kDouble) * scale);
        };
        const Tensor scores = drawn({512}), target = at::randint(2, {512}, at::kLong);
        BinaryROC exact;
        if (results != at::kFloat) exact.set_dtype(results);
        exact.update(scores, target);
        const RocCurve curve = exact.compute();
        BinaryROC binned({.thresholds = curve.thresholds.flip(0)});
        if (results != at::kFloat) binned.set_dtype(results);
        binned.update(scores, target);
        const RocCurve again = binned.compute();
        CHECK(at::equal(again.thresholds, curve.thresholds));
        CHECK(missed_points(curve, again.fpr, again.tpr) == 0);

        // Of labels and of classes with the thresholds of each.
        const Tensor rows = drawn({100, 3});
        const Tensor labels = at::randint(2, {100, 3}, at::kLong), classes = at::randint(3, {100}, at::kLong);
        MultilabelROC of_labels({.num_labels = 3});
        MulticlassROC of_classes({.num_classes = 3});
        if (results != at::kFloat) of_labels.set_dtype(results);
        if (results != at::kFloat) of_classes.set_dtype(results);
        of_labels.update(rows, labels);
        of_classes.update(rows, classes);
        for (std::size_t i = 0; i < 3; ++i) {
          const auto of_one = [&](const Curves& each) { return std::get<Tensor>(each)[static_cast<int64_t>(i)]; };
          const RocCurve label = curve_of(of_labels.compute(), i), one = curve_of(of_classes.compute(), i);
          MultilabelROC labels_again({.num_labels = 3, .thresholds = label.thresholds.flip(0)});
          if (results != at::kFloat) labels_again.set_dtype(results);
          labels_again.update(rows, labels);
          CHECK(missed_points(label, of_one(labels_again.compute().fpr), of_one(labels_again.compute().tpr)) == 0);
          MulticlassROC classes_again({.num_classes = 3, .thresholds = one.thresholds.flip(0)});
          if (results != at::kFloat) classes_again.set_dtype(results);
          classes_again.update(rows, classes);
          CHECK(missed_points(one, of_one(classes_again.compute().fpr), of_one(classes_again.compute().tpr)) == 0);
        }
      }
    }
  }
}

TEST_CASE("classes whose probabilities rounding has put in another order share a threshold") {
  // Of the second class. What the others have in sum is least in the first row; in the second it is added in two parts,
  // each of which is nothing beside 1.
  constexpr double kUlp = std::numeric_limits<double>::epsilon();
  const double most = std::log(0.55 * kUlp), part = std::log(0.3 * kUlp);
  const Tensor logits = at::tensor({most, 0.0, -90.0, -90.0, -90.0, -90.0, part, 0.0, -90.0, -90.0, -90.0, part, 1.0,
                                    2.0, 0.0, -90.0, -90.0, -90.0},
                                   at::kDouble)
                            .view({3, 6});
  const Tensor target = at::tensor({0, 1, 1});
  MulticlassROC exact({.num_classes = 6, .input = ScoreInput::Logits});
  exact.set_dtype(at::kDouble);
  exact.update(logits, target);
  const RocCurve curve = curve_of(exact.compute(), 1);
  REQUIRE(curve.thresholds.numel() == 4);
  CHECK(at::equal(curve.fpr, at::tensor({0.0, 1.0, 1.0, 1.0}, at::kDouble)));
  CHECK(at::equal(curve.tpr, at::tensor({0.0, 0.0, 0.5, 1.0}, at::kDouble)));
  CHECK(curve.thresholds[1].item<double>() == 1 - kUlp);
  CHECK(curve.thresholds[2].item<double>() == 1 - kUlp);
  MulticlassROC binned({.num_classes = 6, .thresholds = curve.thresholds.flip(0), .input = ScoreInput::Logits});
  binned.set_dtype(at::kDouble);
  binned.update(logits, target);
  const auto again = [](const Curves& each) { return std::get<Tensor>(each)[1]; };
  CHECK(missed_points(curve, again(binned.compute().fpr), again(binned.compute().tpr)) == 0);
}

TEST_CASE("an infinite score of a class is saved as the probability that it takes") {
  const Tensor scores =
      at::tensor({1.0, 2.0, kInfinity, 0.5, 3.0, -1.0, -kInfinity, kInfinity, kInfinity}).view({3, 3});
  const Tensor target = at::tensor({2, 1, 0});
  MulticlassPrecisionRecallCurve metric({.num_classes = 3});
  metric.persistent(true);
  metric.update(scores, target);
  const auto saved = metric.state_dict();
  const Tensor probabilities = std::get<std::vector<Tensor>>(saved.states.at("preds")).at(0);
  CHECK(at::equal(probabilities[0], at::tensor({0.0f, 0.0f, 1.0f})));
  CHECK(at::equal(probabilities[2], at::tensor({0.0f, 0.5f, 0.5f})));
}

TEST_CASE("the next number below an operating point's threshold is a threshold of the stat scores") {
  at::manual_seed(22);
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    for (const double minimum : {0.1, 0.5, 0.9}) {
      const Tensor logits = (at::randn({512}, at::kDouble) * 4).to(dtype), target = at::randint(2, {512}, at::kLong);
      const auto [precision, threshold] =
          functional::binary_precision_at_fixed_recall(logits, target, {.min_recall = minimum});
      const double below = dtype == at::kFloat ? std::nextafter(threshold.item<float>(), 0.0F)
                                               : std::nextafter(threshold.item<double>(), 0.0);
      const Tensor again = functional::binary_precision(logits, target, {.threshold = below});
      CHECK(again.item<float>() == precision.item<float>());
    }
  }
}

TEST_CASE("thresholds that are typed stay as they are") {
  const auto reached = [](double score, double threshold, ScoreInput input) {
    BinaryROC metric({.thresholds = std::vector<double>{threshold}, .input = input});
    metric.update(at::tensor({score}, at::kDouble), at::tensor({1}));
    return metric.compute().tpr.item<float>() == 1;
  };
  CHECK(reached(0.5, 0.5, ScoreInput::Probabilities));
  CHECK_FALSE(reached(std::nextafter(0.5, 0.0), 0.5, ScoreInput::Probabilities));
  CHECK(reached(0.0, 0.5, ScoreInput::Logits));
  CHECK_FALSE(reached(-1e-15, 0.5, ScoreInput::Logits));
}

TEST_CASE("metrics on equal states update together") {
  const MulticlassAUROC auroc({.num_classes = 3, .thresholds = 10});
  CHECK(auroc.update_key() == MulticlassROC({.num_classes = 3, .thresholds = 10}).update_key());
  CHECK(auroc.update_key() ==
        MulticlassAveragePrecision({.num_classes = 3, .average = Average::None, .thresholds = 10}).update_key());
  CHECK(auroc.update_key() != MulticlassAUROC({.num_classes = 3, .thresholds = 11}).update_key());
  CHECK(auroc.update_key() != MulticlassAUROC({.num_classes = 3}).update_key());
  CHECK(auroc.update_key() != MulticlassAUROC({.num_classes = 4, .thresholds = 10}).update_key());
  CHECK(auroc.update_key() != MulticlassAUROC({.num_classes = 3, .thresholds = 10, .ignore_index = 0}).update_key());
  CHECK(auroc.update_key() != MultilabelAUROC({.num_labels = 3, .thresholds = 10}).update_key());
  CHECK(BinaryROC({.normalization = Normalization::None}).update_key() ==
        BinaryAUROC({.input = ScoreInput::Probabilities}).update_key());
}

TEST_CASE("without validation NaN is below all scores") {
  const Tensor scores = at::tensor({0.9, kNaN, 0.1, kNaN}), target = at::tensor({1, 1, 0, 0});
  BinaryROC exact({.validate_args = false});
  exact.update(scores, target);
  const RocCurve curve = exact.compute();
  CHECK(at::equal(curve.fpr, at::tensor({0.0f, 0.0f, 0.5f, 1.0f})));
  CHECK(at::equal(curve.tpr, at::tensor({0.0f, 0.5f, 0.5f, 1.0f})));
  BinaryROC binned({.thresholds = std::vector<double>{0.0}, .validate_args = false});
  binned.update(scores, target);
  CHECK(binned.compute().tpr.item<float>() == 0.5f);
  CHECK(binned.compute().fpr.item<float>() == 0.5f);
}

TEST_CASE("the area of scores of which few or many are equal is that of their pairs") {
  std::minstd_rand random(17);
  // From hardly any equal scores to almost all; 70,000 are two chunks.
  for (const int64_t levels :
       {int64_t{1} << 30, int64_t{1000000}, int64_t{70000}, int64_t{20000}, int64_t{500}, int64_t{2}}) {
    for (const int64_t rows : {1, 2, 3, 9, 511, 513, 5000, 70000}) {
      CAPTURE(levels);
      CAPTURE(rows);
      std::vector<std::pair<int64_t, int64_t>> samples;
      for (int64_t i = 0; i < rows; ++i) samples.emplace_back(random() % levels, random() % 2);
      std::vector<double> scores;
      std::vector<int64_t> targets;
      for (const auto& [score, target] : samples) {
        scores.push_back(static_cast<double>(score) / static_cast<double>(levels));
        targets.push_back(target);
      }
      std::sort(samples.begin(), samples.end());
      int64_t twice = 0, negatives = 0, positives = 0;
      for (auto here = samples.begin(); here != samples.end();) {
        int64_t yes = 0, no = 0;
        for (const int64_t score = here->first; here != samples.end() && here->first == score; ++here) {
          (here->second == 1 ? yes : no) += 1;
        }
        twice += yes * (2 * negatives + no);
        negatives += no;
        positives += yes;
      }
      if (negatives == 0 || positives == 0) continue;
      const double expected =
          static_cast<double>(twice) / 2 / static_cast<double>(positives) / static_cast<double>(negatives);
      BinaryAUROC metric({.input = ScoreInput::Probabilities});
      metric.set_dtype(at::kDouble);
      metric.update(at::tensor(scores, at::kDouble), at::tensor(targets));
      CHECK(metric.compute().item<double>() == expected);
      if (levels > 1 << 24) continue;  // floats that are not equal where the numbers are not
      BinaryAUROC of_floats({.input = ScoreInput::Probabilities});
      of_floats.update(at::tensor(scores, at::kFloat), at::tensor(targets));
      CHECK(of_floats.compute().item<float>() == static_cast<float>(expected));
    }
  }
}

TEST_CASE("an area of more pairs than 64 bits hold is exact") {
  // Samples of either kind, all of which reach the lower threshold.
  constexpr int64_t kMany = int64_t{1} << 40;
  BinaryAUROC metric({.thresholds = std::vector<double>{0.25, 0.75}});
  metric.persistent(true);
  metrics::StateDict saved = metric.state_dict();
  // [threshold, target, prediction]: three quarters of one kind and none of the other reach the higher threshold.
  const Tensor counts =
      at::tensor({int64_t{0}, 4 * kMany, int64_t{0}, 4 * kMany, 4 * kMany, int64_t{0}, kMany, 3 * kMany});
  saved.states.at("confmat") = counts.view({2, 2, 2});
  metric.load_state_dict(saved);
  // From (0, 3/4) to (1, 1).
  CHECK(metric.compute().item<double>() == 0.875);

  curves::CountedArea<int64_t> high, low;
  high.add(0, 0, kMany, kMany);
  high.positives = high.negatives = kMany;
  low = high;
  high.add_lower(low);
  CHECK(high.positives == 2 * kMany);
  CHECK(high.negatives == 2 * kMany);
  CHECK((high.twice ==
         static_cast<metrics::kernels::uint128>(2 * kMany) * static_cast<metrics::kernels::uint128>(2 * kMany)));
}

TEST_CASE("what curves with floating weights give is that of the weights of all pairs and places") {
  constexpr int64_t rows = 257;
  std::mt19937 seeded(7);
  const auto between_0_and_1 = [&] { return std::generate_canonical<double, 53>(seeded); };
  // Weights of all sorts: as float32 has them, as float64 has them, far apart, of which one outweighs the rest, where
  // the classes are far apart, and at the ends of what float64 holds.
  const std::vector<std::pair<std::string, std::function<double(int64_t row, bool yes)>>> kinds{
      {"float32", [&](int64_t, bool) { return static_cast<double>(static_cast<float>(between_0_and_1() + 0.1)); }},
      {"float64", [&](int64_t, bool) { return between_0_and_1() + 0.1; }},
      {"far apart", [&](int64_t, bool) { return std::exp2(60 * between_0_and_1() - 30); }},
      {"one alone", [&](int64_t row, bool) { return row == 100 ? 1e12 : between_0_and_1(); }},
      {"classes apart", [&](int64_t, bool yes) { return (yes ? 1e-40 : 1e40) * (between_0_and_1() + 0.1); }},
      {"small", [&](int64_t, bool) { return std::ldexp(std::ceil(1000 * between_0_and_1()), -500); }},
      {"large", [&](int64_t, bool) { return std::ldexp(between_0_and_1() + 0.5, 480); }},
      {"equal", [&](int64_t, bool) { return 0.3; }},
  };
  for (const auto& [kind, weight_of] : kinds) {
    // Few places, which many share, and as many as float32 and float64 have.
    for (const int places : {5, 1 << 20, 0}) {
      for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
        CAPTURE(kind);
        CAPTURE(places);
        CAPTURE(dtype);
        Tensor scores = at::rand({rows}, dtype);
        if (places > 0) scores = (scores * places).floor() / places;
        const Tensor target = at::randint(2, {rows}, at::kLong);
        Tensor weights = at::zeros({rows}, at::kDouble);
        const auto number = [](const Tensor& values, int64_t row) { return values[row].item<double>(); };
        for (int64_t row = 0; row < rows; ++row) weights[row] = weight_of(row, target[row].item<int64_t>() == 1);
        BinaryAUROC area;
        BinaryAveragePrecision precision;
        BinaryROC curve;
        for (Metric* metric : std::initializer_list<Metric*>{&area, &precision, &curve}) metric->set_dtype(at::kDouble);
        for (const Tensor& part : at::arange(rows).split(100)) {
          const Rows some{.weights = weights.index_select(0, part)};
          area.update(scores.index_select(0, part), target.index_select(0, part), some);
          precision.update(scores.index_select(0, part), target.index_select(0, part), some);
          curve.update(scores.index_select(0, part), target.index_select(0, part), some);
        }
        // Of each place, from the greatest, what its positives and negatives weigh.
        std::map<double, std::array<long double, 2>, std::greater<>> at_places;
        for (int64_t row = 0; row < rows; ++row) {
          at_places[number(scores, row)][target[row].item<int64_t>() == 1] += number(weights, row);
        }
        std::array<long double, 2> all{}, above{};
        for (const auto& [score, both] : at_places) {
          for (const std::size_t yes : {0, 1}) all[yes] += both[yes];
        }
        long double of_pairs = 0, of_precisions = 0;
        const auto [fpr, tpr, thresholds] = curve.compute();
        REQUIRE(fpr.size(0) == static_cast<int64_t>(at_places.size()) + 1);
        int64_t point = 1;
        for (const auto& [score, both] : at_places) {
          of_pairs += both[0] * (above[1] + both[1] / 2);
          for (const std::size_t yes : {0, 1}) above[yes] += both[yes];
          of_precisions += both[1] * (above[1] / (above[0] + above[1]));
          CHECK(number(fpr, point) == doctest::Approx(static_cast<double>(above[0] / all[0])).epsilon(1e-14));
          CHECK(number(tpr, point) == doctest::Approx(static_cast<double>(above[1] / all[1])).epsilon(1e-14));
          CHECK(number(thresholds, point) == score);
          ++point;
        }
        CHECK(area.compute().item<double>() ==
              doctest::Approx(static_cast<double>(of_pairs / all[0] / all[1])).epsilon(1e-14));
        CHECK(precision.compute().item<double>() ==
              doctest::Approx(static_cast<double>(of_precisions / all[1])).epsilon(1e-14));
      }
    }
  }
}

TEST_CASE("a state dict has torchmetrics' form, and beside it only what that does not tell") {
  const Tensor probabilities = at::rand({20}), target = at::randint(0, 2, {20}, at::kLong);
  const Tensor logits = at::randn({20}) * 30;
  const auto raw_keys = [](const StateDict& dict) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : dict.metadata.at("")) {
      if (key.starts_with("metrics.state.")) keys.push_back(key.substr(14));
    }
    return keys;
  };
  const auto list = [](const StateDict& dict, const char* key) {
    return std::get<std::vector<Tensor>>(dict.states.at(key)).at(0);
  };
  SUBCASE("probabilities, said to be so, are saved once") {
    BinaryAUROC metric({.input = ScoreInput::Probabilities});
    metric.persistent(true);
    metric.update(probabilities, target);
    const StateDict dict = metric.state_dict();
    CHECK(at::equal(list(dict, "preds"), probabilities));
    CHECK(at::equal(list(dict, "target"), target));
    CHECK(raw_keys(dict).empty());
  }
  SUBCASE("probabilities whose reading may change need a byte more") {
    BinaryAUROC metric;
    metric.persistent(true);
    metric.update(probabilities, target);
    const StateDict dict = metric.state_dict();
    CHECK(at::equal(list(dict, "preds"), probabilities));
    CHECK(raw_keys(dict) == std::vector<std::string>{"target"});
  }
  SUBCASE("logits are shown as probabilities, and kept") {
    BinaryAUROC metric;
    metric.persistent(true);
    metric.update(logits, target);
    const StateDict dict = metric.state_dict();
    CHECK(at::allclose(list(dict, "preds"), at::sigmoid(logits)));
    CHECK(raw_keys(dict) == std::vector<std::string>{"preds", "target"});
    BinaryAUROC loaded;
    loaded.load_state_dict(dict);
    CHECK(at::equal(loaded.states().at(0).tensor(), logits));
  }
  SUBCASE("what torchmetrics has saved stays probabilities beside logits") {
    BinaryAUROC saved;
    saved.persistent(true);
    saved.update(logits / 30, target);
    StateDict dict = saved.state_dict();
    dict.metadata.clear();
    BinaryAUROC resumed, whole;
    resumed.load_state_dict(dict);
    resumed.update(logits, target);
    whole.update(logits / 30, target);
    whole.update(logits, target);
    CHECK(resumed.compute().item<float>() == doctest::Approx(whole.compute().item<float>()));
  }
  SUBCASE("classes that torchmetrics has saved stay probabilities beside logits") {
    const Tensor rows = at::randn({30, 4}), classes = at::randint(0, 4, {30}, at::kLong);
    for (const Thresholds& thresholds : {Thresholds{}, Thresholds{20}}) {
      MulticlassAUROC saved({.num_classes = 4, .thresholds = thresholds});
      saved.persistent(true);
      saved.update(rows, classes);
      StateDict dict = saved.state_dict();
      dict.metadata.clear();
      MulticlassAUROC resumed({.num_classes = 4, .thresholds = thresholds});
      resumed.load_state_dict(dict);
      resumed.update(rows * 3, classes);
      saved.update(rows * 3, classes);
      CHECK(resumed.compute().item<float>() == doctest::Approx(saved.compute().item<float>()));
    }
  }
  SUBCASE("what torchmetrics has saved does not decide how others are read, even outside [0, 1]") {
    const Tensor before = at::tensor({2.0F, -1.0F, 0.5F, 0.25F}), later = at::tensor({0.125F, 0.75F, 0.5F, 0.25F});
    StateDict dict;
    dict.states["preds"] = std::vector<Tensor>{before};
    dict.states["target"] = std::vector<Tensor>{at::tensor({1, 0, 1, 0})};
    BinaryROC binary;
    binary.load_state_dict(dict);
    binary.update(later, at::tensor({0, 1, 0, 1}));
    const Tensor both = at::tensor({1.0F, 2.0F, 0.75F, 0.5F, 0.25F, 0.125F, -1.0F});
    CHECK(at::equal(binary.compute().thresholds, both));

    dict.states["preds"] = std::vector<Tensor>{before.view({2, 2})};
    dict.states["target"] = std::vector<Tensor>{at::tensor({1, 0})};
    MulticlassROC classes({.num_classes = 2});
    classes.load_state_dict(dict);
    classes.update(later.view({2, 2}), at::tensor({0, 1}));
    const auto thresholds = std::get<std::vector<Tensor>>(classes.compute().thresholds);
    CHECK(at::equal(thresholds[0], at::tensor({1.0F, 2.0F, 0.5F, 0.125F})));
    CHECK(at::equal(thresholds[1], at::tensor({1.0F, 0.75F, 0.25F, -1.0F})));
  }
  SUBCASE("an exact micro average is kept by torchmetrics as one row of questions") {
    const Tensor rows = at::rand({6, 3}), classes = at::tensor({0, 1, 2, 2, 1, 0});
    MulticlassROC metric({.num_classes = 3, .average = Average::Micro});
    metric.persistent(true);
    metric.update(rows, classes);
    StateDict dict = metric.state_dict();
    CHECK(at::equal(list(dict, "preds"), rows.view({-1})));
    CHECK(list(dict, "target").sum().item<int64_t>() == 6);
    dict.metadata.clear();
    MulticlassROC loaded({.num_classes = 3, .average = Average::Micro});
    loaded.load_state_dict(dict);
    CHECK(at::equal(std::get<Tensor>(loaded.compute().tpr), std::get<Tensor>(metric.compute().tpr)));
  }
  SUBCASE("counts are cumulated in the order of the thresholds") {
    BinaryAUROC metric({.thresholds = std::vector<double>{0.75, 0.25}});
    metric.persistent(true);
    metric.update(at::tensor({0.1, 0.3, 0.8, 0.9}), at::tensor({0, 1, 0, 1}));
    StateDict dict = metric.state_dict();
    const auto& counts = std::get<Tensor>(dict.states.at("confmat"));
    CHECK(at::equal(counts, at::tensor({1, 1, 1, 1, 1, 1, 0, 2}, at::kLong).view({2, 2, 2})));
    dict.metadata.clear();
    BinaryAUROC loaded({.thresholds = std::vector<double>{0.75, 0.25}});
    loaded.load_state_dict(dict);
    CHECK(at::equal(loaded.states().at(0).tensor(), metric.states().at(0).tensor()));
  }
  SUBCASE("states that cannot be are refused") {
    BinaryAUROC metric;
    StateDict dict;
    const auto refused = [&](const Tensor& preds, const Tensor& labels, const char* named) {
      dict.states["preds"] = std::vector<Tensor>{preds};
      dict.states["target"] = std::vector<Tensor>{labels};
      CHECK_THROWS_WITH_AS(metric.load_state_dict(dict), doctest::Contains(named), InvalidArgument);
    };
    refused(at::rand({4}), at::zeros({3}, at::kLong), "preds");
    refused(at::rand({4, 2}), at::zeros({4}, at::kLong), "preds");
    refused(at::zeros({4}, at::kLong), at::zeros({4}, at::kLong), "preds");
    refused(at::rand({4}), at::rand({4}), "target");
    refused(at::rand({4}), at::full({4}, 9, at::kLong), "target");
    CHECK(metric.update_count() == 0);
  }
}
