#include "bins.h"
#include "classification/readings.h"
#include "counted_area.h"
#include "curves.h"
#include "kernels.h"
#include "kernels/math.h"
#include "kernels/parallel.h"
#include "kernels/uint128.h"
#include "plain.h"
#include "sorting.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace metrics::classification::curves {
namespace {

using kernels::RowNorm;
using metrics::kernels::Element;
using metrics::kernels::number_of;
using metrics::kernels::ordered_bits;
using metrics::kernels::uint128;

// --- What is made of a curve, point by point from the highest threshold to the lowest: `begin(positives, negatives)`,
// --- then `add(tp, fp, threshold)`, and at the end `result()`.

template <class Number>
struct ToThresholds {
  using Made = CurveCounts;
  CurveCounts made;

  void begin(const Number& positives, const Number& negatives, std::size_t most) {
    made.positives = rounded(positives);
    made.negatives = rounded(negatives);
    made.tp.reserve(most);
    made.fp.reserve(most);
    made.thresholds.reserve(most);
  }
  template <class Threshold>
  void add(const Number& tp, const Number& fp, const Threshold& threshold) {
    made.tp.push_back(rounded(tp));
    made.fp.push_back(rounded(fp));
    made.thresholds.push_back(threshold());
  }
  CurveCounts result() { return std::move(made); }
};

template <class Number>
struct ToCounts {
  using Made = CurveCounts;
  CurveCounts made;

  void begin(const Number& positives, const Number& negatives, std::size_t) {
    made.positives = rounded(positives);
    made.negatives = rounded(negatives);
  }
  template <class Threshold>
  void add(const Number& tp, const Number& fp, const Threshold&) {
    made.tp.push_back(rounded(tp));
    made.fp.push_back(rounded(fp));
  }
  CurveCounts result() { return std::move(made); }
};

template <class Number>
struct ToRocArea {
  using Made = RocArea;
  CountedArea<Number> area;
  Number last_tp{}, last_fp{};

  void begin(const Number& positives, const Number& negatives, std::size_t) {
    area.positives = positives;
    area.negatives = negatives;
  }
  template <class Threshold>
  void add(const Number& tp, const Number& fp, const Threshold&) {
    area.add(last_tp, last_fp, tp, fp);
    last_tp = tp;
    last_fp = fp;
  }
  RocArea result() const { return area.result(); }
};

template <class Number>
struct ToPrecisionSum {
  using Made = PrecisionSum;
  PrecisionSum made;
  Number last_tp{};

