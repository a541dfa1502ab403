#include "classification/counts/counting.h"

#include <metrics/core/errors.h>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/_efficientzerotensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/imag.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <ostream>
#include <random>
#include <string>
#include <variant>
#include <vector>

// The kernels against the plain-tensor version, on whatever shapes, dtypes, memory layouts and values may come.

namespace {

using at::Tensor;
using metrics::InvalidArgument;
using namespace metrics::classification::counts;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Tensor labels(std::vector<int64_t> values) {
  return at::tensor(values, at::kLong);
}
Tensor scores(std::vector<double> values) {
  return at::tensor(values, at::kDouble);
}

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "no error";
}

// --- Random cases.

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  template <class T>
  T one_of(std::vector<T> values) {
    return values[std::uniform_int_distribution<std::size_t>(0, values.size() - 1)(engine_)];
  }
  bool chance(double probability) { return std::uniform_real_distribution<>(0, 1)(engine_) < probability; }
  int64_t below(int64_t bound) { return std::uniform_int_distribution<int64_t>(0, bound - 1)(engine_); }

  // The same values, laid out otherwise.
  Tensor laid_out(const Tensor& tensor) {
    if (tensor.dim() < 2 || chance(0.4)) return tensor;
    if (chance(0.5)) {
      std::vector<int64_t> order(static_cast<std::size_t>(tensor.dim())), back(order.size());
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
      std::shuffle(order.begin(), order.end(), engine_);
      for (std::size_t i = 0; i < order.size(); ++i) back[static_cast<std::size_t>(order[i])] = static_cast<int64_t>(i);
      return tensor.permute(order).contiguous().permute(back);
    }
    const Tensor padded = at::cat({tensor, tensor}, tensor.dim() - 1);
    return padded.slice(tensor.dim() - 1, 0, tensor.size(tensor.dim() - 1));
  }

  Tensor scores(const std::vector<int64_t>& shape) {
    Tensor x = at::randn(shape);
    switch (below(7)) {
      case 0:
        x = at::rand(shape);
        break;
      case 1:  // ties
        x = at::randint(3, shape, at::kFloat) / 2;
        break;
      case 2:
        x = at::where(at::rand(shape) < 0.1, kNaN, x);
        break;
      case 3:
        x = at::where(at::rand(shape) < 0.4, -kInfinity, x);
        x = at::where(at::rand(shape) < 0.1, kInfinity, x);
        break;
      case 4:
        x = at::full(shape, -kInfinity);
        break;
      case 5:  // around the cut-off of a threshold of 0.5
        x = x * 1e-7;
        break;
      default:
        break;
    }
    return laid_out(x.to(one_of<at::ScalarType>({at::kFloat, at::kDouble, at::kBFloat16, at::kHalf})));
  }

  // Labels in [0, bound); some ignored, at times one that cannot be.
  Tensor labels(const std::vector<int64_t>& shape, int64_t bound, std::optional<int64_t> ignore_index) {
    Tensor t = at::randint(bound, shape, at::kLong);
    if (ignore_index) t = at::where(at::rand(shape) < 0.2, *ignore_index, t);
    if (t.numel() > 0 && chance(0.15)) {
      t.view(-1)[below(t.numel())] = one_of<int64_t>({-1, bound, bound + 5, std::numeric_limits<int64_t>::min()});
    }
    const auto dtype = one_of<at::ScalarType>({at::kLong, at::kInt, at::kShort, at::kByte, at::kFloat});
    const Tensor narrow = t.to(dtype);
    return laid_out(narrow.to(at::kLong).equal(t) ? narrow : t);
  }

 private:
  std::mt19937_64 engine_;
};

// What a call gives: counts, or that it is refused, and with which words.
struct Outcome {
  std::string refused;
  std::vector<Tensor> counts;
  bool outside = false;

  bool operator==(const Outcome& other) const {
    const auto same = [](const Tensor& a, const Tensor& b) { return a.equal(b); };
    return refused == other.refused && outside == other.outside &&
           std::equal(counts.begin(), counts.end(), other.counts.begin(), other.counts.end(), same);
  }
};

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  out << outcome.refused << (outcome.outside ? " outside" : " within");
  for (const Tensor& counts : outcome.counts) out << "\n" << counts;
  return out;
}

