#include "classification/checks.h"
#include "classification/counts/elements.h"
#include "classification/counts/inputs.h"
#include "classification/row_sums.h"
#include "core/loaded_states.h"
#include "families/numbers.h"
#include "kernels/fastest.h"
#include <metrics/classification/ranking.h>
#include <metrics/core/define.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <numeric>
#include <type_traits>
#include <vector>

namespace metrics {

namespace classification::ranking {

namespace {

using counts::kernels::Ignored;
using counts::kernels::Wide;

/// A sample's labels that are not left out: their scores, and whether each is yes, 1 or 0.
template <class T>
struct Labels {
  const T* scores;
  const int32_t* yes;
  int64_t count;
  int64_t positives;

  bool all_alike() const { return positives == 0 || positives == count; }
};

/// How many labels have a score of at least `least`, and how many of them are yes.
struct AtLeast {
  int64_t all, yes;
};
template <class T>
METRICS_INLINE AtLeast at_least(const Labels<T>& labels, T least) {
  int32_t all = 0, yes = 0;
  for (int64_t i = 0; i < labels.count; ++i) {
    const int32_t above = labels.scores[i] >= least;
    all += above;
    yes += above & labels.yes[i];
  }
  return {all, yes};
}

/// Calls take(found, ties) with what is at least as high as each score of a yes, `ties` being how many of these have
/// it.
template <class T, class Take>
METRICS_INLINE void each_yes(const Labels<T>& labels, std::vector<int64_t>& order, const Take& take) {
  // Counting takes labels for each yes; sorting, all of them once.
  constexpr int64_t few = 16;
  if (labels.positives <= few) {
    for (int64_t i = 0; i < labels.count; ++i) {
      if (labels.yes[i] != 0) take(at_least(labels, labels.scores[i]), int64_t{1});
    }
    return;
  }
  order.resize(static_cast<std::size_t>(labels.count));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return labels.scores[a] > labels.scores[b]; });
  AtLeast found{0, 0};
  for (int64_t begin = 0, end = 0; begin < labels.count; begin = end) {
    const T score = labels.scores[order[static_cast<std::size_t>(begin)]];
    int64_t ties = 0;
    for (; end < labels.count && labels.scores[order[static_cast<std::size_t>(end)]] == score; ++end) {
      ties += labels.yes[order[static_cast<std::size_t>(end)]];
    }
    found = {end, found.yes + ties};
    if (ties > 0) take(found, ties);
  }
}

template <class Score, class T>
METRICS_INLINE double value_of(const Labels<T>& labels, std::vector<int64_t>& order) {
  if constexpr (std::is_same_v<Score, scores::CoverageError>) {
    if (labels.positives == 0) return 0;
    T least = std::numeric_limits<T>::infinity();
    for (int64_t i = 0; i < labels.count; ++i) {
      const T score = labels.yes[i] != 0 ? labels.scores[i] : std::numeric_limits<T>::infinity();
      least = score < least ? score : least;
    }
    return static_cast<double>(at_least(labels, least).all);
  } else if constexpr (std::is_same_v<Score, scores::RankingAveragePrecision>) {
    if (labels.all_alike()) return 1;
    double sum = 0;
    each_yes(labels, order, [&](const AtLeast& found, int64_t ties) {
      sum += static_cast<double>(ties) * (static_cast<double>(found.yes) / static_cast<double>(found.all));
    });
    return sum / static_cast<double>(labels.positives);
  } else {
    if (labels.all_alike()) return 0;
    int64_t wrong = 0;
    each_yes(labels, order, [&](const AtLeast& found, int64_t ties) { wrong += ties * (found.all - found.yes); });
    const auto pairs = static_cast<double>(labels.positives) * static_cast<double>(labels.count - labels.positives);
    return static_cast<double>(wrong) / pairs;
  }
}

METRICS_INLINE float widened(float x) {
  return x;
}
METRICS_INLINE double widened(double x) {
  return x;
}
template <class Half>
METRICS_INLINE float widened(Half x) {
  return metrics::kernels::wide(x);
}

/// What was seen among the labels that are not ignored.
struct Seen {
  bool nan = false, invalid = false;
};

/// Values rows [begin, end), those that have labels, and says what was seen in them.
template <class Score, class E>
METRICS_INLINE Seen take_rows(const E* x, const int64_t* target, int64_t begin, int64_t end, int64_t labels,
                              Ignored ignored, RowValues& rows, Wide<E>* scores, int32_t* yes,
                              std::vector<int64_t>& order) {
  using T = Wide<E>;
  int32_t nan = 0, invalid = 0;
  for (int64_t row = begin; row < end; ++row) {
    const E* const given = x + row * labels;
    const int64_t* const goal = target + row * labels;
    int64_t count = 0, positives = 0;
    for (int64_t i = 0; i < labels; ++i) {
      const bool asked = !ignored(goal[i]), label = static_cast<uint64_t>(goal[i]) <= 1;
      const T score = widened(given[i]);
      invalid |= asked & !label;
      nan |= asked & (score != score);
      scores[count] = score == score ? score : -std::numeric_limits<T>::infinity();
      yes[count] = goal[i] == 1;
      const bool taken = asked & label;
      positives += taken & (goal[i] == 1);
      count += taken;
    }
    if (count == 0) continue;
    const auto index = static_cast<std::size_t>(row);
    rows.values[index] = value_of<Score>(Labels<T>{scores, yes, count, positives}, order);
    rows.taken[index] = 1;
  }
  return {nan != 0, invalid != 0};
}

/// Scores or labels [N, L, ...] as rows [rows, L] in memory that can be read, on the CPU.
Tensor rows_of(const Tensor& tensor, int64_t labels) {
  const Tensor rows = tensor.dim() == 2 ? tensor : tensor.movedim(1, -1).reshape({-1, labels});
  const Tensor here = rows.to(at::kCPU);
  return (here.is_neg() || here._is_zerotensor() ? here.clone() : here).contiguous();
}

template <class Score>
Seen take_all(const Tensor& scores, const Tensor& goals, int64_t labels, Ignored ignored, RowValues& rows) {
  const auto* goal = goals.const_data_ptr<int64_t>();
  std::mutex folding;
  Seen seen;
  metrics::kernels::with_element(
      scores.const_data_ptr(), metrics::kernels::element_of(scores.scalar_type()), [&]<class E>(const E* x) {
        metrics::kernels::parallel(scores.size(0), 4 * labels, [&](int64_t begin, int64_t end) {
          const auto size = static_cast<std::size_t>(labels);
          std::vector<Wide<E>> of_row(size);
          std::vector<int32_t> yes(size);
          std::vector<int64_t> order;
          Seen found;
          metrics::kernels::fastest([&]() METRICS_INLINED {
            found =
                take_rows<Score>(x, goal, begin, end, labels, ignored, rows, of_row.data(), yes.data(), order);
          });
          const std::lock_guard lock(folding);
          seen.nan |= found.nan;
          seen.invalid |= found.invalid;
        });
      });
  return seen;
}

}  // namespace
}  // namespace classification::ranking