  void begin(const Number& positives, const Number&, std::size_t) { made.positives = rounded(positives); }
  template <class Threshold>
  void add(const Number& tp, const Number& fp, const Threshold&) {
    if (equal(tp, last_tp)) return;
    made.sum += rounded(minus(tp, last_tp)) * (rounded(tp) / rounded(tp + fp));
    last_tp = tp;
  }
  PrecisionSum result() const { return made; }
};

template <template <class> class To>
using Made = typename To<int64_t>::Made;

template <template <class> class To>
constexpr bool is_roc_area = std::is_same_v<Made<To>, RocArea>;

/// Whether it matters how scores are read: for the order of yes-or-no questions it does not.
template <template <class> class To>
constexpr bool needs_reading = std::is_same_v<To<int64_t>, ToThresholds<int64_t>>;

// --- Exact.

/// The scores that are kept and their codes, on the CPU: float64 or float32; int32 for classes, else int8.
struct Kept {
  Tensor scores;  // [rows] or [rows, labels]
  Tensor codes;   // [rows], multilabel [rows, labels]
  Tensor weights;  // float64 [rows]; undefined where all weigh 1
  bool logits = false;
  bool decided = false;                  // whether some of the scores are known to be probabilities: see curves.h
  at::ScalarType results = at::kDouble;  // the dtype that thresholds are returned in
};

/// Whether a score lies outside [0, 1] that is neither left out nor known to be a probability (see `decided`).
bool any_outside(const Tensor& scores, const Tensor& codes, const CurveRule& rule) {
  Tensor open = codes >= 0;
  if (rule.task == Task::Multilabel) open = open & (codes != kSkipped);
  const Tensor outside = (scores < 0) | (scores > 1);
  return (rule.task == Task::Multiclass ? outside & open.unsqueeze(1) : outside & open).any().item<bool>();
}

bool are_logits(const Tensor& scores, const Tensor& codes, const CurveRule& rule) {
  if (rule.input != ScoreInput::Auto) return rule.input == ScoreInput::Logits;
  // The extremes of all scores are enough where they lie within [0, 1]; else some of them may be left out.
  if (scores.numel() == 0 || (scores.min().ge(0) & scores.max().le(1)).item<bool>()) return false;
  return any_outside(scores, codes, rule);
}

Kept kept(const States& states, const CurveRule& rule, bool order_tells) {
  Kept result;
  result.results = states.dtype();
  if (states.at(0).rows() == 0) return result;
  result.scores = states.at(0).tensor().to(at::kCPU);
  if (result.scores.scalar_type() != at::kDouble) result.scores = result.scores.to(at::kFloat);
  result.scores = result.scores.contiguous();
  const at::ScalarType codes = rule.task == Task::Multiclass ? at::kInt : at::kChar;
  result.codes = states.at(1).tensor().to(at::kCPU, codes).contiguous();
  if (const State* weights = states.row_weights(); weights != nullptr && weights->rows() > 0) {
    result.weights = weights->tensor().to(at::kCPU, at::kDouble).contiguous();
  }
  result.decided = result.codes.min().item<int64_t>() < 0;
  const bool reads = !order_tells || result.decided || rule.task == Task::Multiclass;
  result.logits = reads && are_logits(result.scores, result.codes, rule);
  return result;
}

double sigmoid(double x) {
  return 1 / (1 + metrics::kernels::exponential(-x));
}

/// The logit of a probability.
double logit(double p) {
  return metrics::kernels::logarithm(p) - metrics::kernels::logarithm_of_one_plus(-p);
}

int64_t label_of(int32_t code) {
  return code < 0 ? -1 - code : code;
}

/// What is asked: about the scores of one label, or about those of several as one question.
struct Question {
  int64_t first_label, last_label;
  int64_t size() const { return last_label - first_label; }
};

/// The greatest number of a half type that is not above `x`.
template <class Half>
double half_not_above(double x) {
  Half rounded(static_cast<float>(x));
  if (static_cast<double>(static_cast<float>(rounded)) > x) {
    constexpr uint16_t kLeastNegative = 0x8001;
    const bool negative = x < 0;
    rounded.x = (rounded.x & 0x7fff) == 0 ? kLeastNegative : static_cast<uint16_t>(rounded.x + (negative ? 1 : -1));
  }
  return static_cast<double>(static_cast<float>(rounded));
}

/// The greatest number of a floating dtype that is not above `x`.
double not_above(double x, at::ScalarType dtype) {
  if (dtype == at::kHalf) return half_not_above<at::Half>(x);
  if (dtype == at::kBFloat16) return half_not_above<at::BFloat16>(x);
  if (dtype != at::kFloat) return x;
  const auto rounded = static_cast<float>(x);
  constexpr float kBelow = -std::numeric_limits<float>::infinity();
  return static_cast<double>(rounded) > x ? std::nextafter(rounded, kBelow) : rounded;
}

/// Makes a threshold of what a score is ranked by: its probability, computed as for counts between thresholds, and
/// rounded down to the dtype of the result, so that the score reaches this threshold when it is given to a binned
/// curve.
struct AsThreshold {
  double (*probability)(double);
  bool in_float;  ///< Whether the scores, and so their probabilities, are.
  at::ScalarType dtype;

