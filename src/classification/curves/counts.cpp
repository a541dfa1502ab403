#include "bins.h"
#include "classification/readings.h"
#include "kernels.h"
#include "kernels/math.h"
#include "kernels/parallel.h"
#include "made_of_points.h"
#include "plain.h"
#include "ranged.h"
#include "sorted_scores.h"
#include "weight_sums.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace metrics::classification::curves {
namespace {

using metrics::kernels::Element;
using metrics::kernels::number_of;
using metrics::kernels::ordered_bits;

// --- Exact.

/// Begins what is made of the curve of all scores.
template <class To, class Number>
void begin_whole(To& to, const Number& positives, const Number& negatives, std::size_t most) {
  to.begin(positives, negatives, most);
  if constexpr (requires { to.begin_at_nothing(); }) to.begin_at_nothing();
}

/// Makes a curve of sorted items.
template <class To, class Item, class Key>
void go_through(std::span<const Item> items, const Places<Key>& places, const AsThreshold& as_threshold, To& to) {
  if constexpr (std::is_same_v<To, ToRocArea<int64_t>>) {
    to.area = area_of(items);
  } else {
    int64_t positives = 0;
    for (const Item item : items) positives += is_yes(item);
    begin_whole(to, positives, static_cast<int64_t>(items.size()) - positives, items.size());
    each_place(items, [&](int64_t tp, int64_t fp, Item place) {
      to.add(tp, fp,
             [&] { return as_threshold(static_cast<double>(number_of(places.key_at(static_cast<Key>(place))))); });
    });
  }
}

/// Counts items of a column: each once.
struct Ones {
  using Number = int64_t;

  static int64_t of(uint128) { return 1; }
};
/// By what their rows weigh.
struct ByWeight {
  using Number = DoubleDouble;
  const double* weights;

  double of(uint128 item) const { return weights[row_of(item)]; }
};

/// What all items count, those whose target is yes and the others.
template <class Counting>
struct Totals {
  using Number = typename Counting::Number;
  Number positives{}, negatives{};

