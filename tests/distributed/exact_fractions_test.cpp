// Metrics that keep counts, beside exact fractions of counts from 10^8 to 2^53: of one process and over ranks, of rows
// that weigh and of others.

#include "worker.h"
#include <metrics/core/dynamic.h>
#include <metrics/core/registry.h>
#include <metrics/core/unit.h>
#include <metrics/distributed/process_group.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
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
bool is_near(double value, long double exact, int roundings) {
  const long double magnitude = std::max(1.0L, std::abs(exact));
  return std::abs(static_cast<long double>(value) - exact) <= roundings * std::ldexp(magnitude, -53);
}

/// A metric whose states are counts, or sums and counts, and the numbers that it should give of them.
struct ExactMetric {
  std::string json;                 // as create_from_json takes it
  std::vector<std::string> states;  // torchmetrics' names, of states of one shape
  std::vector<long double> (*exact)(const std::vector<Wide>& counts);
  std::vector<c10::IValue> one_row;  // inputs,
  std::vector<int64_t> one_more;     // and where one row of them counts
  int roundings = 5;                 // of numbers of at most 1
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

enum class Average { None, Micro, Macro, Weighted };

/// The average of fractions; `weights` are the positives of each.
Values average_of(Average average, const Fractions& fractions, const Counts& weights) {
  if (average == Average::None) return values_of(fractions);
  long double sum = 0, all = 0;
  for (std::size_t i = 0; i < fractions.size(); ++i) {
    const long double weight = average == Average::Weighted ? static_cast<long double>(weights[i]) : 1.0L;
    sum += weight * fractions[i].value();
    all += weight;
  }
  return {sum / all};
}

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

template <Average average>
Values jaccard_of_classes(const Counts& counts) {
  const Table table(counts, classes);
  Fractions fractions;
  Counts positives;
  Fraction together{0, 0};
  for (int64_t i = 0; i < classes; ++i) {
    fractions.push_back({table(i, i), table.either(i)});
    positives.push_back(table.row(i));
    together.num += table(i, i);
    together.denom += table.either(i);
  }
  return average == Average::Micro ? values_of({together}) : average_of(average, fractions, positives);
}

template <int64_t tables, Average average>
Values jaccard_of_labels(const Counts& counts) {
  Fractions fractions;
  Counts positives;
  Fraction together{0, 0};
  for (int64_t label = 0; label < tables; ++label) {
    const Table table(counts, 2, label);
    fractions.push_back({table(1, 1), table.either(1)});
    positives.push_back(table.row(1));
    together.num += table(1, 1);
    together.denom += table.either(1);
  }
  return average == Average::Micro ? values_of({together}) : average_of(average, fractions, positives);
}

/// Of the tables of all labels together.
Values matthews_of_labels(const Counts& counts) {
  Counts together(4);
  for (std::size_t i = 0; i < counts.size(); ++i) together[i % 4] += counts[i];
  return matthews<2>(together);
}

/// chi squared over the number of samples.
long double phi_squared(const Table& table) {
  long double sum = 0;
  each_cell(classes, [&](int64_t target, int64_t predicted) {
    const auto count = static_cast<long double>(table(target, predicted));
    sum +=
        count / static_cast<long double>(table.row(target)) * count / static_cast<long double>(table.column(predicted));
  });
  return sum - 1;
}

Values pearsons_contingency(const Counts& counts) {
  const long double phi2 = phi_squared(Table(counts, classes));
  return {std::sqrt(phi2 / (1 + phi2))};
}

/// Cramér's V and Tschuprow's T, which are alike for a square table.
Values cramers_v(const Counts& counts) {
  return {std::sqrt(phi_squared(Table(counts, classes)) / (classes - 1))};
}

Values corrected_cramers_v(const Counts& counts) {
  const Table table(counts, classes);
  constexpr long double more = classes - 1;
  const long double others = static_cast<long double>(table.all()) - 1;
  const long double phi2 = std::max(0.0L, phi_squared(table) - more * more / others);
  return {std::sqrt(phi2 / (more - more * more / others))};
}

/// Of the predictions' entropy, what the targets tell.
Values theils_u(const Counts& counts) {
  const Table table(counts, classes);
  const auto all = static_cast<long double>(table.all());
  long double entropy = 0, left = 0;
  for (int64_t i = 0; i < classes; ++i) {
    const long double p = static_cast<long double>(table.column(i)) / all;
    entropy -= p * std::log(p);
  }
  each_cell(classes, [&](int64_t target, int64_t predicted) {
    const auto count = static_cast<long double>(table(target, predicted));
    left -= count / all * std::log(count / static_cast<long double>(table.row(target)));
  });
  return {(entropy - left) / entropy};
}

/// Of the best of the six assignments.
Values best_accuracy(const Counts& counts) {
  const Table table(counts, classes);
  std::array<int64_t, classes> assigned{0, 1, 2};
  Wide most = 0;
  do {
    Wide right = 0;
    for (int64_t i = 0; i < classes; ++i) right += table(i, assigned[static_cast<std::size_t>(i)]);
    most = std::max(most, right);
  } while (std::next_permutation(assigned.begin(), assigned.end()));
  return {Fraction{most, table.all()}.value()};
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

template <Score score, Average average>
Values scores_of_labels(const Counts& counts) {
  Fractions fractions;
  Counts positives;
  Wide sums[4] = {};
  const int64_t count = std::ssize(counts) / 4;  // of classes one, where they were counted together
  for (int64_t label = 0; label < count; ++label) {
    Wide of[4];
    for (int64_t cell = 0; cell < 4; ++cell)
      sums[cell] += of[cell] = counts[static_cast<std::size_t>(cell * count + label)];
    fractions.push_back(score(of[0], of[1], of[2], of[3]));
    positives.push_back(of[0] + of[3]);
  }
  return average == Average::Micro ? values_of({score(sums[0], sums[1], sums[2], sums[3])})
                                   : average_of(average, fractions, positives);
}

/// The counts themselves, and the positives beside them.
Values counts_of_labels(const Counts& counts) {
  Fractions fractions;
  const int64_t count = std::ssize(counts) / 4;
  for (int64_t label = 0; label < count; ++label) {
    const auto of = [&](int64_t cell) { return counts[static_cast<std::size_t>(cell * count + label)]; };
    for (int64_t cell = 0; cell < 4; ++cell) fractions.push_back({of(cell), 1});
    fractions.push_back({of(0) + of(3), 1});
  }
  return values_of(fractions);
}

/// The first of two numbers over the second.
Values quotient(const Counts& counts) {
  return {Fraction{counts[0], counts[1]}.value()};
}

/// 10 log10(range² / mean squared error), of a range of 3.
Values signal_to_noise(const Counts& counts) {
  return {10 * std::log10(static_cast<long double>(9 * counts[1]) / static_cast<long double>(counts[0]))};
}

/// The first of some counts over all.
Values first_of_all(const Counts& counts) {
  Wide all = 0;
  for (const Wide count : counts) all += count;
  return {Fraction{counts[0], all}.value()};
}

Fraction accuracy(Wide tp, Wide fp, Wide tn, Wide fn) {
  return {tp + tn, tp + fp + tn + fn};
}
Fraction class_accuracy(Wide tp, Wide, Wide, Wide fn) {
  return {tp, tp + fn};
}
Fraction class_hamming(Wide tp, Wide, Wide, Wide fn) {
  return {fn, tp + fn};
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

constexpr Average averages[] = {Average::None, Average::Micro, Average::Macro, Average::Weighted};
constexpr const char* names_of_averages[] = {"none", "micro", "macro", "weighted"};

/// f(name of an average, the average as a constant), for each.
template <class F>
void each_average(const F& f) {
  [&]<std::size_t... i>(std::index_sequence<i...>) {
    (f(std::string(R"("average": ")") + names_of_averages[i] + '"', std::integral_constant<Average, averages[i]>{}),
     ...);
  }
  (std::make_index_sequence<std::size(averages)>{});
}

std::vector<ExactMetric> all_metrics() {
  std::vector<ExactMetric> all;
  const Tensor yes = at::tensor({1}), one_of_each = at::tensor({1, 1, 1}).unsqueeze(0);
  const std::vector<c10::IValue> second_as_third{at::tensor({2}), at::tensor({1})};
  const std::vector<std::string> four{"tp", "fp", "tn", "fn"};
  const auto binary = [&](const std::string& name, const std::string& options, auto exact) {
    all.push_back({json_of("Binary" + name, options), {"confmat"}, exact, {yes, yes}, {3}});
  };
  const auto with_classes = [](const std::string& options) {
    return R"("num_classes": 3)" + (options.empty() ? "" : ", " + options);
  };
  const auto with_labels = [](const std::string& options) {
    return R"("num_labels": 3)" + (options.empty() ? "" : ", " + options);
  };
  const auto multiclass = [&](const std::string& name, const std::string& options, auto exact) {
    all.push_back({json_of("Multiclass" + name, with_classes(options)), {"confmat"}, exact, second_as_third, {5}});
  };
  const auto multilabel = [&](const std::string& name, const std::string& options, auto exact) {
    all.push_back({json_of("Multilabel" + name, with_labels(options)),
                   {"confmat"},
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
  multilabel("MatthewsCorrCoef", "", matthews_of_labels);
  binary("JaccardIndex", "", jaccard_of_labels<1, Average::Micro>);
  each_average([&]<Average average>(const std::string& option, std::integral_constant<Average, average>) {
    multiclass("JaccardIndex", option, jaccard_of_classes<average>);
    multilabel("JaccardIndex", option, jaccard_of_labels<labels, average>);
  });

  // `of_classes` is what the score is for a class among others, `score` for a yes or a no.
  const auto of_counts = [&]<Score score, Score of_classes>(const std::string& name, const std::string& option) {
    const std::string more = option.empty() ? "" : ", " + option;
    all.push_back({json_of("Binary" + name, option), four, scores_of_labels<score, Average::Micro>, {yes, yes}, {0}});
    each_average([&]<Average average>(const std::string& own, std::integral_constant<Average, average>) {
      all.push_back({json_of("Multilabel" + name, with_labels(own) + more),
                     four,
                     scores_of_labels<score, average>,
                     {one_of_each, one_of_each},
                     {0, 1, 2}});
      // Of one row a class is found where it is not, one is missed, and one is neither; together they are counted once.
      const bool together = average == Average::Micro;
      all.push_back({json_of("Multiclass" + name, with_classes(own) + more), four,
                     scores_of_labels<of_classes, average>, second_as_third,
                     together ? std::vector<int64_t>{1, 2, 3} : std::vector<int64_t>{5, 6, 10}});
    });
  };
  of_counts.operator()<accuracy, class_accuracy>("Accuracy", "");
  of_counts.operator()<precision, precision>("Precision", "");
  of_counts.operator()<recall, recall>("Recall", "");
  of_counts.operator()<specificity, specificity>("Specificity", "");
  of_counts.operator()<negative_predictive_value, negative_predictive_value>("NegativePredictiveValue", "");
  of_counts.operator()<hamming, class_hamming>("HammingDistance", "");
  of_counts.operator()<f1, f1>("F1Score", "");
  of_counts.operator()<f_beta, f_beta>("FBetaScore", R"("beta": 1.5)");
  const std::string each = R"("average": "none")";
  all.push_back({json_of("BinaryStatScores", ""), four, counts_of_labels, {yes, yes}, {0}});
  all.push_back({json_of("MultilabelStatScores", with_labels(each)),
                 four,
                 counts_of_labels,
                 {one_of_each, one_of_each},
                 {0, 1, 2}});
  all.push_back(
      {json_of("MulticlassStatScores", with_classes(each)), four, counts_of_labels, second_as_third, {5, 6, 10}});

  const auto of_groups = [&](const std::string& name, const std::string& options, auto exact) {
    all.push_back({json_of(name, R"("num_groups": 3)" + options), four, exact, {yes, yes, yes}, {1}});
  };
  of_groups("BinaryGroupStatRates", "", rates_of_groups);
  of_groups("BinaryFairness", R"(, "task": "all")", fairness);

  const auto of_table = [&](const std::string& name, const std::string& options, auto exact) {
    all.push_back({json_of(name, with_classes(options)), {"confmat"}, exact, second_as_third, {5}});
  };
  of_table("CramersV", R"("bias_correction": false)", cramers_v);
  of_table("CramersV", "", corrected_cramers_v);
  of_table("TschuprowsT", R"("bias_correction": false)", cramers_v);
  of_table("TschuprowsT", "", corrected_cramers_v);
  of_table("PearsonsContingencyCoefficient", "", pearsons_contingency);
  of_table("TheilsU", "", theils_u);
  all.back().roundings = 400;  // of logarithms, over an entropy that may be small
  of_table("ClusterAccuracy", "", best_accuracy);
  const Tensor one = at::tensor({1.0});
  all.push_back({json_of("CriticalSuccessIndex", R"("threshold": 0.5)"),
                 {"hits", "misses", "false_alarms"},
                 first_of_all,
                 {one, one},
                 {0}});

  // A sum over a count. Their row adds nothing to the sum, or one.
  const auto mean = [&](const std::string& name, const std::string& options, std::vector<std::string> states,
                        std::vector<c10::IValue> row, bool adds_one = false) {
    all.push_back({json_of(name, options), std::move(states), quotient, std::move(row),
                   adds_one ? std::vector<int64_t>{0, 1} : std::vector<int64_t>{1}});
  };
  const Tensor scores = at::tensor({0.25, 0.5, 0.25}).unsqueeze(0), second = at::tensor({0, 1, 0}).unsqueeze(0);
  mean("MulticlassExactMatch", with_classes(""), {"correct", "total"}, {yes.unsqueeze(0), yes.unsqueeze(0)}, true);
  mean("MultilabelExactMatch", with_labels(""), {"correct", "total"}, {one_of_each, one_of_each}, true);
  mean("MultilabelCoverageError", with_labels(""), {"measure", "total"}, {scores, second}, true);
  mean("MultilabelRankingAveragePrecision", with_labels(""), {"measure", "total"}, {scores, second}, true);
  mean("MultilabelRankingLoss", with_labels(""), {"measure", "total"}, {scores, second});
  mean("BinaryHingeLoss", "", {"measures", "total"}, {one, yes});
  mean("MulticlassHingeLoss", with_classes(""), {"measures", "total"}, {at::tensor({0.0, 1.0, 0.0}).unsqueeze(0), yes});
  mean("WordErrorRate", "", {"errors", "total"}, {"word", "word"});
  mean("MeanSquaredError", "", {"sum_squared_error", "total"}, {one, one});
  mean("MeanSquaredLogError", "", {"sum_squared_log_error", "total"}, {one, one});
  mean("MeanAbsoluteError", "", {"sum_abs_error", "total"}, {one, one});
  mean("MeanAbsolutePercentageError", "", {"sum_abs_per_error", "total"}, {one, one});
  mean("SymmetricMeanAbsolutePercentageError", "", {"sum_abs_per_error", "total"}, {one, one});
  mean("TweedieDevianceScore", "", {"sum_deviance_score", "num_observations"}, {one, one});
  mean("LogCoshError", "", {"sum_log_cosh_error", "total"}, {one, one});
  mean("ContinuousRankedProbabilityScore", "", {"score", "total"}, {at::tensor({1.0, 1.0}).unsqueeze(0), one});
  mean("KLDivergence", "", {"measures", "total"}, {scores, scores});
  mean("JensenShannonDivergence", "", {"measures", "total"}, {scores, scores});
  const Tensor points = at::tensor({0.0, 0.0, 1.0, 0.0, 0.0, 1.0}).view({1, 3, 2}), pixel = one.view({1, 1, 1, 1});
  mean("ProcrustesDisparity", "", {"disparity", "total"}, {points, points});
  mean("PeakSignalNoiseRatio", R"("data_range": 3.0)", {"sum_squared_error", "total"}, {pixel, pixel});
  all.back().exact = signal_to_noise;
  all.back().roundings = 30;  // of logarithms, ten times
  mean("MeanMetric", "", {"mean_value", "weight"}, {one}, true);
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

/// What a metric keeps under that name of torchmetrics: a tensor, or a row of one that has several names.
Tensor kept(metrics::Metric& metric, const std::string& name) {
  for (const metrics::State& state : metric.units().front()->states()) {
    const auto& names = state.names();
    const auto found = std::find(names.begin(), names.end(), name);
    if (found != names.end()) return names.size() == 1 ? state.tensor() : state.tensor()[found - names.begin()];
  }
  throw metrics::Error("there is no state " + name);
}

/// int64 counts [states, numbers of a state] of one of so many ranks, from 10^8 to a part of 2^53, their logarithms
/// evenly spread.
Tensor drawn_counts(const ExactMetric& exact, uint64_t seed, int64_t ranks) {
  const auto metric = metrics::create_from_json(exact.json);
  const int64_t size = kept(*metric, exact.states.front()).numel();
  std::mt19937_64 draw(seed);
  Tensor counts = at::empty({std::ssize(exact.states), size}, at::kLong);
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
    const Tensor state = kept(*metric, exact.states[i]);
    saved.states[exact.states[i]] = counts[static_cast<int64_t>(i)].to(state.scalar_type()).view(state.sizes());
  }
  for (const metrics::State& state : metric->units().front()->states()) {
    if (state.names().size() == 1 && !state.name().starts_with("_"))
      saved.states.try_emplace(state.name(), state.tensor());
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
    expect(is_near(values[i], expected[i], exact.roundings), exact.json + how + ": number " + std::to_string(i) +
                                                                 " to be " + std::to_string(expected[i]) +
                                                                 ", not off by " + std::to_string(off) + " / 2^53");
  }
}

}  // namespace

WORKER(exact_fractions) {
  const auto group = metrics::init_process_group();
  const int64_t world = group->world_size();
  const auto play = [&](const ExactMetric& exact, uint64_t seed) {
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
  };
  for (const ExactMetric& exact : all_metrics()) {
    for (uint64_t seed = 0; seed < 20; ++seed) play(exact, seed);
  }
}

TEST_CASE("exact fractions: of one process and over ranks, weighted and not") {
  for (const int64_t world : metrics_test::world_sizes({1, 2, 3})) {
    CHECK(metrics_test::run_workers("exact_fractions", world).ok());
  }
}

TEST_CASE("exact fractions: every metric that keeps counts is among them, or says why not") {
  const std::map<std::string, std::string> others{
      {"BinaryCalibrationError", "counts stand beside sums of confidences; fixtures compare the value"},
      {"MulticlassCalibrationError", "the same"},
      {"CosineSimilarity", "its sum and its count have no names in files; fixtures compare the value"},
      {"FrechetInceptionDistance",
       "the number of samples stands beside moments; its tests compare them with exact ones"},
      {"R2Score", "the same; the tests of regression compare moments with exact arithmetic"},
      {"RelativeSquaredError", "the same"},
  };
  std::set<std::string> played;
  for (const ExactMetric& exact : all_metrics()) played.insert(nlohmann::json::parse(exact.json).at("name"));
  for (const metrics::MetricEntry* entry : metrics::list_metrics()) {
    const std::string name(entry->name);
    bool counts = false;
    if (entry->domain != "collections") {  // whose members do
      const auto metric = entry->example();
      for (const metrics::Unit* unit : metric->units()) {
        counts |= std::any_of(unit->states().begin(), unit->states().end(),
                              [](const metrics::State& state) { return state.is_count(); });
      }
    }
    CHECK_MESSAGE((!counts || played.contains(name) || others.contains(name)), name);
  }
}