  double operator()(double rank) const {
    const double exact = probability(rank);
    return not_above(in_float ? static_cast<float>(exact) : exact, dtype);
  }
};

/// The scores of a question that are not left out, and for each whether its target is yes, and what it weighs.
template <class T>
struct Column {
  std::vector<T> taken;  // empty where no score is left out, and the kept ones are read where they lie
  std::vector<uint8_t> yes;
  std::span<const T> scores;
  std::vector<double> weights;  // empty where all weigh 1
};

/// Calls f(label, its codes, their stride, rows) for the labels of a question.
template <class F>
void each_label(const Kept& from, const CurveRule& rule, Question question, const F& f) {
  const int64_t stride = rule.task == Task::Multilabel ? rule.labels : 1;
  const int64_t rows = from.codes.numel() / stride;
  const auto go = [&](const auto* codes) {
    for (int64_t label = question.first_label; label < question.last_label; ++label) {
      f(label, codes + (stride > 1 ? label : 0), stride, rows);
    }
  };
  if (rule.task == Task::Multiclass) {
    go(from.codes.const_data_ptr<int32_t>());
  } else {
    go(from.codes.const_data_ptr<int8_t>());
  }
}

/// Calls f(row, code) for all of a question's rows, label by label.
template <class F>
void each_row(const Kept& from, const CurveRule& rule, Question question, const F& f) {
  each_label(from, rule, question, [&](int64_t, const auto* codes, int64_t stride, int64_t rows) {
    for (int64_t row = 0; row < rows; ++row) f(row, int32_t{codes[row * stride]});
  });
}

/// Notes which targets are `yes`, and returns whether any is `skipped`.
template <class Code>
bool mark_yes(const Code* __restrict codes, int64_t stride, int64_t rows, Code yes, Code skipped,
              uint8_t* __restrict marks) {
  uint8_t skips = 0;
  for (int64_t row = 0; row < rows; ++row) {
    const Code code = codes[row * stride];
    const auto target = static_cast<Code>(code < 0 ? ~code : code);
    marks[row] = target == yes;
    skips |= target == skipped;
  }
  return skips != 0;
}

/// The column of a question, from the scores of its labels.
template <class T>
Column<T> column_of(const Kept& from, std::span<const T> scores, const CurveRule& rule, Question question) {
  const bool classes = rule.task == Task::Multiclass;
  Column<T> column{{}, std::vector<uint8_t>(scores.size()), scores, {}};
  uint8_t* yes = column.yes.data();
  bool skips = false;
  each_label(from, rule, question, [&]<class Code>(int64_t label, const Code* codes, int64_t stride, int64_t rows) {
    const int64_t wanted = classes ? label : 1, skipped = classes ? -1 : kSkipped;  // no target is below 0
    skips |= mark_yes(codes, stride, rows, static_cast<Code>(wanted), static_cast<Code>(skipped), yes);
    yes += rows;
  });
  if (from.weights.defined()) {
    const double* const of_rows = from.weights.const_data_ptr<double>();
    for (int64_t label = question.first_label; label < question.last_label; ++label) {
      column.weights.insert(column.weights.end(), of_rows, of_rows + from.weights.numel());
    }
  }
  if (!skips) return column;
  yes = column.yes.data();
  std::size_t row = 0, used = 0;
  column.taken.resize(scores.size());
  each_row(from, rule, question, [&](int64_t, int32_t code) {
    column.taken[used] = scores[row];
    yes[used] = yes[row];
    if (!column.weights.empty()) column.weights[used] = column.weights[row];
    ++row;
    used += label_of(code) != kSkipped;
  });
  column.scores = std::span(column.taken).first(used);
  return column;
}

template <class Item>
int64_t is_yes(Item item) {
  return static_cast<int64_t>(item & 1);
}

/// Calls f(tp, fp, place) for what lies at or above each place, from the greatest.
template <class Item, class F>
void each_place(std::span<const Item> items, const F& f) {
  int64_t tp = 0;
  for (std::size_t i = items.size(); i > 0;) {
    const Item place = items[i - 1] >> 1;
    do {
      tp += is_yes(items[--i]);
    } while (i > 0 && items[i - 1] >> 1 == place);
    f(tp, static_cast<int64_t>(items.size() - i) - tp, place);
  }
}

/// The same area as from CountedArea::add, in a loop without branches: twice the area is the sum over the negatives of
/// twice the positives at greater places, plus the positives at the same one. Of a pair at one place the sum is taken
/// when the second of both is met.
template <class Item>
CountedArea<int64_t> area_of_any(std::span<const Item> items) {
  CountedArea<int64_t> area;
  uint64_t positives = 0, positives_here = 0, negatives_here = 0;
  Item last = ~items.back();
  for (std::size_t i = items.size(); i > 0;) {
    const Item item = items[--i];
    const uint64_t same_place = (item ^ last) >> 1 == 0 ? ~uint64_t{0} : 0;
    const uint64_t no = (static_cast<uint64_t>(item) & 1) - 1;  // all bits set, or none
    last = item;
    positives_here &= same_place;
    negatives_here &= same_place;
    area.twice += (negatives_here & ~no) | ((2 * positives - positives_here) & no);
    positives += no + 1;
    positives_here += no + 1;
    negatives_here -= no;
  }
  area.positives = static_cast<int64_t>(positives);
  area.negatives = static_cast<int64_t>(items.size()) - area.positives;
  return area;
}

/// The same where few items share a place, by ranks: in a sorted chunk a positive is above as many negatives as lie
/// before it. Where the two items of a pair share a place they count as half of that, wherever they lie.
template <class Item>
CountedArea<int64_t> area_of_chunk(std::span<const Item> items) {
  if constexpr (sizeof(Item) > 8) {
    return area_of_any(items);
  } else {
    const auto ranks = kernels::rank_sum(items);
    if (!ranks) return area_of_any(items);
    CountedArea<int64_t> area;
    area.positives = ranks->positives;
    area.negatives = static_cast<int64_t>(items.size()) - area.positives;
    // All that lie before the positives, but for other positives.
    const auto positives = static_cast<uint64_t>(area.positives);
    area.twice = 2 * ranks->sum - positives * (positives - 1) + static_cast<uint64_t>(ranks->halves);
    return area;
  }
}

/// The area in chunks, by all threads. Items at one place are in one chunk, because their pairs are counted there.
template <class Item>
CountedArea<int64_t> area_of(std::span<const Item> items) {
  constexpr std::size_t kChunk = 65536;
  std::vector<std::size_t> ends;
  for (std::size_t end = 0; end < items.size();) {
    end = std::min(end + kChunk, items.size());
    const auto rest = items.begin() + static_cast<std::ptrdiff_t>(end);
    const auto lower = [](Item a, Item b) { return a >> 1 < b >> 1; };
    end = static_cast<std::size_t>(std::upper_bound(rest, items.end(), items[end - 1], lower) - items.begin());
    ends.push_back(end);
  }
  std::vector<CountedArea<int64_t>> areas(ends.size());
  kernels::parallel_for(static_cast<int64_t>(ends.size()), 1, [&](int64_t first, int64_t last) {
    for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
      const std::size_t begin = i == 0 ? 0 : ends[i - 1];
      areas[i] = area_of_chunk(items.subspan(begin, ends[i] - begin));
    }
  });
  CountedArea<int64_t> area;
  for (auto part = areas.rbegin(); part != areas.rend(); ++part) area.add_lower(*part);
  return area;
}