  void add(const Counting& counting, uint128 item) {
    Number& sum = is_yes(item) != 0 ? positives : negatives;
    sum = sum + counting.of(item);
  }
};

template <class Counting>
Totals<Counting> totals_of(const Counting& counting, std::span<const uint128> items) {
  Totals<Counting> totals;
  for (std::size_t i = items.size(); i > 0; --i) totals.add(counting, items[i - 1]);
  return totals;
}

/// So far ahead is asked for what a row weighs: they are read in the order of scores, which is none of theirs.
inline constexpr std::size_t weights_ahead = 24;

/// Calls take(item, is yes, weight in units of its class) for all items, from the greatest. `in_items`: whether they
/// hold weights, else rows.
template <bool in_items, class Item, class F>
METRICS_INLINE void each_weight(std::span<const Item> items, const ColumnWeights& weights, const F& take) {
  for (std::size_t i = items.size(); i > 0; --i) {
    const Item item = items[i - 1];
    const bool yes = is_yes(item) != 0;
    if constexpr (in_items) {
      take(item, yes, weights.in_units(weight_in(item), yes));
    } else {
      weights.prefetch(row_in(items[i > weights_ahead ? i - 1 - weights_ahead : 0]));
      take(item, yes, weights.in_units(weights.weight(row_in(item)), yes));
    }
  }
}

/// The area by weights, as `area_of_any` has it by counts. `lack`: whether weights have a part below the unit, which is
/// added up beside the wholes.
template <bool lack, bool in_items, class Item>
RocArea weighted_area(std::span<const Item> items, const ColumnWeights& weights) {
  // Of all that was met, and of that at the same place: whole units, and fractions of them; twice the area in units of
  // both classes.
  uint64_t positives = 0, positives_here = 0, negatives = 0, negatives_here = 0;
  uint64_t positive_rests = 0, positive_rests_here = 0, negative_rests = 0, negative_rests_here = 0;
  uint128 twice = 0;
  double lacking = 0;
  const auto number_of = [](uint64_t sum) { return static_cast<double>(static_cast<int64_t>(sum)); };
  Item last = ~items.back();
  each_weight<in_items>(items, weights, [&](Item item, bool yes, double in_units) {
    const WeightInUnits weight = WeightUnit::split(in_units);
    const uint64_t same_place = (item ^ last) >> bits_of_row<Item> == 0 ? ~uint64_t{0} : 0;
    const uint64_t if_no = static_cast<uint64_t>(yes) - 1, if_yes = ~if_no;
    last = item;
    positives_here &= same_place;
    negatives_here &= same_place;
    const uint64_t beside = (negatives_here & if_yes) | ((2 * positives - positives_here) & if_no);
    twice += static_cast<uint128>(weight.whole) * beside;
    positives += weight.whole & if_yes;
    positives_here += weight.whole & if_yes;
    negatives += weight.whole & if_no;
    negatives_here += weight.whole & if_no;
    if constexpr (lack) {
      const uint64_t rest = WeightUnit::in_fractions(weight.rest);
      positive_rests_here &= same_place;
      negative_rests_here &= same_place;
      const uint64_t rests_beside =
          (negative_rests_here & if_yes) | ((2 * positive_rests - positive_rests_here) & if_no);
      lacking += in_units * number_of(rests_beside) + number_of(rest) * number_of(beside);
      positive_rests += rest & if_yes;
      positive_rests_here += rest & if_yes;
      negative_rests += rest & if_no;
      negative_rests_here += rest & if_no;
    }
  });
  const double of_positives = weights.none(true).unit, of_negatives = weights.none(false).unit;
  const auto sum_of = [&](uint64_t whole, uint64_t rests, double unit) {
    return rounded(WeightSum{whole, number_of(rests) / WeightUnit::fractions, unit});
  };
  return {sum_of(positives, positive_rests, of_positives), sum_of(negatives, negative_rests, of_negatives),
          (static_cast<double>(twice) + lacking / WeightUnit::fractions) / 2 * of_positives * of_negatives};
}

template <class Number>
Number number_of_sum(const WeightSum& sum) {
  if constexpr (std::is_same_v<Number, WeightSum>) {
    return sum;
  } else {
    return double_double_of(sum);
  }
}

/// What is made of the curve by weights. Ties add up before they make a point.
template <bool in_items, template <class> class To, class Number, class Item, class Key>
void go_through_weights(std::span<const Item> items, const ColumnWeights& weights, const Places<Key>& places,
                        const AsThreshold& as_threshold, To<Number>& to) {
  if constexpr (is_roc_area<To>) {
    const RocArea area =
        weights.lack() ? weighted_area<true, in_items>(items, weights) : weighted_area<false, in_items>(items, weights);
    to.area = {{area.positives, 0}, {area.negatives, 0}, {2 * area.area, 0}};
  } else {
    WeightSum of_class[2] = {weights.none(false), weights.none(true)};
    each_weight<in_items>(items, weights, [&](Item, bool yes, double in_units) {
      const WeightInUnits weight = WeightUnit::split(in_units);
      for (const bool kind : {false, true}) {
        const uint64_t counts = kind == yes ? ~uint64_t{0} : 0;
        of_class[kind].whole += weight.whole & counts;
        of_class[kind].rest += std::bit_cast<double>(std::bit_cast<uint64_t>(weight.rest) & counts);
      }
    });
    begin_whole(to, number_of_sum<Number>(of_class[1]), number_of_sum<Number>(of_class[0]), items.size());
    WeightSum tp = weights.none(true), fp = weights.none(false);
    std::size_t left = items.size();
    each_weight<in_items>(items, weights, [&](Item item, bool yes, double in_units) {
      const WeightInUnits weight = WeightUnit::split(in_units);
      const uint64_t if_no = static_cast<uint64_t>(yes) - 1, if_yes = ~if_no;
      const uint64_t rest = std::bit_cast<uint64_t>(weight.rest);
      tp.add({weight.whole & if_yes, std::bit_cast<double>(rest & if_yes)});
      fp.add({weight.whole & if_no, std::bit_cast<double>(rest & if_no)});
      --left;
      const Item place = item >> bits_of_row<Item>;
      if (left > 0 && items[left - 1] >> bits_of_row<Item> == place) return;
      to.add(number_of_sum<Number>(tp), number_of_sum<Number>(fp),
             [&] { return as_threshold(static_cast<double>(number_of(places.key_at(static_cast<Key>(place))))); });
    });
  }
}

/// The curve of a column whose rows weigh.
template <template <class> class To, class Number, class T>
void go_through_weighted(const Column<T>& column, const AsThreshold& as_threshold, To<Number>& to) {
  using Key = decltype(ordered_bits(T(0)));
  if (column.scores.empty()) return begin_whole(to, Number{}, Number{}, 0);
  const Places<Key> places(kernels::key_range(column.scores));
  const ColumnWeights weights(column.weights, column.yes.data(), column.scores.size());
  constexpr int short_bits = bits_of_row<uint64_t>;
  if (places.bits() <= short_bits && !weights.wide()) {
    const auto by_place = weights_by_place(column, places);
    return go_through_weights<true, To, Number>(by_place.items, weights, places, as_threshold, to);
  }
  const auto curve = [&]<class Item>(Item) {
    const auto by_place = rows_by_place_in<Item>(column, places);
    go_through_weights<false, To, Number>(by_place.items, weights, places, as_threshold, to);
  };
  const bool is_short = places.bits() <= short_bits && column.scores.size() < std::size_t{1} << (short_bits - 1);
  is_short ? curve(uint64_t{}) : curve(uint128{});
}

/// The same for whatever is made of it, because to sort takes much code.
template <class Item, class T, class Key>
Sorted<Item> scores_by_place(const Column<T>& column, const Places<Key>& places) {
  return curves::sorted<Item>(column.scores.size(), places.bits(), [&](std::span<Item> items) {
    kernels::rank(column.scores, column.yes.data(), places, items.data());
  });
}

template <class To, class T>
void go_through_once(const Column<T>& column, const AsThreshold& as_threshold, To& to) {
  using Key = decltype(ordered_bits(T(0)));
  using Wider = std::conditional_t<sizeof(Key) == 4, uint64_t, uint128>;
  if (column.scores.empty()) return go_through<To, Key, Key>({}, Places<Key>({}), as_threshold, to);
  const Places<Key> places(kernels::key_range(column.scores));
  const auto curve = [&]<class Item>(Item) {
    go_through(scores_by_place<Item>(column, places).items, places, as_threshold, to);
  };
  places.bits() < static_cast<int>(8 * sizeof(Key)) ? curve(Key{}) : curve(Wider{});
}

/// Calls take(to) with what has been made of a column's curve.
template <template <class> class To, class T, class Take>
void exact_curve(const Column<T>& column, const AsThreshold& as_threshold, const Goal<To>& goal, const Take& take) {
  if (column.weights.empty()) {
    To<int64_t> to(goal);
    go_through_once(column, as_threshold, to);
    take(to);
  } else {
    // Areas of counts are products of sums of weights, which need twice their digits.
    using Number = std::conditional_t<has_counted_area<To>, DoubleDouble, WeightSum>;
    To<Number> to(goal);
    go_through_weighted<To, Number>(column, as_threshold, to);
    take(to);
  }
}

/// What logits of classes are compared with thresholds by, in the dtype of the scores: [classes, rows].
template <class T>
Tensor class_probabilities_as(const Kept& from) {
  Tensor softmax = at::empty_like(from.scores);
  kernels::softmax(from.scores.const_data_ptr<T>(), from.scores.size(0), from.scores.size(1),
                   softmax.mutable_data_ptr<T>());
  if (from.decided) softmax = at::where((from.codes < 0).unsqueeze(1), from.scores, softmax);
  return softmax.t().contiguous();
}

/// Makes the counts of a curve of classes. They are ranked by the logarithm of their softmax, which tells more of them
/// apart than the probability near 1, and reach the thresholds that their probability does not lie below. Rounding can
/// reverse the order of two probabilities; the points from one to the other then share a threshold, the least of their
/// probabilities. So each threshold is reached by what is ranked no lower than the last point that has it, and by
/// nothing else.
template <class T, class Counting>
CurveCounts curve_of_classes(const Column<double>& ranks, std::span<const T> probabilities, at::ScalarType dtype,
                             const Counting& counting) {
  if (ranks.scores.empty()) return {};
  const Places<uint64_t> places(kernels::key_range(ranks.scores));
  const auto by_place = rows_by_place(ranks, places);
  const std::span<const uint128> items = by_place.items;
  // NaN reaches no threshold.
  constexpr T kNone = -std::numeric_limits<T>::infinity(), kAll = std::numeric_limits<T>::infinity();
  const auto probability = [&](uint128 item) {
    const T p = probabilities[row_of(item)];
    return p == p ? p : kNone;
  };
  const auto threshold = [&](T p) {
    return p == kNone ? std::numeric_limits<double>::quiet_NaN() : not_above(p, dtype);
  };
  std::vector<T> greatest_to;  // the greatest probability among the items up to each
  greatest_to.reserve(items.size());
  for (const uint128 item : items) {
    greatest_to.push_back(std::max(probability(item), greatest_to.empty() ? kNone : greatest_to.back()));
  }
  ToThresholds<typename Counting::Number> to(NoGoal{});
  const Totals<Counting> all = totals_of(counting, items);
  to.begin(all.positives, all.negatives, items.size());
  CurveCounts& counts = to.made;
  Totals<Counting> above;
  T least = kAll;
  for (std::size_t i = items.size(); i > 0;) {
    const uint128 place = items[i - 1] >> kRow;
    do {
      --i;
      above.add(counting, items[i]);
      least = std::min(least, probability(items[i]));
    } while (i > 0 && items[i - 1] >> kRow == place);
    counts.tp.push_back(rounded(above.positives));
    counts.fp.push_back(rounded(above.negatives));
    if (i == 0 || greatest_to[i - 1] < least) counts.thresholds.resize(counts.tp.size(), threshold(least));
  }
  return to.result();
}

/// Makes what is wanted of counts at thresholds.
template <template <class> class To, class Take>
void take_points(CurveCounts counts, bool whole, const Goal<To>& goal, const Take& take) {
  To<double> to(goal);
  if constexpr (std::is_same_v<Made<To>, CurveCounts>) {
    to.made = std::move(counts);
  } else {
    to.begin(counts.positives, counts.negatives, counts.tp.size());
    if (whole) to.begin_at_nothing();
    for (std::size_t i = 0; i < counts.tp.size(); ++i)
      to.add(counts.tp[i], counts.fp[i], [&] { return counts.thresholds[i]; });
  }
  take(to);
}

/// Makes what is wanted of the curve of a question, and calls take(to) with it.
template <template <class> class To, class T, class Take>
void curve_of_question(const Kept& from, const Reading& reading, const KeptColumns& columns, const CurveRule& rule,
                       const Question& question, const Goal<To>& goal, const Take& take) {
  const std::span<const T> scores = columns.of<T>(columns.scores, question);
  if (!reading.rank_by) {
    return exact_curve<To>(column_of(from, scores, rule, question), reading.as_threshold, goal, take);
  }
  std::vector<double> ranks;
  ranks.reserve(scores.size());
  each_row(from, rule, question, [&](int64_t row, int32_t code) {
    ranks.push_back(reading.rank_by(static_cast<double>(scores[ranks.size()]), row, code));
  });
  const Column<double> ranked = column_of<double>(from, ranks, rule, question);
  if constexpr (needs_reading<To>) {
    if (columns.probabilities.defined()) {
      const std::span<const T> probabilities = columns.of<T>(columns.probabilities, question);
      CurveCounts counts = ranked.weights.empty() ? curve_of_classes<T>(ranked, probabilities, from.results, Ones{})
                                                  : curve_of_classes<T>(ranked, probabilities, from.results,
                                                                        ByWeight{ranked.weights.data()});
      return take_points<To>(std::move(counts), /*whole=*/true, goal, take);
    }
  }
  exact_curve<To>(ranked, reading.as_threshold, goal, take);
}

template <template <class> class To, class T>
std::vector<Made<To>> exact_curves_as(const Kept& from, const CurveRule& rule, const std::vector<Question>& questions,
                                      const Goal<To>& goal) {
  std::vector<Made<To>> curves(questions.size());
  const Reading reading = reading_of(from, rule);
  KeptColumns columns{from.scores.size(0), 0, from.scores.dim() == 2 ? from.scores.t().contiguous() : from.scores, {}};
  if (needs_reading<To> && from.logits && rule.task == Task::Multiclass)
    columns.probabilities = class_probabilities(from);
  const auto make = [&](std::size_t q) {
    curve_of_question<To, T>(from, reading, columns, rule, questions[q], goal,
                             [&](auto& to) { curves[q] = to.result(); });
  };
  // A single question is sorted by all threads.
  if (questions.size() == 1) {
    make(0);
    return curves;
  }
  kernels::parallel_for(static_cast<int64_t>(questions.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t q = begin; q < end; ++q) make(static_cast<std::size_t>(q));
  });
  return curves;
}

