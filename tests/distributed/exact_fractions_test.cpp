// Metrics that keep counts, beside exact fractions of counts from 10^8 to 2^53: of one process and over ranks, of rows
// that weigh and of others.

#include "worker.h"
#include <metrics/core/dynamic.h>
#include <metrics/distributed/process_group.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace {

using metrics_test::expect;

/// Holds sums, and products of a few sums, of what int64 holds.
__extension__ using Wide = __int128;

struct Fraction {
  Wide num, denom;

  /// long double has 64 bits.
  long double value() const { return static_cast<long double>(num) / static_cast<long double>(denom); }
};

/// Whether a float64 number is that one, but for a few roundings.
bool is_near(double value, long double exact) {
  const long double magnitude = std::max(1.0L, std::abs(exact));
  return std::abs(static_cast<long double>(value) - exact) <= 5 * std::ldexp(magnitude, -53);
}

/// A metric whose states are counts, and the numbers that it should give of them.
struct ExactMetric {
  std::string json;                 // as create_from_json takes it
  std::vector<std::string> states;  // torchmetrics' names
  std::vector<int64_t> shape;       // of each of them
  std::vector<long double> (*exact)(const std::vector<Wide>& counts);
  std::vector<at::Tensor> one_row;  // inputs,
  std::vector<int64_t> one_more;    // and where one row of them counts
};

using at::Tensor;
using Counts = std::vector<Wide>;
using Fractions = std::vector<Fraction>;
using Values = std::vector<long double>;

Values values_of(const Fractions& fractions) {
  Values values;
  for (const Fraction& fraction : fractions) values.push_back(fraction.value());
  return values;
}

constexpr int64_t classes = 3, labels = 3, groups = 3;

// --- Tables [classes, classes] of targets and predictions, one or one a label.

/// What is asked of each count of a table.
template <class F>
void each_cell(int64_t size, const F& f) {
  for (int64_t target = 0; target < size; ++target) {
    for (int64_t predicted = 0; predicted < size; ++predicted) f(target, predicted);
  }
}

class Table {
 public:
  Table(const Counts& counts, int64_t size, int64_t label = 0) : counts_(counts), size_(size), label_(label) {}

  Wide operator()(int64_t target, int64_t predicted) const {
    return counts_[static_cast<std::size_t>((label_ * size_ + target) * size_ + predicted)];
  }
  Wide row(int64_t target) const {
    Wide sum = 0;
    for (int64_t i = 0; i < size_; ++i) sum += (*this)(target, i);
    return sum;
  }
  Wide column(int64_t predicted) const {
    Wide sum = 0;
    for (int64_t i = 0; i < size_; ++i) sum += (*this)(i, predicted);
    return sum;
  }
  Wide all() const {
    Wide sum = 0;
    for (int64_t i = 0; i < size_; ++i) sum += row(i);
    return sum;
  }
  Wide either(int64_t i) const { return row(i) + column(i) - (*this)(i, i); }

 private:
  const Counts& counts_;
  int64_t size_, label_;
};

enum class By { Nothing, Targets, Predictions, All };

template <int64_t size, int64_t tables, By by>
Values normalised(const Counts& counts) {
  Fractions fractions;
  for (int64_t label = 0; label < tables; ++label) {
    const Table table(counts, size, label);
    each_cell(size, [&](int64_t target, int64_t predicted) {
      const Wide of = by == By::Nothing       ? 1
                      : by == By::Targets     ? table.row(target)
                      : by == By::Predictions ? table.column(predicted)
                                              : table.all();
      fractions.push_back({table(target, predicted), of});
    });
  }
  return values_of(fractions);
}

template <int64_t size, int power>
Values kappa(const Counts& counts) {
  const Table table(counts, size);
  Wide observed = 0, expected = 0;
  each_cell(size, [&](int64_t target, int64_t predicted) {
    const int64_t distance = std::abs(target - predicted);
    const Wide cost = power == 0 ? Wide{distance != 0} : power == 1 ? Wide{distance} : Wide{distance * distance};
    observed += cost * table(target, predicted);
    expected += cost * table.row(target) * table.column(predicted);
  });
  return {Fraction{expected - observed * table.all(), expected}.value()};
}

template <int64_t size>
Values matthews(const Counts& counts) {
  const Table table(counts, size);
  Wide right = 0, of_both = 0, of_targets = 0, of_predictions = 0;
  for (int64_t i = 0; i < size; ++i) {
    right += table(i, i);
    of_both += table.row(i) * table.column(i);
    of_targets += table.row(i) * table.row(i);
    of_predictions += table.column(i) * table.column(i);
  }
  const Wide all = table.all();
  const auto number = [](Wide wide) { return static_cast<long double>(wide); };
  return {number(right * all - of_both) / std::sqrt(number(all * all - of_targets)) /
          std::sqrt(number(all * all - of_predictions))};
}