template <class Call>
Outcome outcome(const Call& call) {
  try {
    return call();
  } catch (const InvalidArgument& error) {
    return {error.what(), {}};
  }
}

Outcome outcome_of_counts(const std::function<ThresholdCounts()>& call) {
  return outcome([&] {
    const auto counts = call();
    return Outcome{"", {counts.probabilities, counts.logits}, counts.outside};
  });
}

Outcome outcome_of_table(std::vector<int64_t> shape, const std::function<void(Tensor&)>& count) {
  Tensor table = at::ones(shape, at::kLong);
  Outcome result = outcome([&] {
    count(table);
    return Outcome{"", {table}};
  });
  if (!result.refused.empty()) CHECK(table.equal(at::ones(shape, at::kLong)));
  return result;
}

}  // namespace

TEST_CASE("counting: labels out of range are refused, named with their place, and nothing is counted") {
  const Tensor preds = at::rand({4, 3});
  const ClassRule rule{.num_classes = 3};
  Tensor counts = at::zeros({4, 3}, at::kLong);
  const auto error = [&](const Tensor& p, const Tensor& t, const ClassRule& r) {
    return error_of([&] { add_class_counts(counts, p, t, r); });
  };
  CHECK(error(preds, labels({0, 1, 3, 5}), rule) == "target: expected labels in [0, 3), got 3 at [2]");
  CHECK(error(preds, labels({0, -1, 2, 0}), rule) == "target: expected labels in [0, 3), got -1 at [1]");
  CHECK(error(preds, labels({0, -1, 2, 7}), {.num_classes = 3, .ignore_index = -1}) ==
        "target: expected labels in [0, 3) or ignore_index -1, got 7 at [3]");
  CHECK(error(labels({0, 1, 2, 4}), labels({0, 1, 2, 2}), rule) == "preds: expected labels in [0, 3), got 4 at [3]");
  CHECK(error(labels({0, 4, 2, 4}).view({2, 2}), labels({0, 1, 2, 2}).view({2, 2}), rule) ==
        "preds: expected labels in [0, 3), got 4 at [0, 1]");
  CHECK(error(preds, scores({0, 1, 0.5, 2}), rule).find("got 0.5 at [2]") != std::string::npos);
  CHECK(error(preds, scores({0, 1, kNaN, 2}), rule).find("at [2]") != std::string::npos);
  CHECK(counts.sum().item<int64_t>() == 0);

  const auto binary = [&](const Tensor& p, const Tensor& t, const ThresholdRule& r = {}) {
    return error_of([&] { binary_counts(p, t, r); });
  };
  CHECK(binary(scores({0.1, 0.2}), labels({0, 2})) == "target: expected 0, 1, got 2 at [1]");
  CHECK(binary(labels({0, 3}), labels({0, 1})) == "preds: expected labels 0 or 1, got 3 at [1]");
  CHECK(binary(scores({0.1, 0.2}), labels({-1, 2}), {.ignore_index = -1}) ==
        "target: expected 0, 1 or ignore_index -1, got 2 at [1]");
}