template <template <class> class To>
std::vector<Made<To>> exact_curves(const States& states, const CurveRule& rule, const std::vector<Question>& questions,
                                   const Goal<To>& goal) {
  const Kept from = kept(states, rule, !needs_reading<To>);
  if (!from.scores.defined()) {
    To<int64_t> to(goal);
    begin_whole(to, int64_t{0}, int64_t{0}, 0);
    return std::vector<Made<To>>(questions.size(), to.result());
  }
  return from.scores.scalar_type() == at::kDouble ? exact_curves_as<To, double>(from, rule, questions, goal)
                                                  : exact_curves_as<To, float>(from, rule, questions, goal);
}

// --- Binned.

/// Counts of buckets [thresholds, labels, 2, 2] in the order of sorted thresholds (see kernels.h).
struct Buckets {
  Tensor table, residual;  // the residual of weighted counts alone
  int64_t labels;

  int64_t index(int64_t k, int64_t label, int64_t target, int64_t above) const {
    return ((k * labels + label) * 2 + target) * 2 + above;
  }
  void read(int64_t index, int64_t& count) const { count = table.const_data_ptr<int64_t>()[index]; }
  void read(int64_t index, DoubleDouble& count) const {
    count = {table.const_data_ptr<double>()[index], residual.const_data_ptr<double>()[index]};
  }
  template <class Number>
  Number at(int64_t k, int64_t label, int64_t target, int64_t above) const {
    Number count;
    read(index(k, label, target, above), count);
    return count;
  }
};