using namespace classification;
using namespace classification::ranking;

template <class Score>
void RankedLabels<Score>::check(const Options& o) {
  check_at_least("num_labels", o.num_labels, o.validate_args ? 2 : 1);
}

template <class Score>
void RankedLabels<Score>::declare(States& states, const Options&) {
  states.add("measure", Reduction::Sum, at::zeros({}, at::kFloat));
  states.add("total", Reduction::Sum, at::zeros({}, at::kFloat));
}

template <class Score>
void RankedLabels<Score>::update(States& states, const Options& o, const Tensor& preds, const Tensor& target,
                                 const Weights& weights) {
  const counts::ThresholdRule rule{0.5, o.ignore_index, o.validate_args};
  const int64_t labels = o.num_labels;
  counts::check_multilabel(preds, target, labels, rule);
  if (!preds.is_floating_point())
    throw InvalidArgument(c10::str("preds: expected floating scores, got ", preds.scalar_type()));
  const Tensor scores = rows_of(preds, labels), goals = rows_of(target.to(at::kLong), labels);
  RowValues rows(scores.size(0), 1);
  const Seen seen = take_all<Score>(scores, goals, labels, Ignored(o.ignore_index), rows);
  if (o.validate_args && (seen.nan || seen.invalid)) counts::throw_bad_label(preds, target, rule);
  states["measure"].add(sums_of(rows, weights));
  families::pairs::CountToAdd(states, "total", number_of(rows.taken, weights)).add();
}

template <class Score>
Tensor RankedLabels<Score>::finalise(const States& states, const Options&) {
  const auto mean = [](const auto& sum, const auto& total) { return sum / total; };
  return families::value_of(mean, states["measure"].tensor(), states["total"].tensor());
}

METRICS_DEFINE_CLASS(MultilabelCoverageError);
METRICS_DEFINE_CLASS(MultilabelRankingAveragePrecision);
METRICS_DEFINE_CLASS(MultilabelRankingLoss);

}  // namespace metrics