TEST_CASE("counting: shapes and dtypes that do not fit are refused, validated or not") {
  const ClassRule rule{.num_classes = 3, .validate = false};
  Tensor counts = at::zeros({4, 3}, at::kLong);
  const auto error = [&](const Tensor& p, const Tensor& t, const ClassRule& r) {
    return error_of([&] { add_class_counts(counts, p, t, r); });
  };
  CHECK(error(at::rand({4, 3}), labels({0, 1, 2}), rule).find("[4, 3] for [3]") != std::string::npos);
  CHECK(error(at::rand({4, 5}), labels({0, 1, 2, 0}), rule).find("num_classes") != std::string::npos);
  CHECK(error(at::rand({4, 3, 2}), at::zeros({4, 3}, at::kLong), rule).find("[4, 3, 2]") != std::string::npos);
  CHECK(error(at::zeros({4, 3}, at::kLong), labels({0, 1, 2, 0}), rule).find("floating scores") != std::string::npos);
  CHECK(error(labels({0, 1}), labels({0, 1}), {.num_classes = 3, .top_k = 2}).find("top_k 2") != std::string::npos);
  CHECK(error(at::rand({4, 3}, at::kComplexFloat), labels({0, 1, 2, 0}), rule).find("preds: expected") == 0);
  CHECK(error(Tensor(), labels({0}), rule).find("preds: expected a tensor") == 0);
  CHECK(error_of([&] {
          samplewise_class_counts(at::rand({4, 3}), labels({0, 1, 2, 0}), rule);
        }).find("samplewise") != std::string::npos);

  CHECK(error_of([] {
          binary_counts(at::rand({3}), labels({0, 1}), {});
        }).find("same shape, got [3] and [2]") != std::string::npos);
  CHECK(error_of([] {
          multilabel_counts(at::rand({3, 2}), at::zeros({3, 2}, at::kLong), 3, {});
        }).find("num_labels") != std::string::npos);
  CHECK(error_of([] {
          samplewise_multilabel_counts(at::rand({3, 2}), at::zeros({3, 2}, at::kLong), 2, {});
        }).find("3 dimensions") != std::string::npos);
}

TEST_CASE("counting: the kernels count what the plain version counts, and refuse what it refuses") {
  at::manual_seed(1);
  Random random(1);
  int refused = 0;
  for (int trial = 0; trial < 1000; ++trial) {
    const auto classes = random.one_of<int64_t>({2, 3, 5, 10, 16, 17, 33, 100});
    const auto samples = random.one_of<int64_t>({0, 1, 2, 7, 33});
    const auto extra = random.one_of<std::vector<int64_t>>({{}, {}, {1}, {3}, {5, 2}, {0}, {270}});
    const ClassRule rule{classes, random.one_of<int64_t>({1, 1, 2, std::min<int64_t>(5, classes), classes}),
                         random.one_of<std::optional<int64_t>>({{}, -1, 0, classes - 1, classes, -100}),
                         random.chance(0.7)};
    std::vector<int64_t> shape{samples};
    shape.insert(shape.end(), extra.begin(), extra.end());
    const Tensor target = random.labels(shape, classes, rule.ignore_index);
    auto score_shape = shape;
    score_shape.insert(score_shape.begin() + 1, classes);
    const bool as_labels = random.chance(0.3);
    const Tensor preds = as_labels ? random.labels(shape, classes, {}) : random.scores(score_shape);
    CAPTURE(trial);
    CAPTURE(preds.sizes());
    CAPTURE(preds.scalar_type());
    CAPTURE(rule.top_k);

    const Outcome counts =
        outcome_of_table({4, classes}, [&](Tensor& table) { add_class_counts(table, preds, target, rule); });
    REQUIRE(counts == outcome_of_table({4, classes},
                                       [&](Tensor& table) { plain::add_class_counts(table, preds, target, rule); }));
    refused += !counts.refused.empty();
    REQUIRE(outcome_of_table({4, 1}, [&](Tensor& table) { add_class_counts(table, preds, target, rule); }) ==
            outcome_of_table({4, 1}, [&](Tensor& table) { plain::add_class_counts(table, preds, target, rule); }));
    REQUIRE(outcome_of_table({classes, classes}, [&](Tensor& table) {
              add_class_confusion(table, preds, target, rule);
            }) == outcome_of_table({classes, classes}, [&](Tensor& table) {
              plain::add_class_confusion(table, preds, target, rule);
            }));
    REQUIRE(outcome([&] {
              return Outcome{"", {samplewise_class_counts(preds, target, rule)}};
            }) == outcome([&] {
              return Outcome{"", {plain::samplewise_class_counts(preds, target, rule)}};
            }));
    REQUIRE(outcome([&] {
              return Outcome{"", {samplewise_micro_class_counts(preds, target, rule)}};
            }) == outcome([&] {
              return Outcome{"", {plain::samplewise_class_counts(preds, target, rule).sum(-1, true)}};
            }));
    REQUIRE(outcome([&] {
              return Outcome{"", {exact_class_matches(preds, target, rule)}};
            }) == outcome([&] {
              return Outcome{"", {plain::exact_class_matches(preds, target, rule)}};
            }));
    REQUIRE(outcome([&] {
              return Outcome{"", {samplewise_exact_class_matches(preds, target, rule)}};
            }) == outcome([&] {
              return Outcome{"", {plain::samplewise_exact_class_matches(preds, target, rule)}};
            }));
  }
  CHECK(refused > 30);
  CHECK(refused < 500);
}