Buckets buckets_of(const States& states, const CurvePlan& plan) {
  const State& counts = reading_that_applies(states, plan.rule().input);
  const auto here = [](const Tensor& tensor) { return tensor.to(at::kCPU).contiguous(); };
  return {here(counts.tensor()), counts.is_weighted() ? here(counts.residual()) : Tensor(), plan.rule().labels};
}

/// Counts at the sorted thresholds, from the highest to the lowest.
template <class Number>
struct BinnedCounts {
  std::vector<Number> tp, fp;
  Number positives{}, negatives{};
};

/// Those of some labels together.
template <class Number>
BinnedCounts<Number> binned_counts(const Buckets& buckets, Question question, int64_t thresholds) {
  BinnedCounts<Number> counts;
  Number tp{}, fp{};
  for (int64_t k = thresholds - 1; k >= 0; --k) {
    for (int64_t label = question.first_label; label < question.last_label; ++label) {
      tp = tp + buckets.at<Number>(k, label, 1, 1);
      fp = fp + buckets.at<Number>(k, label, 0, 1);
    }
    counts.tp.push_back(tp);
    counts.fp.push_back(fp);
  }
  counts.positives = tp;
  counts.negatives = fp;
  for (int64_t label = question.first_label; label < question.last_label; ++label) {
    counts.positives = counts.positives + buckets.at<Number>(0, label, 1, 0);
    counts.negatives = counts.negatives + buckets.at<Number>(0, label, 0, 0);
  }
  return counts;
}