/// Makes a curve of sorted items.
template <template <class> class To, class Item, class Key>
Made<To> gone_through(std::span<const Item> items, const Places<Key>& places, const AsThreshold& as_threshold) {
  if constexpr (is_roc_area<To>) {
    return area_of(items).result();
  } else {
    int64_t positives = 0;
    for (const Item item : items) positives += is_yes(item);
    To<int64_t> to;
    to.begin(positives, static_cast<int64_t>(items.size()) - positives, items.size());
    each_place(items, [&](int64_t tp, int64_t fp, Item place) {
      to.add(tp, fp,
             [&] { return as_threshold(static_cast<double>(number_of(places.key_at(static_cast<Key>(place))))); });
    });
    return to.result();
  }
}

/// A row of a column and whether its target is yes, beside its place in one integer.
constexpr int kRow = 64;  // the bits for both, below the place

template <class T, class Key>
Sorted<uint128> rows_by_place(const Column<T>& column, const Places<Key>& places) {
  return sorted<uint128, kRow>(column.scores.size(), places.bits(), [&](std::span<uint128> items) {
    for (std::size_t row = 0; row < items.size(); ++row) {
      const uint64_t below = ranked<uint64_t>(static_cast<uint64_t>(row), column.yes[row] != 0);
      items[row] = static_cast<uint128>(places.place_of(ordered_bits(column.scores[row]))) << kRow | below;
    }
  });
}
std::size_t row_of(uint128 item) {
  return static_cast<std::size_t>(static_cast<uint64_t>(item) >> 1);
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

/// The curve of a column whose rows weigh. Ties add up before they make a point.
template <template <class> class To, class T>
Made<To> weighted_curve(const Column<T>& column, const AsThreshold& as_threshold) {
  using Key = decltype(ordered_bits(T(0)));
  const ByWeight counting{column.weights.data()};
  To<DoubleDouble> to;
  if (column.scores.empty()) return to.result();
  const Places<Key> places(kernels::key_range(column.scores));
  const auto by_place = rows_by_place(column, places);
  const std::span<const uint128> items = by_place.items;
  const Totals<ByWeight> all = totals_of(counting, items);
  to.begin(all.positives, all.negatives, items.size());
  Totals<ByWeight> above;
  for (std::size_t i = items.size(); i > 0;) {
    const uint128 place = items[i - 1] >> kRow;
    do {
      above.add(counting, items[--i]);
    } while (i > 0 && items[i - 1] >> kRow == place);
    to.add(above.positives, above.negatives,
           [&] { return as_threshold(static_cast<double>(number_of(places.key_at(static_cast<Key>(place))))); });
  }
  return to.result();
}

template <template <class> class To, class T>
Made<To> exact_curve(const Column<T>& column, const AsThreshold& as_threshold) {
  using Key = decltype(ordered_bits(T(0)));
  using Wider = std::conditional_t<sizeof(Key) == 4, uint64_t, uint128>;
  if (!column.weights.empty()) return weighted_curve<To>(column, as_threshold);
  if (column.scores.empty()) return gone_through<To, Key, Key>({}, Places<Key>({}), as_threshold);
  const Places<Key> places(kernels::key_range(column.scores));
  const auto curve = [&]<class Item>(Item) {
    const auto sorted = curves::sorted<Item>(column.scores.size(), places.bits(), [&](std::span<Item> items) {
      kernels::rank(column.scores, column.yes.data(), places, items.data());
    });
    return gone_through<To>(sorted.items, places, as_threshold);
  };
  return places.bits() < static_cast<int>(8 * sizeof(Key)) ? curve(Key{}) : curve(Wider{});
}

/// How the kept scores of all labels are read: as they are, or as logits beside probabilities.
struct Reading {
  AsThreshold as_threshold;
  std::function<double(double score, int64_t row, int32_t code)> rank_by;  // unset: the score itself
};

Reading reading_of(const Kept& from, const CurveRule& rule) {
  const bool in_float = from.scores.scalar_type() == at::kFloat;
  const auto by = [&](double (*probability)(double)) { return AsThreshold{probability, in_float, from.results}; };
  const AsThreshold as_ranked = by([](double score) { return score; });
  if (!from.logits) return {as_ranked, {}};
  if (rule.task != Task::Multiclass) {
    if (!from.decided) return {by(sigmoid), {}};
    return {by(sigmoid), [](double score, int64_t, int32_t code) { return code < 0 ? logit(score) : score; }};
  }
  const Element element = in_float ? Element::Float : Element::Double;
  // Their thresholds are not made of ranks: see curve_of_classes.
  return {as_ranked, [norms = kernels::row_norms(from.scores.const_data_ptr(), element, from.scores.size(0),
                                                 from.scores.size(1))](double score, int64_t row, int32_t code) {
            return code < 0 ? metrics::kernels::logarithm(score)
                            : norms[static_cast<std::size_t>(row)].log_softmax(score);
          }};
}

/// What logits of classes are compared with thresholds by, in the dtype of the scores: [classes, rows].
template <class T>
Tensor class_probabilities(const Kept& from) {
  Tensor softmax = at::empty_like(from.scores);
  kernels::softmax(from.scores.const_data_ptr<T>(), from.scores.size(0), from.scores.size(1),
                   softmax.mutable_data_ptr<T>());
  if (from.decided) softmax = at::where((from.codes < 0).unsqueeze(1), from.scores, softmax);
  return softmax.t().contiguous();
}

/// Makes a curve of classes. They are ranked by the logarithm of their softmax, which tells more of them apart than the
/// probability near 1, and reach the thresholds that their probability does not lie below. Rounding can reverse the
/// order of two probabilities; the points from one to the other then share a threshold, the least of their
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
  ToThresholds<typename Counting::Number> to;
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

template <template <class> class To, class T>
std::vector<Made<To>> exact_curves_as(const Kept& from, const CurveRule& rule, const std::vector<Question>& questions) {
  std::vector<Made<To>> curves(questions.size());
  const Tensor by_label = from.scores.dim() == 2 ? from.scores.t().contiguous() : from.scores;
  const auto rows = static_cast<std::size_t>(from.scores.size(0));
  const Reading reading = reading_of(from, rule);
  const bool of_classes = needs_reading<To> && from.logits && rule.task == Task::Multiclass;
  const Tensor probabilities = of_classes ? class_probabilities<T>(from) : Tensor();
  const auto make = [&](std::size_t q) {
    const Question& question = questions[q];
    const auto column = [&](const Tensor& of_all) {
      return std::span<const T>(of_all.const_data_ptr<T>() + question.first_label * from.scores.size(0),
                                rows * static_cast<std::size_t>(question.size()));
    };
    const std::span<const T> scores = column(by_label);
    if (!reading.rank_by) {
      curves[q] = exact_curve<To>(column_of(from, scores, rule, question), reading.as_threshold);
      return;
    }
    std::vector<double> ranks;
    ranks.reserve(scores.size());
    each_row(from, rule, question, [&](int64_t row, int32_t code) {
      ranks.push_back(reading.rank_by(static_cast<double>(scores[ranks.size()]), row, code));
    });
    const Column<double> ranked = column_of<double>(from, ranks, rule, question);
    if constexpr (needs_reading<To>) {
      if (of_classes) {
        curves[q] = ranked.weights.empty()
                        ? curve_of_classes<T>(ranked, column(probabilities), from.results, Ones{})
                        : curve_of_classes<T>(ranked, column(probabilities), from.results, ByWeight{ranked.weights.data()});
        return;
      }
    }
    curves[q] = exact_curve<To>(ranked, reading.as_threshold);
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
std::vector<Made<To>> exact_curves(const States& states, const CurveRule& rule,
                                   const std::vector<Question>& questions) {
  const Kept from = kept(states, rule, !needs_reading<To>);
  if (!from.scores.defined()) return std::vector<Made<To>>(questions.size());
  return from.scores.scalar_type() == at::kDouble ? exact_curves_as<To, double>(from, rule, questions)
                                                  : exact_curves_as<To, float>(from, rule, questions);
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
Made<To> made_of(const BinnedCounts<Number>& ranked, const CurvePlan::Bins& bins) {
  if constexpr (needs_reading<To>) {
    return as_given(ranked, bins);
  } else {
    To<Number> to;
    const auto nowhere = [] { return 0.0; };
    to.begin(ranked.positives, ranked.negatives, ranked.tp.size());
    for (std::size_t i = 0; i < ranked.tp.size(); ++i) to.add(ranked.tp[i], ranked.fp[i], nowhere);
    if constexpr (!std::is_same_v<Made<To>, CurveCounts>) to.add(ranked.positives, ranked.negatives, nowhere);
    return to.result();
  }
}

template <template <class> class To>
std::vector<Made<To>> curves_of(const States& states, const CurvePlan& plan, const std::vector<Question>& questions) {
  if (!plan.bins()) return exact_curves<To>(states, plan.rule(), questions);
  const Buckets buckets = buckets_of(states, plan);
  std::vector<Made<To>> curves;
  const auto make = [&]<class Number>(Number) {
    for (const Question& question : questions) {
      curves.push_back(
          made_of<To>(binned_counts<Number>(buckets, question, plan.bins()->size()), *plan.bins()));
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

CurveCounts ranked_micro_counts(const States& states, const CurvePlan& plan) {
  return std::move(curves_of<ToCounts>(states, plan, all_labels(plan)).front());
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