TEST_CASE("counting: the threshold kernels count what the plain version counts, and refuse what it refuses") {
  at::manual_seed(2);
  Random random(2);
  int refused = 0;
  int outside = 0;
  for (int trial = 0; trial < 1000; ++trial) {
    const auto num_labels = random.one_of<int64_t>({1, 2, 3, 8, 65, 260});
    const auto samples = random.one_of<int64_t>({0, 1, 2, 7});
    const auto extra = random.one_of<std::vector<int64_t>>({{}, {}, {1}, {3}, {5, 2}, {0}, {270}, {1100}});
    const ThresholdRule rule{random.one_of<double>({0.5, 0.5, 0.0, 1.0, 0.3, 0.7, 0.999}),
                             random.one_of<std::optional<int64_t>>({{}, -1, 0, 1, 2, -100}), random.chance(0.7)};
    std::vector<int64_t> shape{samples, num_labels};
    shape.insert(shape.end(), extra.begin(), extra.end());
    if (random.chance(0.02)) shape.clear();
    const Tensor target = random.labels(shape, 2, rule.ignore_index);
    const Tensor preds = random.chance(0.25) ? random.labels(shape, 2, {}).to(at::kLong) : random.scores(shape);
    CAPTURE(trial);
    CAPTURE(preds.sizes());
    CAPTURE(preds.scalar_type());
    CAPTURE(rule.threshold);

    const Outcome counts = outcome_of_counts([&] { return binary_counts(preds, target, rule); });
    REQUIRE(counts == outcome_of_counts([&] { return plain::binary_counts(preds, target, rule); }));
    refused += !counts.refused.empty();
    outside += counts.outside;
    REQUIRE(outcome_of_counts([&] { return samplewise_binary_counts(preds, target, rule); }) ==
            outcome_of_counts([&] { return plain::samplewise_binary_counts(preds, target, rule); }));
    REQUIRE(outcome_of_counts([&] { return multilabel_counts(preds, target, num_labels, rule); }) ==
            outcome_of_counts([&] { return plain::multilabel_counts(preds, target, num_labels, rule); }));
    REQUIRE(outcome_of_counts([&] { return samplewise_multilabel_counts(preds, target, num_labels, rule); }) ==
            outcome_of_counts([&] { return plain::samplewise_multilabel_counts(preds, target, num_labels, rule); }));
    REQUIRE(outcome_of_counts([&] { return exact_multilabel_matches(preds, target, num_labels, rule); }) ==
            outcome_of_counts([&] { return plain::exact_multilabel_matches(preds, target, num_labels, rule); }));
    REQUIRE(
        outcome_of_counts([&] { return samplewise_exact_multilabel_matches(preds, target, num_labels, rule); }) ==
        outcome_of_counts([&] { return plain::samplewise_exact_multilabel_matches(preds, target, num_labels, rule); }));
  }
  CHECK(refused > 30);
  CHECK(refused < 500);
  CHECK(outside > 200);
}

TEST_CASE("counting: the best class is the lowest of equals, and without validation NaN is above all") {
  const auto predicted = [](std::vector<double> row, at::ScalarType dtype) {
    const Tensor preds = scores(row).unsqueeze(0).to(dtype);
    Tensor confusion = at::zeros({preds.size(1), preds.size(1)}, at::kLong);
    add_class_confusion(confusion, preds, labels({0}), {.num_classes = preds.size(1), .validate = false});
    return confusion[0].argmax().item<int64_t>();
  };
  for (const auto dtype : {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf}) {
    CAPTURE(dtype);
    CHECK(predicted({1, 3, 3, 2}, dtype) == 1);
    CHECK(predicted({1, kNaN, 3, kNaN}, dtype) == 1);
    CHECK(predicted({kInfinity, 1, kNaN, 0}, dtype) == 2);
    CHECK(predicted({-kInfinity, -kInfinity, -kInfinity}, dtype) == 0);
    std::vector<double> many(100, -1.0);
    many[70] = many[90] = 2;
    CHECK(predicted(many, dtype) == 70);
    many[95] = kNaN;
    CHECK(predicted(many, dtype) == 95);
  }
}