/// Puts counts at sorted thresholds in the reversed order of those given.
template <class Number>
CurveCounts as_given(const BinnedCounts<Number>& ranked, const CurvePlan::Bins& bins) {
  const std::size_t size = ranked.tp.size();
  CurveCounts counts;
  counts.positives = rounded(ranked.positives);
  counts.negatives = rounded(ranked.negatives);
  counts.tp.resize(size);
  counts.fp.resize(size);
  for (std::size_t k = 0; k < size; ++k) {
    const auto given = size - 1 - static_cast<std::size_t>(bins.order[k]);
    counts.tp[given] = rounded(ranked.tp[size - 1 - k]);
    counts.fp[given] = rounded(ranked.fp[size - 1 - k]);
  }
  counts.thresholds.assign(bins.values.rbegin(), bins.values.rend());
  return counts;
}

/// What is made of counts between thresholds. An area is that of the whole curve, wherever the thresholds end: from no
/// sample let through to all of them.
template <template <class> class To, class Number>
Made<To> made_of(const BinnedCounts<Number>& ranked, const CurvePlan::Bins& bins, const Goal<To>& goal) {
  if constexpr (needs_reading<To>) {
    Made<To> made;
    take_points<To>(as_given(ranked, bins), /*whole=*/false, goal, [&](auto& to) { made = to.result(); });
    return made;
  } else {
    To<Number> to(goal);
    const auto nowhere = [] { return 0.0; };
    to.begin(ranked.positives, ranked.negatives, ranked.tp.size());
    for (std::size_t i = 0; i < ranked.tp.size(); ++i) to.add(ranked.tp[i], ranked.fp[i], nowhere);
    if constexpr (requires { To<Number>::of_whole_curve; }) to.add(ranked.positives, ranked.negatives, nowhere);
    return to.result();
  }
}