template <bool micro>
Values jaccard_of_classes(const Counts& counts) {
  const Table table(counts, classes);
  Fractions fractions;
  Fraction together{0, 0};
  for (int64_t i = 0; i < classes; ++i) {
    fractions.push_back({table(i, i), table.either(i)});
    together.num += table(i, i);
    together.denom += table.either(i);
  }
  return values_of(micro ? Fractions{together} : fractions);
}

template <int64_t tables, bool micro>
Values jaccard_of_labels(const Counts& counts) {
  Fractions fractions;
  Fraction together{0, 0};
  for (int64_t label = 0; label < tables; ++label) {
    const Table table(counts, 2, label);
    fractions.push_back({table(1, 1), table.either(1)});
    together.num += table(1, 1);
    together.denom += table.either(1);
  }
  return values_of(micro ? Fractions{together} : fractions);
}

// --- Counts [4, groups]: true and false positives, true and false negatives.

Wide of_group(const Counts& counts, int64_t cell, int64_t group) {
  return counts[static_cast<std::size_t>(cell * groups + group)];
}

Values rates_of_groups(const Counts& counts) {
  Fractions fractions;
  for (int64_t group = 0; group < groups; ++group) {
    Wide all = 0;
    for (int64_t cell = 0; cell < 4; ++cell) all += of_group(counts, cell, group);
    for (int64_t cell = 0; cell < 4; ++cell) fractions.push_back({of_group(counts, cell, group), all});
  }
  return values_of(fractions);
}

/// The least rate over the greatest.
Fraction worst_to_best(const Fractions& rates) {
  const auto below = [](const Fraction& a, const Fraction& b) { return a.num * b.denom < b.num * a.denom; };
  Fraction worst = rates.front(), best = rates.front();
  for (const Fraction& rate : rates) {
    if (below(rate, worst)) worst = rate;
    if (below(best, rate)) best = rate;
  }
  return {worst.num * best.denom, worst.denom * best.num};
}

Values fairness(const Counts& counts) {
  Fractions parity, opportunity;
  for (int64_t group = 0; group < groups; ++group) {
    const auto of = [&](int64_t cell) { return of_group(counts, cell, group); };
    parity.push_back({of(0) + of(1), of(0) + of(1) + of(2) + of(3)});
    opportunity.push_back({of(0), of(0) + of(3)});
  }
  return values_of({worst_to_best(parity), worst_to_best(opportunity)});
}

// --- Counts [4, labels] of the same.

using Score = Fraction (*)(Wide tp, Wide fp, Wide tn, Wide fn);

template <Score score, bool micro>
Values scores_of_labels(const Counts& counts) {
  Fractions fractions;
  Wide sums[4] = {};
  for (int64_t label = 0; label < labels; ++label) {
    Wide of[4];
    for (int64_t cell = 0; cell < 4; ++cell) sums[cell] += of[cell] = of_group(counts, cell, label);
    fractions.push_back(score(of[0], of[1], of[2], of[3]));
  }
  return values_of(micro ? Fractions{score(sums[0], sums[1], sums[2], sums[3])} : fractions);
}

Fraction accuracy(Wide tp, Wide fp, Wide tn, Wide fn) {
  return {tp + tn, tp + fp + tn + fn};
}
Fraction precision(Wide tp, Wide fp, Wide, Wide) {
  return {tp, tp + fp};
}
Fraction recall(Wide tp, Wide, Wide, Wide fn) {
  return {tp, tp + fn};
}
Fraction specificity(Wide, Wide fp, Wide tn, Wide) {
  return {tn, tn + fp};
}
Fraction negative_predictive_value(Wide, Wide, Wide tn, Wide fn) {
  return {tn, tn + fn};
}
Fraction hamming(Wide tp, Wide fp, Wide tn, Wide fn) {
  return {fp + fn, tp + fp + tn + fn};
}
Fraction f1(Wide tp, Wide fp, Wide, Wide fn) {
  return {2 * tp, 2 * tp + fp + fn};
}
Fraction f_beta(Wide tp, Wide fp, Wide, Wide fn) {
  return {13 * tp, 13 * tp + 9 * fn + 4 * fp};
}

// --- The metrics.

std::string json_of(const std::string& name, const std::string& options) {
  return R"({"name": ")" + name + R"(", "options": {)" + options + "}}";
}