TEST_CASE("counting: with top_k the lower of equal classes comes first") {
  const auto right = [](std::vector<double> row, int64_t target, int64_t top_k) {
    const int64_t classes = static_cast<int64_t>(row.size());
    Tensor counts = at::zeros({4, 1}, at::kLong);
    add_class_counts(counts, scores(row).unsqueeze(0), labels({target}),
                     {.num_classes = classes, .top_k = top_k, .validate = false});
    return counts[0][0].item<int64_t>() == 1;
  };
  CHECK(right({0, 0, 0, 0}, 1, 2));
  CHECK_FALSE(right({0, 0, 0, 0}, 2, 2));
  CHECK(right({0, 5, 0, 0}, 0, 2));
  CHECK_FALSE(right({0, 5, 0, 0}, 2, 2));
  CHECK(right({kNaN, 5, kNaN, 0}, 2, 2));
  CHECK_FALSE(right({kNaN, 5, kNaN, 0}, 1, 2));
}

TEST_CASE("counting: NaN is refused in whatever row counts, and nothing is counted") {
  for (const auto dtype : {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf}) {
    for (const int64_t classes : {3, 40}) {
      for (const int64_t column : {int64_t{0}, classes / 2, classes - 1}) {
        for (const int64_t top_k : {1, 2}) {
          CAPTURE(dtype);
          CAPTURE(classes);
          CAPTURE(column);
          CAPTURE(top_k);
          // Classes next to each other, and positions.
          const Tensor rows = at::rand({300, classes}).to(dtype);
          rows[290][column] = kNaN;
          for (const bool positions : {false, true}) {
            const Tensor preds = positions ? rows.t().contiguous().unsqueeze(0) : rows;
            Tensor target = at::zeros({300}, at::kLong);
            const auto shaped = [&] { return positions ? target.unsqueeze(0) : target; };
            const ClassRule rule{.num_classes = classes, .top_k = top_k, .ignore_index = -1};
            Tensor counts = at::zeros({4, classes}, at::kLong);
            const std::string where =
                positions ? "[0, " + std::to_string(column) + ", 290]" : "[290, " + std::to_string(column) + "]";
            const std::string wrong = "preds: expected scores that are numbers, got nan at " + where;
            CHECK(error_of([&] { add_class_counts(counts, preds, shaped(), rule); }) == wrong);
            CHECK(error_of([&] { plain::add_class_counts(counts, preds, shaped(), rule); }) == wrong);
            CHECK(error_of([&] { exact_class_matches(preds, shaped(), rule); }) == wrong);
            CHECK(counts.sum().item<int64_t>() == 0);
            target[290] = -1;
            add_class_counts(counts, preds, shaped(), rule);
            CHECK(counts[TruePositive].sum().item<int64_t>() + counts[FalseNegative].sum().item<int64_t>() == 299);
          }
        }
      }
    }
    Tensor preds = at::rand({300, 4}).to(dtype), target = at::zeros({300, 4}, at::kLong);
    preds[290][2] = kNaN;
    const ThresholdRule rule{.ignore_index = -1};
    const std::string wrong = "preds: expected scores that are numbers, got nan at [290, 2]";
    CHECK(error_of([&] { binary_counts(preds, target, rule); }) == wrong);
    CHECK(error_of([&] { multilabel_counts(preds, target, 4, rule); }) == wrong);
    CHECK(error_of([&] { plain::multilabel_counts(preds, target, 4, rule); }) == wrong);
    CHECK(error_of([&] { exact_multilabel_matches(preds, target, 4, rule); }) == wrong);
    target[290][2] = -1;
    CHECK(multilabel_counts(preds, target, 4, rule).probabilities.sum().item<int64_t>() == 1199);

    // Numbers whose sum is none.
    preds[290][2] = 1;
    preds[290][1] = kInfinity;
    preds[290][3] = -kInfinity;
    CHECK(binary_counts(preds, target, rule).probabilities.sum().item<int64_t>() == 1199);
    CHECK(multilabel_counts(preds, target, 4, rule).logits.sum().item<int64_t>() == 1199);
    CHECK(error_of([&] { exact_multilabel_matches(preds, target, 4, rule); }) == "no error");
    const Tensor largest = at::full({64}, dtype == at::kDouble ? 1e308 : 60000.0, at::kDouble).to(dtype);
    CHECK(binary_counts(largest, at::ones({64}, at::kLong), {}).probabilities[TruePositive].item<int64_t>() == 64);
  }
}