template <template <class> class To>
std::vector<Made<To>> curves_of(const States& states, const CurvePlan& plan, const std::vector<Question>& questions,
                                const Goal<To>& goal = {}) {
  if constexpr (requires { typename To<int64_t>::Part; }) {
    if (const RangedParts* parts = states.parts()) {
      return ranks_weigh(parts->facts) ? made_of_parts<To, DoubleDouble>(*parts, goal)
                                       : made_of_parts<To, int64_t>(*parts, goal);
    }
  }
  if (!plan.bins()) return exact_curves<To>(states, plan.rule(), questions, goal);
  const Buckets buckets = buckets_of(states, plan);
  std::vector<Made<To>> curves;
  const auto make = [&]<class Number>(Number) {
    for (const Question& question : questions) {
      curves.push_back(made_of<To>(binned_counts<Number>(buckets, question, plan.bins()->size()), *plan.bins(), goal));
    }
  };
  buckets.residual.defined() ? make(DoubleDouble{}) : make(int64_t{});
  return curves;
}

std::vector<Question> each_label(const CurvePlan& plan) {
  std::vector<Question> questions;
  for (int64_t label = 0; label < plan.rule().labels; ++label) questions.push_back({label, label + 1});
  return questions;
}

std::vector<Question> all_labels(const CurvePlan& plan) {
  return {{0, plan.rule().labels}};
}

}  // namespace

std::vector<CurveCounts> curve_counts(const States& states, const CurvePlan& plan) {
  return curves_of<ToThresholds>(states, plan, each_label(plan));
}

CurveCounts micro_counts(const States& states, const CurvePlan& plan) {
  return std::move(curves_of<ToThresholds>(states, plan, all_labels(plan)).front());
}