std::vector<ExactMetric> all_metrics() {
  std::vector<ExactMetric> all;
  const Tensor yes = at::tensor({1}), one_of_each = at::tensor({1, 1, 1}).unsqueeze(0);
  const auto binary = [&](const std::string& name, const std::string& options, auto exact) {
    all.push_back({json_of("Binary" + name, options), {"confmat"}, {2, 2}, exact, {yes, yes}, {3}});
  };
  const auto multiclass = [&](const std::string& name, const std::string& options, auto exact) {
    const std::string more = options.empty() ? "" : ", " + options;
    all.push_back({json_of("Multiclass" + name, R"("num_classes": 3)" + more),
                   {"confmat"},
                   {classes, classes},
                   exact,
                   {at::tensor({2}), at::tensor({1})},
                   {5}});
  };
  const auto multilabel = [&](const std::string& name, const std::string& options, auto exact) {
    const std::string more = options.empty() ? "" : ", " + options;
    all.push_back({json_of("Multilabel" + name, R"("num_labels": 3)" + more),
                   {"confmat"},
                   {labels, 2, 2},
                   exact,
                   {one_of_each, one_of_each},
                   {3, 7, 11}});
  };
  binary("ConfusionMatrix", "", normalised<2, 1, By::Nothing>);
  binary("ConfusionMatrix", R"("normalize": "true")", normalised<2, 1, By::Targets>);
  binary("ConfusionMatrix", R"("normalize": "pred")", normalised<2, 1, By::Predictions>);
  binary("ConfusionMatrix", R"("normalize": "all")", normalised<2, 1, By::All>);
  multiclass("ConfusionMatrix", "", normalised<classes, 1, By::Nothing>);
  multiclass("ConfusionMatrix", R"("normalize": "true")", normalised<classes, 1, By::Targets>);
  multiclass("ConfusionMatrix", R"("normalize": "pred")", normalised<classes, 1, By::Predictions>);
  multiclass("ConfusionMatrix", R"("normalize": "all")", normalised<classes, 1, By::All>);
  multilabel("ConfusionMatrix", "", normalised<2, labels, By::Nothing>);
  multilabel("ConfusionMatrix", R"("normalize": "true")", normalised<2, labels, By::Targets>);
  multilabel("ConfusionMatrix", R"("normalize": "pred")", normalised<2, labels, By::Predictions>);
  multilabel("ConfusionMatrix", R"("normalize": "all")", normalised<2, labels, By::All>);
  binary("CohenKappa", "", kappa<2, 0>);
  binary("CohenKappa", R"("weights": "linear")", kappa<2, 1>);
  binary("CohenKappa", R"("weights": "quadratic")", kappa<2, 2>);
  multiclass("CohenKappa", "", kappa<classes, 0>);
  multiclass("CohenKappa", R"("weights": "linear")", kappa<classes, 1>);
  multiclass("CohenKappa", R"("weights": "quadratic")", kappa<classes, 2>);
  binary("MatthewsCorrCoef", "", matthews<2>);
  multiclass("MatthewsCorrCoef", "", matthews<classes>);
  binary("JaccardIndex", "", jaccard_of_labels<1, true>);
  multiclass("JaccardIndex", R"("average": "none")", jaccard_of_classes<false>);
  multiclass("JaccardIndex", R"("average": "micro")", jaccard_of_classes<true>);
  multilabel("JaccardIndex", R"("average": "none")", jaccard_of_labels<labels, false>);
  multilabel("JaccardIndex", R"("average": "micro")", jaccard_of_labels<labels, true>);
  const auto of_labels = [&](const std::string& name, const std::string& options, auto each, auto micro) {
    const auto push = [&](const std::string& average, auto exact) {
      all.push_back({json_of("Multilabel" + name, R"("num_labels": 3, "average": ")" + average + "\"" + options),
                     {"tp", "fp", "tn", "fn"},
                     {labels},
                     exact,
                     {one_of_each, one_of_each},
                     {0, 1, 2}});
    };
    push("none", each);
    push("micro", micro);
  };
  of_labels("Accuracy", "", scores_of_labels<accuracy, false>, scores_of_labels<accuracy, true>);
  of_labels("Precision", "", scores_of_labels<precision, false>, scores_of_labels<precision, true>);
  of_labels("Recall", "", scores_of_labels<recall, false>, scores_of_labels<recall, true>);
  of_labels("Specificity", "", scores_of_labels<specificity, false>, scores_of_labels<specificity, true>);
  of_labels("NegativePredictiveValue", "", scores_of_labels<negative_predictive_value, false>,
            scores_of_labels<negative_predictive_value, true>);
  of_labels("HammingDistance", "", scores_of_labels<hamming, false>, scores_of_labels<hamming, true>);
  of_labels("F1Score", "", scores_of_labels<f1, false>, scores_of_labels<f1, true>);
  of_labels("FBetaScore", R"(, "beta": 1.5)", scores_of_labels<f_beta, false>, scores_of_labels<f_beta, true>);
  const auto of_groups = [&](const std::string& name, const std::string& options, auto exact) {
    all.push_back({json_of(name, R"("num_groups": 3)" + options),
                   {"tp", "fp", "tn", "fn"},
                   {groups},
                   exact,
                   {yes, yes, yes},
                   {1}});
  };
  of_groups("BinaryGroupStatRates", "", rates_of_groups);
  of_groups("BinaryFairness", R"(, "task": "all")", fairness);
  return all;
}

