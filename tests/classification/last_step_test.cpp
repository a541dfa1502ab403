// Scores of counts: the formula gives the same bits for numbers, where the counts lie on the CPU, and for tensors.

#include "classification/counts/averaging.h"
#include "harness/ways.h"
#include <metrics/classification/accuracy.h>
#include <metrics/classification/f_beta.h>
#include <metrics/classification/hamming.h>
#include <metrics/classification/negative_predictive_value.h>
#include <metrics/classification/precision_recall.h>
#include <metrics/classification/specificity.h>
#include <metrics/classification/stat_scores.h>

#include <ATen/ATen.h>

#include <doctest/doctest.h>

namespace last_step_test {
namespace {

using at::Tensor;
using metrics::classification::Average;
using metrics::classification::GatheredCounts;
using metrics::classification::counts::Scoring;

constexpr std::array averages{Average::Micro, Average::Macro, Average::Weighted, Average::None};

/// The same counts in memory in which a formula does not find them as numbers.
Tensor spread(const Tensor& table) {
  return at::stack({table, table}, -1).select(-1, 0);
}

Tensor counts(int64_t labels, int64_t most) {
  Tensor table = at::randint(most, {4, labels}, at::kLong);
  if (labels > 2) table.select(1, 1).zero_();  // a class that does not occur
  return table;
}

template <class Score>
void check_same_bits(const Tensor& table, const Scoring& how) {
  const Tensor of_numbers = Score::value(GatheredCounts{table, false, how});
  const GatheredCounts as_tensors{spread(table), false, how};
  REQUIRE(as_tensors.numbers() == nullptr);
  const Tensor of_tensors = Score::value(as_tensors);
  CHECK(of_numbers.sizes() == of_tensors.sizes());
  CHECK(metrics::testing::bits(of_numbers) == metrics::testing::bits(of_tensors));
}

template <class... Scores>
void check_all(const Tensor& table, const Scoring& how) {
  (check_same_bits<Scores>(table, how), ...);
}

}  // namespace

TEST_CASE("scores of counts are the same bits by numbers and by tensors") {
  using namespace metrics::scores;
  const auto check = check_all<Accuracy, Precision, Recall, Specificity, NegativePredictiveValue, HammingDistance,
                               F1Score, StatScores>;
  at::manual_seed(3);
  for (const int64_t most : {1, 3, 1000, 100'000'000}) {
    CAPTURE(most);
    check(counts(1, most), metrics::BinaryStatScoresOptions{.zero_division = 0.5});
    for (const Average average : averages) {
      for (const int64_t labels : {2, 3, 10, 1000}) {
        CAPTURE(labels);
        check(counts(labels, most), metrics::MulticlassStatScoresOptions{.num_classes = labels, .average = average});
        check(counts(labels, most),
              metrics::MulticlassStatScoresOptions{.num_classes = labels, .top_k = 2, .average = average});
        check(counts(labels, most),
              metrics::MultilabelStatScoresOptions{.num_labels = labels, .average = average, .zero_division = 1});
      }
    }
  }
}

TEST_CASE("the F score of more than 2^24 rows is not rounded on the way") {
  const int64_t right = (int64_t{1} << 24) + 1;
  const Tensor table = at::tensor({right, int64_t{2}, int64_t{0}, int64_t{0}}, at::kLong).reshape({4, 1});
  const Scoring how = metrics::BinaryStatScoresOptions{};
  const double expected = 2.0 * static_cast<double>(right) / (2.0 * static_cast<double>(right) + 2.0);
  for (const Tensor& form : {table, spread(table)}) {
    CHECK(metrics::scores::F1Score::value(GatheredCounts{form, false, how}).item<double>() == expected);
  }
}

}  // namespace last_step_test