TEST_CASE("counting: a threshold is passed from the next number on, whatever the dtype") {
  const auto yes = [](double score, double threshold, at::ScalarType dtype) {
    const auto counts = binary_counts(scores({score}).to(dtype), labels({1}), {.threshold = threshold, .validate = false});
    return counts.probabilities[TruePositive].item<int64_t>() == 1;
  };
  CHECK_FALSE(yes(0.5, 0.5, at::kFloat));
  CHECK(yes(std::nextafter(0.5F, 1.0F), 0.5, at::kFloat));
  // 0.3 is not a float: the threshold is the float next to it, as torch compares.
  CHECK_FALSE(yes(0.3, 0.3, at::kFloat));
  CHECK_FALSE(yes(0.3, 0.3, at::kDouble));
  CHECK(yes(std::nextafter(0.3, 1.0), 0.3, at::kDouble));
  CHECK_FALSE(yes(kNaN, 0.0, at::kFloat));
}

TEST_CASE("counting: a logit is above the threshold exactly where torch's sigmoid is, but for its last bit") {
  for (const double threshold : {0.5, 0.3, 0.7, 0.01, 0.999}) {
    CAPTURE(threshold);
    const double cutoff = logit_cutoff(threshold, at::kFloat);
    const Tensor x = at::randn({100000}) * 4;
    const Tensor differs = (x > cutoff) != (at::sigmoid(x) > threshold);
    CHECK(((x - cutoff).abs().masked_select(differs) > 4e-6).sum().item<int64_t>() == 0);
    CHECK(std::abs(cutoff - std::log(threshold / (1 - threshold))) < 1.2e-7 / (threshold * (1 - threshold)));
    CHECK(std::abs(logit_cutoff(threshold, at::kDouble) - std::log(threshold / (1 - threshold))) < 1e-12);
  }
  CHECK(logit_cutoff(1.0, at::kFloat) == kInfinity);
  CHECK(at::sigmoid(at::full({1}, logit_cutoff(0.0, at::kFloat))).item<float>() == 0.0F);
}

TEST_CASE("counting: an ignored score decides nothing") {
  const Tensor preds = scores({0.2, 0.7, 5.0});
  CHECK_FALSE(binary_counts(preds, labels({0, 1, -1}), {.ignore_index = -1}).outside);
  CHECK(binary_counts(preds, labels({0, -1, 1}), {.ignore_index = -1}).outside);
}

TEST_CASE("counting: without validation no label is an index out of bounds") {
  const Tensor target = labels({std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min(), -1, 3, 1});
  const ClassRule rule{.num_classes = 3, .validate = false};
  Tensor counts = at::zeros({4, 3}, at::kLong);
  add_class_counts(counts, at::rand({5, 3}), target, rule);
  CHECK((counts[TruePositive] + counts[FalseNegative]).sum().item<int64_t>() == 1);
  CHECK((counts[TruePositive] + counts[FalsePositive]).sum().item<int64_t>() == 5);
  Tensor confusion = at::zeros({3, 3}, at::kLong);
  add_class_confusion(confusion, at::rand({5, 3}), target, rule);
  CHECK(confusion.sum().item<int64_t>() == 1);
  Tensor best = at::zeros({4, 3}, at::kLong);
  add_class_counts(best, at::rand({5, 3}), target, {.num_classes = 3, .top_k = 2, .validate = false});
  CHECK(best.sum().item<int64_t>() > 0);
}

