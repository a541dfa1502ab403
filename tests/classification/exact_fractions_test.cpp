// Scores of counts from 10^8 to 2^53 beside exact fractions; as numbers, as tensors and as counts of weighted rows they
// have the same bits.

#include "classification/counts/averaging.h"
#include <metrics/classification/accuracy.h>
#include <metrics/classification/f_beta.h>
#include <metrics/classification/hamming.h>
#include <metrics/classification/negative_predictive_value.h>
#include <metrics/classification/precision_recall.h>
#include <metrics/classification/specificity.h>
#include <metrics/classification/stat_scores.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

using at::Tensor;
using metrics::classification::Average;
using metrics::classification::GatheredCounts;

namespace {

/// Holds sums and products by 4 of what int64 holds.
__extension__ using Wide = __int128;

struct Fraction {
  Wide num, denom;
};

struct Counts {
  Wide tp, fp, tn, fn;
};

struct Score {
  const char* name;
  Tensor (*value)(const GatheredCounts&);
  Fraction (*exact)(const Counts&);
};

Tensor f_beta(const GatheredCounts& gathered) {
  return metrics::scores::FBetaScore::f_beta(gathered, 1.5);
}

// Of one label in a multilabel task.
const std::vector<Score> all_scores{
    {"accuracy", metrics::scores::Accuracy::value,
     [](const Counts& c) {
       return Fraction{c.tp + c.tn, c.tp + c.fp + c.tn + c.fn};
     }},
    {"precision", metrics::scores::Precision::value,
     [](const Counts& c) {
       return Fraction{c.tp, c.tp + c.fp};
     }},
    {"recall", metrics::scores::Recall::value,
     [](const Counts& c) {
       return Fraction{c.tp, c.tp + c.fn};
     }},
    {"specificity", metrics::scores::Specificity::value,
     [](const Counts& c) {
       return Fraction{c.tn, c.tn + c.fp};
     }},
    {"negative predictive value", metrics::scores::NegativePredictiveValue::value,
     [](const Counts& c) {
       return Fraction{c.tn, c.tn + c.fn};
     }},
    {"Hamming distance", metrics::scores::HammingDistance::value,
     [](const Counts& c) {
       return Fraction{c.fp + c.fn, c.tp + c.fp + c.tn + c.fn};
     }},
    {"F1", metrics::scores::F1Score::value,
     [](const Counts& c) {
       return Fraction{2 * c.tp, 2 * c.tp + c.fp + c.fn};
     }},
    {"F-beta", f_beta,
     [](const Counts& c) {
       return Fraction{13 * c.tp, 13 * c.tp + 9 * c.fn + 4 * c.fp};
     }},
};

Counts counts_at(const Tensor& table, int64_t label) {
  const auto number = [&](int64_t row) { return Wide{table[row][label].item<int64_t>()}; };
  return {number(0), number(1), number(2), number(3)};
}

/// Whether a float64 number is the fraction, but for a few roundings of numbers of at most 1. long double has 64 bits.
bool is_near(double value, const Fraction& exact) {
  const long double expected = static_cast<long double>(exact.num) / static_cast<long double>(exact.denom);
  return std::abs(static_cast<long double>(value) - expected) <= 5 * std::ldexp(1.0L, -53);
}

GatheredCounts gathered(const Tensor& table, Average average) {
  metrics::MultilabelStatScoresOptions options{.num_labels = table.size(1)};
  options.average = average;
  return {table, false, options};
}

Tensor drawn_counts(int64_t labels) {
  std::mt19937_64 draw(17);
  Tensor table = at::empty({4, labels}, at::kLong);
  for (int64_t i = 0; i < table.numel(); ++i) {
    const double magnitude = std::uniform_real_distribution<double>(std::log(1e8), std::log(0x1p53))(draw);
    table.mutable_data_ptr<int64_t>()[i] = static_cast<int64_t>(std::exp(magnitude)) | 1;
  }
  return table;
}

}  // namespace

TEST_CASE("exact fractions: scores are the fractions, rounded once") {
  const Tensor drawn = drawn_counts(40);
  const Tensor given = at::tensor({100000001, 7, 5, 12}, at::kLong).view({4, 1});
  for (const Score& score : all_scores) {
    CAPTURE(score.name);
    for (const Tensor& table : {drawn, given}) {
      const Tensor values = score.value(gathered(table, Average::None));
      REQUIRE((values.scalar_type() == at::kDouble));
      for (int64_t label = 0; label < table.size(1); ++label) {
        CHECK(is_near(values[label].item<double>(), score.exact(counts_at(table, label))));
      }
      // Of four labels: their sum may not be more than int64 holds.
      const Tensor few = table.slice(1, 0, 4);
      const Tensor together = score.value(gathered(few, Average::Micro));
      CHECK(is_near(together.item<double>(), score.exact(counts_at(few.sum(1, /*keepdim=*/true), 0))));
    }
  }
}

TEST_CASE("exact fractions: numbers, tensors and weighted counts give the same bits") {
  const Tensor table = drawn_counts(40).bitwise_and((int64_t{1} << 50) - 1);
  const Tensor apart = at::stack({table, table}, -1).select(-1, 0);  // is read by tensor operations alone
  const auto forms = [&](const auto& value) {
    const Tensor expected = value(table);
    CHECK(at::equal(value(apart), expected));
    CHECK(at::equal(value(apart.to(at::kDouble)).to(at::kDouble), expected.to(at::kDouble)));
    CHECK(at::equal(value(table.to(at::kDouble)).to(at::kDouble), expected.to(at::kDouble)));
  };
  for (const Average average : {Average::None, Average::Micro, Average::Macro, Average::Weighted}) {
    CAPTURE(static_cast<int>(average));
    for (const Score& score : all_scores) {
      CAPTURE(score.name);
      forms([&](const Tensor& counts) { return score.value(gathered(counts, average)); });
    }
    forms([&](const Tensor& counts) { return metrics::scores::StatScores::value(gathered(counts, average)); });
  }
}