/// All numbers of a value, those of a dictionary in the order of its keys.
std::vector<double> numbers_of(const c10::IValue& value) {
  std::vector<double> numbers;
  const auto append = [&](const Tensor& tensor) {
    if (tensor.is_floating_point() && tensor.scalar_type() != at::kDouble) numbers.push_back(NAN);
    const Tensor flat = tensor.to(at::kDouble).reshape({-1}).contiguous();
    numbers.insert(numbers.end(), flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel());
  };
  if (value.isTensor()) {
    append(value.toTensor());
  } else {
    std::map<std::string, Tensor> sorted;
    for (const auto& entry : value.toGenericDict()) sorted[entry.key().toStringRef()] = entry.value().toTensor();
    for (const auto& [key, tensor] : sorted) append(tensor);
  }
  return numbers;
}

/// int64 counts [states, …] of one of so many ranks, from 10^8 to a part of 2^53, their logarithms evenly spread.
Tensor drawn_counts(const ExactMetric& metric, uint64_t seed, int64_t ranks) {
  std::vector<int64_t> shape{static_cast<int64_t>(metric.states.size())};
  shape.insert(shape.end(), metric.shape.begin(), metric.shape.end());
  std::mt19937_64 draw(seed);
  Tensor counts = at::empty(shape, at::kLong);
  for (int64_t i = 0; i < counts.numel(); ++i) {
    const double magnitude =
        std::uniform_real_distribution<double>(std::log(1e8), std::log(0x1p53 / static_cast<double>(ranks)))(draw);
    counts.mutable_data_ptr<int64_t>()[i] = static_cast<int64_t>(std::exp(magnitude)) | 1;
  }
  return counts;
}

std::unique_ptr<metrics::Metric> with_counts(const ExactMetric& exact, const Tensor& counts) {
  auto metric = metrics::create_from_json(exact.json);
  metric->set_dtype(at::kDouble);
  metrics::StateDict saved;
  for (std::size_t i = 0; i < exact.states.size(); ++i) {
    saved.states[exact.states[i]] = counts[static_cast<int64_t>(i)].clone();
  }
  metric->load_state_dict(saved);
  return metric;
}

/// Fails the worker unless the metric's value is that of the counts.
void expect_value(const ExactMetric& exact, metrics::Metric& metric, const Tensor& counts, const std::string& how) {
  const auto* const first = counts.const_data_ptr<int64_t>();
  const Values expected = exact.exact(Counts(first, first + counts.numel()));
  const std::vector<double> values = numbers_of(metric.compute());
  expect(values.size() == expected.size(), exact.json + ": as many numbers, not " + std::to_string(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const long double off = (static_cast<long double>(values[i]) - expected[i]) * 0x1p53L;
    expect(is_near(values[i], expected[i]), exact.json + how + ": number " + std::to_string(i) + " to be " +
                                                std::to_string(expected[i]) + ", not off by " + std::to_string(off) +
                                                " / 2^53");
  }
}

}  // namespace

WORKER(exact_fractions) {
  const auto group = metrics::init_process_group();
  const int64_t world = group->world_size();
  for (const ExactMetric& exact : all_metrics()) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
      Tensor sum, own;
      for (int64_t rank = 0; rank < world; ++rank) {
        const Tensor counts = drawn_counts(exact, 3 * seed + static_cast<uint64_t>(rank), world);
        if (rank == group->rank()) own = counts;
        sum = sum.defined() ? sum + counts : counts;
      }
      const auto metric = with_counts(exact, own);
      expect_value(exact, *metric, sum, "");
      // A row that weighs 1, in two halves: from then on counts are those of weighted rows.
      const metrics::Args row(exact.one_row.begin(), exact.one_row.end());
      for (int half = 0; half < 2; ++half) metric->update(row, {}, {.weights = at::full({1}, 0.5)});
      Tensor more = sum.clone();
      for (const int64_t index : exact.one_more) more.mutable_data_ptr<int64_t>()[index] += world;
      expect_value(exact, *metric, more, ", weighted");
    }
  }
}

TEST_CASE("exact fractions: of one process and over ranks, weighted and not") {
  for (const int64_t world : metrics_test::world_sizes({1, 2, 3})) {
    CHECK(metrics_test::run_workers("exact_fractions", world).ok());
  }
}