TEST_CASE("counting: memory that is negated or absent is read as its values") {
  const Tensor negated = at::imag(at::randn({6, 3}, at::kComplexFloat).conj());
  REQUIRE(negated.is_neg());
  const Tensor target = labels({0, 1, 2, 0, 1, 2});
  Tensor counts = at::zeros({4, 3}, at::kLong), expected = at::zeros({4, 3}, at::kLong);
  add_class_counts(counts, negated, target, {.num_classes = 3});
  add_class_counts(expected, negated.resolve_neg(), target, {.num_classes = 3});
  CHECK(counts.equal(expected));

  const Tensor nothing = at::_efficientzerotensor({6, 3}, at::kFloat);
  Tensor of_nothing = at::zeros({4, 3}, at::kLong);
  add_class_counts(of_nothing, nothing, target, {.num_classes = 3});
  CHECK(of_nothing[TruePositive].equal(labels({2, 0, 0})));
}

TEST_CASE("counting: answers in their own type are what they are as int64, whatever is ignored") {
  const Tensor preds = at::rand({700}), target = at::randint(3, {700}, at::kLong);
  for (const int64_t ignore_index : {int64_t{0}, int64_t{1}, int64_t{2}, int64_t{-1}, int64_t{258}, int64_t{1} << 33}) {
    CAPTURE(ignore_index);
    const ThresholdRule rule{.ignore_index = ignore_index, .validate = false};
    const ThresholdCounts expected = binary_counts(preds, target, rule);
    for (const at::ScalarType dtype : {at::kInt, at::kShort, at::kChar, at::kByte}) {
      CAPTURE(dtype);
      CHECK(binary_counts(preds, target.to(dtype), rule).probabilities.equal(expected.probabilities));
      CHECK(binary_counts(target.to(dtype), target.to(dtype), rule)
                .probabilities.equal(plain::binary_counts(target, target, rule).probabilities));
    }
  }
}

TEST_CASE("counting: more answers of a label than packed counts have room for") {
  for (const int64_t labels : {1, 3, 600}) {
    CAPTURE(labels);
    const std::vector<int64_t> shape{3'300'000 / labels, labels};
    const Tensor preds = at::rand(shape), target = at::randint(2, shape, at::kLong);
    const ThresholdCounts counts = multilabel_counts(preds, target, labels, {});
    CHECK(counts.probabilities.equal(plain::multilabel_counts(preds, target, labels, {}).probabilities));
    CHECK_FALSE(counts.outside);
  }
}

TEST_CASE("counting: the same counts from any number of threads") {
  const Tensor preds = at::randn({3000, 40});
  const Tensor target = at::randint(40, {3000}, at::kLong);
  const Tensor yes = at::randint(2, {3000, 40}, at::kLong);
  const Tensor pixels = at::randn({4, 5, 20000});
  const Tensor pixel_target = at::randint(5, {4, 20000}, at::kLong);
  const auto all = [&](int threads) {
    at::set_num_threads(threads);
    Tensor counts = at::zeros({4, 40}, at::kLong), confusion = at::zeros({5, 5}, at::kLong);
    add_class_counts(counts, preds, target, {.num_classes = 40, .top_k = 3});
    add_class_confusion(confusion, pixels, pixel_target, {.num_classes = 5});
    const auto binary = binary_counts(preds, yes, {});
    const auto multilabel = multilabel_counts(preds, yes, 40, {});
    return std::vector<Tensor>{counts,
                               confusion,
                               binary.logits,
                               binary.probabilities,
                               multilabel.logits,
                               samplewise_multilabel_counts(pixels, pixels > 0, 5, {.validate = true}).logits,
                               exact_class_matches(pixels, pixel_target, {.num_classes = 5}),
                               exact_multilabel_matches(preds.slice(1, 0, 3), yes.slice(1, 0, 3), 3, {}).logits};
  };
  const int before = at::get_num_threads();
  const auto one = all(1);
  const auto three = all(3);
  at::set_num_threads(before);
  for (std::size_t i = 0; i < one.size(); ++i) CHECK(one[i].equal(three[i]));
}