std::vector<CurveCounts> ranked_counts(const States& states, const CurvePlan& plan) {
  return curves_of<ToCounts>(states, plan, each_label(plan));
}

std::vector<RocArea> roc_areas(const States& states, const CurvePlan& plan) {
  return curves_of<ToRocArea>(states, plan, each_label(plan));
}

RocArea micro_roc_area(const States& states, const CurvePlan& plan) {
  return curves_of<ToRocArea>(states, plan, all_labels(plan)).front();
}

std::vector<PrecisionSum> precision_sums(const States& states, const CurvePlan& plan) {
  return curves_of<ToPrecisionSum>(states, plan, each_label(plan));
}

PrecisionSum micro_precision_sum(const States& states, const CurvePlan& plan) {
  return curves_of<ToPrecisionSum>(states, plan, all_labels(plan)).front();
}

std::vector<PartialArea> partial_areas(const States& states, const CurvePlan& plan, double greatest_fpr) {
  return curves_of<ToPartialArea>(states, plan, each_label(plan), greatest_fpr);
}

std::vector<EqualErrors> equal_errors(const States& states, const CurvePlan& plan) {
  return curves_of<ToEqualErrors>(states, plan, each_label(plan));
}

EqualErrors micro_equal_errors(const States& states, const CurvePlan& plan) {
  return curves_of<ToEqualErrors>(states, plan, all_labels(plan)).front();
}

std::vector<RocArea> log_areas(const States& states, const CurvePlan& plan, const std::array<double, 2>& fpr_range) {
  return curves_of<ToLogArea>(states, plan, each_label(plan), fpr_range);
}

std::vector<ChosenPoint> greatest_rates(const States& states, const CurvePlan& plan, const GreatestRate& goal) {
  return curves_of<ToGreatest>(states, plan, each_label(plan), goal);
}

Tensor class_probabilities(const Kept& from) {
  return from.scores.scalar_type() == at::kDouble ? class_probabilities_as<double>(from)
                                                  : class_probabilities_as<float>(from);
}

template <template <class> class To>
RangeBytes part_of_column(const Kept& from, const Reading& reading, const KeptColumns& columns, const CurveRule& rule,
                          const Question& question, const Goal<To>& goal) {
  RangeBytes part;
  const auto take = [&](auto& to) {
    if constexpr (requires { to.part(); }) part = bytes_of_range(to.part());
  };
  if (columns.scores.scalar_type() == at::kDouble) {
    curve_of_question<To, double>(from, reading, columns, rule, question, goal, take);
  } else {
    curve_of_question<To, float>(from, reading, columns, rule, question, goal, take);
  }
  return part;
}
#define METRICS_PART_OF_COLUMN(To)                                                                          \
  template RangeBytes part_of_column<To>(const Kept&, const Reading&, const KeptColumns&, const CurveRule&, \
                                         const Question&, const Goal<To>&)
METRICS_PART_OF_COLUMN(ToRocArea);
METRICS_PART_OF_COLUMN(ToPrecisionSum);
METRICS_PART_OF_COLUMN(ToPartialArea);
METRICS_PART_OF_COLUMN(ToEqualErrors);
METRICS_PART_OF_COLUMN(ToLogArea);
METRICS_PART_OF_COLUMN(ToGreatest);
#undef METRICS_PART_OF_COLUMN

Tensor probabilities_of(const States& states, const CurvePlan& plan) {
  const CurveRule& rule = plan.rule();
  const Tensor kept_scores = states.at(0).tensor();
  const Tensor scores = kept_scores.scalar_type() == at::kDouble ? kept_scores : kept_scores.to(at::kFloat);
  const Tensor codes = states.at(1).tensor();
  if (!are_logits(scores, codes, rule)) return scores;
  const bool classes = rule.task == Task::Multiclass;
  const Tensor normalised = classes ? plain::softmax(scores) : at::sigmoid(scores);
  return at::where(classes ? (codes < 0).unsqueeze(1) : codes < 0, scores, normalised);
}

}  // namespace metrics::classification::curves
