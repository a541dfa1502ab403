#include "families/numbers.h"
#include "families/pairs.h"
#include "kernels/math.h"
#include "kernels/radix_sort.h"
#include "ranks.h"
#include <metrics/core/define.h>
#include <metrics/regression/kendall.h>

#include <ATen/ops/full.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

namespace metrics {

namespace {

using regression::Alternative, regression::KendallVariant;

constexpr double no_value = std::numeric_limits<double>::quiet_NaN();

/// How many pairs tie, and sums over the groups of t equal numbers that the variance under no association needs.
struct Ties {
  int64_t pairs = 0, distinct = 0;
  double of_three = 0;  // Σ t (t - 1) (t - 2)
  double weighted = 0;  // Σ t (t - 1) (2 t + 5)

  void add(int64_t group) {
    const auto t = static_cast<double>(group);
    pairs += group * (group - 1) / 2;
    ++distinct;
    of_three += t * (t - 1) * (t - 2);
    weighted += t * (t - 1) * (2 * t + 5);
  }
};

template <class T, class Key>
Ties ties_in(std::span<const T> sorted, const Key& key) {
  Ties ties;
  for (std::size_t begin = 0; begin < sorted.size();) {
    std::size_t end = begin + 1;
    while (end < sorted.size() && key(sorted[end]) == key(sorted[begin])) ++end;
    ties.add(static_cast<int64_t>(end - begin));
    begin = end;
  }
  return ties;
}

/// Sorts, and returns how many pairs were in descending order.
int64_t sort_counting_inversions(std::vector<uint32_t>& numbers) {
  constexpr std::size_t few = 16;
  int64_t inversions = 0;
  for (std::size_t begin = 0; begin < numbers.size(); begin += few) {
    const std::size_t end = std::min(begin + few, numbers.size());
    for (std::size_t i = begin + 1; i < end; ++i) {
      const uint32_t number = numbers[i];
      std::size_t hole = i;
      for (; hole > begin && number < numbers[hole - 1]; --hole) numbers[hole] = numbers[hole - 1];
      numbers[hole] = number;
      inversions += static_cast<int64_t>(i - hole);
    }
  }
  std::vector<uint32_t> merged(numbers.size());
  for (std::size_t width = few; width < numbers.size(); width *= 2) {
    for (std::size_t begin = 0; begin < numbers.size(); begin += 2 * width) {
      const std::size_t middle = std::min(begin + width, numbers.size()),
                        end = std::min(begin + 2 * width, numbers.size());
      std::size_t left = begin, right = middle, to = begin;
      while (left < middle && right < end) {
        const bool takes_right = numbers[right] < numbers[left];
        merged[to++] = takes_right ? numbers[right] : numbers[left];
        // What comes from the right passes all that is left on the left.
        inversions += takes_right ? static_cast<int64_t>(middle - left) : 0;
        right += takes_right;
        left += !takes_right;
      }
      const auto rest = std::copy(numbers.begin() + static_cast<std::ptrdiff_t>(left),
                                  numbers.begin() + static_cast<std::ptrdiff_t>(middle),
                                  merged.begin() + static_cast<std::ptrdiff_t>(to));
      std::copy(numbers.begin() + static_cast<std::ptrdiff_t>(right),
                numbers.begin() + static_cast<std::ptrdiff_t>(end), rest);
    }
    std::swap(numbers, merged);
  }
  return inversions;
}

/// What all variants are made of.
struct PairCounts {
  int64_t samples = 0;
  int64_t difference = 0;  // concordant less discordant pairs
  int64_t ordered = 0;     // both together
  Ties preds, target;
};

/// Knight's algorithm: samples sorted by predictions, then by targets, have as many discordant pairs as there are
/// targets in descending order.
PairCounts pair_counts(const Tensor& preds, const Tensor& target) {
  const std::vector<uint32_t> x = regression::ordered_codes(preds), y = regression::ordered_codes(target);
  std::vector<uint64_t> items(x.size()), other(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) items[i] = uint64_t{x[i]} << 32 | y[i];
  const std::span<const uint64_t> sorted =
      kernels::radix_sorted(std::span(items), std::span(other), [](uint64_t item) { return item; });
  PairCounts counts;
  counts.samples = static_cast<int64_t>(x.size());
  counts.preds = ties_in(sorted, [](uint64_t item) { return item >> 32; });
  const int64_t in_both = ties_in(sorted, [](uint64_t item) { return item; }).pairs;
  std::vector<uint32_t> by_preds(sorted.size());
  std::transform(sorted.begin(), sorted.end(), by_preds.begin(),
                 [](uint64_t item) { return static_cast<uint32_t>(item); });
  const int64_t discordant = sort_counting_inversions(by_preds);
  counts.target = ties_in(std::span<const uint32_t>(by_preds), [](uint32_t code) { return code; });
  const int64_t pairs = counts.samples * (counts.samples - 1) / 2;
  counts.ordered = pairs - counts.preds.pairs - counts.target.pairs + in_both;
  counts.difference = counts.ordered - 2 * discordant;
  return counts;
}

double tau(const PairCounts& counts, KendallVariant variant) {
  const auto difference = static_cast<double>(counts.difference);
  const auto n = static_cast<double>(counts.samples);
  const auto denominator = [&] {
    if (variant == KendallVariant::A) return static_cast<double>(counts.ordered);
    if (variant == KendallVariant::B) {
      const int64_t pairs = counts.samples * (counts.samples - 1) / 2;
      return std::sqrt(static_cast<double>(pairs - counts.preds.pairs)) *
             std::sqrt(static_cast<double>(pairs - counts.target.pairs));
    }
    const auto distinct = static_cast<double>(std::min(counts.preds.distinct, counts.target.distinct));
    return (distinct - 1) / distinct * n * n / 2;
  }();
  return std::clamp(difference / denominator, -1.0, 1.0);
}

/// The probability that a normal variable is below x: of small ones by the series of the error function, of others by
/// the continued fraction of its complement (Abramowitz, Stegun, 7.1.6 and 7.1.14).
double normal_probability(double x) {
  constexpr double root_of_2 = 1.4142135623730951, root_of_pi = 1.7724538509055160;
  const double z = std::abs(x) / root_of_2;
  double upper;  // erfc(z) / 2
  if (z < 2) {
    double term = z, sum = z;
    for (int i = 1; i < 60; ++i) {
      term = term * (2 * z * z) / (2 * i + 1);
      sum += term;
    }
    upper = 0.5 - sum * kernels::exponential(-z * z) / root_of_pi;
  } else {
    double fraction = z;
    for (int i = 80; i > 0; --i) fraction = z + (i / 2.0) / fraction;
    upper = kernels::exponential(-z * z) / fraction / root_of_pi / 2;
  }
  return x < 0 ? upper : 1 - upper;
}

double probability(const PairCounts& counts, KendallVariant variant, Alternative alternative) {
  const auto n = static_cast<double>(counts.samples);
  const double pairs = n * (n - 1), base = pairs * (2 * n + 5);
  const double variance = [&] {
    if (variant == KendallVariant::A) return base / 18;
    const double products = counts.preds.of_three * counts.target.of_three / (9 * pairs * (n - 2));
    const double of_ties =
        2 * static_cast<double>(counts.preds.pairs) * static_cast<double>(counts.target.pairs) / pairs;
    return (base - counts.preds.weighted - counts.target.weighted) / 18 + of_ties + products;
  }();
  const double deviation = static_cast<double>(counts.difference) / std::sqrt(variance);
  if (std::isnan(deviation)) return no_value;
  switch (alternative) {
    case Alternative::Less:
      return normal_probability(deviation);
    case Alternative::Greater:
      return normal_probability(-deviation);
    case Alternative::TwoSided:
    case Alternative::None:
      break;
  }
  return std::min(1.0, 2 * normal_probability(-std::abs(deviation)));
}

/// Rows [N, outputs] of floating numbers.
Tensor as_columns(const Tensor& numbers, int64_t outputs) {
  return (numbers.is_floating_point() ? numbers : numbers.to(at::kDouble)).reshape({-1, outputs});
}

}  // namespace

namespace definitions {

void KendallRankCorrCoef::check(const Options& options) {
  families::pairs::check_num_outputs(options.num_outputs);
  if (!options.t_test || options.alternative != Alternative::None) return;
  throw InvalidArgument("alternative: a test (t_test=True) needs 'two-sided', 'less' or 'greater', got None");
}

void KendallRankCorrCoef::declare(States& states, const Options&) {
  for (const char* state : {"preds", "target"}) states.add(state, Reduction::Cat);
}

void KendallRankCorrCoef::update(States& states, const Options& options, const Tensor& preds, const Tensor& target) {
  const int64_t outputs = options.num_outputs;
  families::pairs::check_pairs(preds, target);
  if (outputs > 1 || preds.dim() != 1) families::pairs::check_outputs(preds, outputs);
  regression::append_pairs(states, as_columns(preds, outputs), as_columns(target, outputs));
}

regression::KendallValue KendallRankCorrCoef::finalise(const States& states, const Options& options) {
  const State &preds = states["preds"], &target = states["target"];
  Tensor values = at::full({options.num_outputs}, no_value, at::kDouble), tests = values.clone();
  for (int64_t column = 0; preds.rows() > 0 && column < options.num_outputs; ++column) {
    const Tensor x = regression::column_in(preds, column), y = regression::column_in(target, column);
    if (regression::has_nan(x) || regression::has_nan(y)) continue;
    const PairCounts counts = pair_counts(x, y);
    values.mutable_data_ptr<double>()[column] = tau(counts, options.variant);
    if (!options.t_test) continue;
    tests.mutable_data_ptr<double>()[column] = probability(counts, options.variant, options.alternative);
  }
  using families::pairs::of_outputs;
  if (!options.t_test) return of_outputs(values);
  return std::vector<Tensor>{of_outputs(values), of_outputs(tests)};
}

std::string KendallRankCorrCoef::update_key(const Options& options) {
  return "KendallRankCorrCoef(num_outputs=" + std::to_string(options.num_outputs) + ")";
}

void KendallRankCorrCoef::complete_from_torchmetrics(States& states, const Options& options) {
  for (const char* kept : {"preds", "target"}) {
    State& state = states[kept];
    // torchmetrics keeps integers as such.
    if (state.rows() > 0 && !state.tensor().is_floating_point() && !state.tensor().is_complex()) {
      state.assign(state.tensor().to(at::kDouble), {}, {});
    }
  }
  regression::check_kept_pairs(states, {options.num_outputs});
}

regression::KendallValue KendallRankCorrCoef::functional_value(const Tensor& preds, const Tensor& target,
                                                               const KendallRankCorrCoefFunctionalOptions& options,
                                                               const Rows& rows) {
  const Options of_columns{.variant = options.variant,
                           .t_test = options.t_test,
                           .alternative = options.alternative,
                           .num_outputs = preds.dim() == 2 ? preds.size(1) : 1};
  return MetricOf<KendallRankCorrCoef>::value_of(of_columns, {preds, target}, rows);
}

}  // namespace definitions

METRICS_DEFINE_CLASS(KendallRankCorrCoef);

}  // namespace metrics
