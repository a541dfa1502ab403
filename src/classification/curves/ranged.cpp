#include "ranged.h"

#include "made_of_points.h"
#include "sorted_scores.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace metrics::classification::curves {
namespace {

using metrics::kernels::ordered_bits;

/// What a rank says of its scores.
struct Facts {
  bool wide = false;     ///< Kept in float64.
  bool weigh = false;    ///< Some weigh other than 1.
  bool decided = false;  ///< Some are known to be probabilities.
  bool logits = false;   ///< They are logits, or some outside [0, 1] are.
  at::ScalarType results = at::kDouble;  ///< What thresholds are returned in; of each rank the same.

  void fold(const Facts& other) {
    wide |= other.wide;
    weigh |= other.weigh;
    decided |= other.decided;
    logits |= other.logits;
  }
};

Facts of_all(std::span<const RangeBytes> facts) {
  auto all = from_range_bytes<Facts>(facts.front());
  for (const RangeBytes& bytes : facts) all.fold(from_range_bytes<Facts>(bytes));
  return all;
}

// Each column has three kinds of rows: scores whose target is yes, those whose target is no, and scores that occur so
// often that how often says less than to repeat them.
enum Kind { kYes, kNo, kMany, kKinds };

/// What is counted at a score, as it travels.
template <class Number>
struct Counted {
  Number yes{}, no{};
};

/// So many equal scores take no less room than what is counted at one.
template <class Key, class Number>
constexpr int64_t many = (sizeof(Key) + sizeof(Counted<Number>)) / sizeof(Key) + 1;

template <class Key>
Tensor empty_keys(std::size_t count) {
  return at::empty({static_cast<int64_t>(count)}, sizeof(Key) == 4 ? at::kInt : at::kLong);
}
template <class Key>
Key* keys_of(Tensor& keys) {
  return static_cast<Key*>(keys.mutable_data_ptr());
}
template <class Key>
std::span<const Key> keys_of(const KeyedRows& rows) {
  return {static_cast<const Key*>(rows.keys.const_data_ptr()), static_cast<std::size_t>(rows.keys.numel())};
}

/// Makes rows of a column's scores, from the least key to the greatest.
template <class Key, class Number>
class RowsToSend {
 public:
  RowsToSend(std::size_t yes, std::size_t no) {
    const std::size_t most[] = {yes, no};
    for (const Kind kind : {kYes, kNo}) {
      keys_[kind] = empty_keys<Key>(most[kind]);
      key_[kind] = keys_of<Key>(keys_[kind]);
      if (!weigh) continue;
      weights_[kind] = at::empty({static_cast<int64_t>(most[kind])}, at::kDouble);
      weight_[kind] = weights_[kind].template mutable_data_ptr<double>();
    }
  }

  void add(Kind kind, Key key, double weight) {
    *key_[kind]++ = key;
    if (weigh) *weight_[kind]++ = weight;
  }
  void add_many(Key key, const Counted<Number>& counted) {
    many_.push_back(key);
    counted_.push_back(counted);
  }

  RangedRows::Column rows() {
    RangedRows::Column column(kKinds);
    for (const Kind kind : {kYes, kNo}) {
      const auto size = static_cast<int64_t>(key_[kind] - keys_of<Key>(keys_[kind]));
      column[kind].keys = keys_[kind].narrow(0, 0, size);
      if (weigh) column[kind].values = weights_[kind].narrow(0, 0, size);
    }
    const auto count = static_cast<int64_t>(many_.size());
    column[kMany].keys = empty_keys<Key>(many_.size());
    std::copy(many_.begin(), many_.end(), keys_of<Key>(column[kMany].keys));
    column[kMany].values = at::empty({count, weigh ? 4 : 2}, weigh ? at::kDouble : at::kLong);
    if (count > 0) {
      std::memcpy(column[kMany].values.mutable_data_ptr(), counted_.data(), counted_.size() * sizeof(Counted<Number>));
    }
    return column;
  }

 private:
  static constexpr bool weigh = !std::is_same_v<Number, int64_t>;

  Tensor keys_[2], weights_[2];
  Key* key_[2];  // where the next ones go
  double* weight_[2] = {nullptr, nullptr};
  std::vector<Key> many_;
  std::vector<Counted<Number>> counted_;
};

template <class T>
std::size_t count_yes(const Column<T>& column) {
  std::size_t yes = 0;
  for (std::size_t i = 0; i < column.scores.size(); ++i) yes += column.yes[i];
  return yes;
}

/// `weight_of(row)` is asked where rows weigh.
template <class Number, class T, class WeightOf>
RangedRows::Column rows_in_order(const Column<T>& column, const WeightOf& weight_of) {
  using Key = decltype(ordered_bits(T(0)));
  constexpr bool weigh = !std::is_same_v<Number, int64_t>;
  const std::size_t yes = count_yes(column);
  RowsToSend<Key, Number> rows(yes, column.scores.size() - yes);
  if (column.scores.empty()) return rows.rows();
  const Places<Key> places(kernels::key_range(column.scores));
  const auto add_sorted = [&](const auto& items, int below, const auto& weight_of_item) {
    for (std::size_t i = 0; i < items.size();) {
      const auto place = items[i] >> below;
      std::size_t end = i + 1;
      while (end < items.size() && items[end] >> below == place) ++end;
      const Key key = places.key_at(static_cast<Key>(place));
      if (static_cast<int64_t>(end - i) < many<Key, Number>) {
        for (; i < end; ++i) rows.add(is_yes(items[i]) != 0 ? kYes : kNo, key, weight_of_item(items[i]));
        continue;
      }
      Counted<Number> counted;
      for (; i < end; ++i) {
        Number& sum = is_yes(items[i]) != 0 ? counted.yes : counted.no;
        if constexpr (weigh) {
          sum = sum + weight_of_item(items[i]);
        } else {
          ++sum;
        }
      }
      rows.add_many(key, counted);
    }
  };
  if constexpr (weigh) {
    const auto sorted_rows = rows_by_place(column, places);
    add_sorted(sorted_rows.items, kRow, [&](uint128 item) { return weight_of(row_of(item)); });
  } else {
    using Wider = std::conditional_t<sizeof(Key) == 4, uint64_t, uint128>;
    const auto sort = [&]<class Item>(Item) {
      const auto by_place = sorted<Item>(column.scores.size(), places.bits(), [&](std::span<Item> items) {
        kernels::rank(column.scores, column.yes.data(), places, items.data());
      });
      add_sorted(by_place.items, 1, [](Item) { return 1.0; });
    };
    places.bits() < static_cast<int>(8 * sizeof(Key)) ? sort(Key{}) : sort(Wider{});
  }
  return rows.rows();
}

template <class T>
RangedRows::Column rows_of_column(const Column<T>& column, bool weigh) {
  if (weigh) {
    return rows_in_order<DoubleDouble>(
        column, [&](std::size_t row) { return column.weights.empty() ? 1.0 : column.weights[row]; });
  }
  return rows_in_order<int64_t>(column, [](std::size_t) { return 1.0; });
}

// --- A range.

/// The scores of a range in order, and what is counted at those that occur often.
struct RangeOfScores : RangedRows::Range {
  virtual RangeBytes summary() const = 0;
};

template <class Number>
struct RangeTotals {
  Number yes{}, no{};

  void add(const RangeTotals& other) {
    yes = yes + other.yes;
    no = no + other.no;
  }
};

template <class Key, class Number>
struct RangeOf final : RangeOfScores {
  static constexpr bool weigh = !std::is_same_v<Number, int64_t>;
  struct Many {
    Key place;
    Counted<Number> counted;
  };
  using Narrow = Sorted<Key>;
  using Wide = Sorted<std::conditional_t<sizeof(Key) == 4, uint64_t, uint128>>;
  /// With what rows weigh, items have them below their places.
  using Items = std::conditional_t<weigh, std::variant<Sorted<uint128>>, std::variant<Narrow, Wide>>;
  static constexpr int below = weigh ? kRow : 1;

  Places<Key> places{KeyRange<Key>{.least = 0, .greatest = 0}};
  AsThreshold as_threshold{};
  Items items;
  std::vector<double> weights;
  std::vector<Many> often;
  RangeTotals<Number> totals;

  RangeBytes summary() const override { return bytes_of_range(totals); }

  double threshold_at(Key place) const {
    return as_threshold(static_cast<double>(metrics::kernels::number_of(places.key_at(place))));
  }

  /// Calls f(tp, fp, place) for what of the range lies at or above each score, from the greatest.
  template <class F>
  void each_point(const F& f) const {
    std::visit(
        [&](const auto& sorted) {
          const auto& in_order = sorted.items;
          std::size_t i = in_order.size(), j = often.size();
          RangeTotals<Number> above;
          while (i > 0 || j > 0) {
            Key place = i > 0 ? static_cast<Key>(in_order[i - 1] >> below) : often[j - 1].place;
            if (j > 0) place = std::max(place, often[j - 1].place);
            for (; i > 0 && static_cast<Key>(in_order[i - 1] >> below) == place; --i) {
              Number& sum = is_yes(in_order[i - 1]) != 0 ? above.yes : above.no;
              if constexpr (weigh) {
                sum = sum + weights[row_of(in_order[i - 1])];
              } else {
                ++sum;
              }
            }
            for (; j > 0 && often[j - 1].place == place; --j) {
              above.add({often[j - 1].counted.yes, often[j - 1].counted.no});
            }
            f(above.yes, above.no, place);
          }
        },
        items);
  }
};

template <class Key, class Number>
std::unique_ptr<RangedRows::Range> range_of(std::vector<std::vector<KeyedRows>> kinds,
                                            const AsThreshold& as_threshold) {
  auto range = std::make_unique<RangeOf<Key, Number>>();
  range->as_threshold = as_threshold;
  constexpr bool weigh = RangeOf<Key, Number>::weigh;
  KeyRange<Key> key_range;
  std::size_t count = 0;
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    for (const KeyedRows& rows : kinds[kind]) {
      const std::span<const Key> keys = keys_of<Key>(rows);
      for (const Key key : keys) key_range.fold(key);
      if (kind != kMany) count += keys.size();
    }
  }
  // Where nothing is, there is no least key.
  const bool nothing = key_range.least > key_range.greatest;
  if (!nothing) range->places = Places<Key>(key_range);
  const Places<Key>& places = range->places;
  const int bits = nothing ? 0 : places.bits();
  for (const KeyedRows& rows : kinds[kMany]) {
    const auto* counted = static_cast<const Counted<Number>*>(rows.values.const_data_ptr());
    for (const Key key : keys_of<Key>(rows)) range->often.push_back({places.place_of(key), *counted++});
  }
  std::sort(range->often.begin(), range->often.end(), [](const auto& a, const auto& b) { return a.place < b.place; });
  for (const auto& many_rows : range->often) range->totals.add({many_rows.counted.yes, many_rows.counted.no});
  for (const Kind kind : {kYes, kNo}) {
    Number& total = kind == kYes ? range->totals.yes : range->totals.no;
    for (const KeyedRows& rows : kinds[kind]) {
      if constexpr (weigh) {
        const double* const weights = rows.values.const_data_ptr<double>();
        for (int64_t i = 0; i < rows.keys.numel(); ++i) total = total + weights[i];
      } else {
        total += rows.keys.numel();
      }
    }
  }
  // What has come is let go when it is filled in, because sorting takes as much.
  const auto fill = [&]<class Item>(std::span<Item> items) {
    std::size_t next = 0;
    for (const Kind kind : {kYes, kNo}) {
      for (const KeyedRows& rows : kinds[kind]) {
        const double* const weights = weigh ? rows.values.const_data_ptr<double>() : nullptr;
        std::size_t row = 0;
        for (const Key key : keys_of<Key>(rows)) {
          const Key place = places.place_of(key);
          if constexpr (weigh) {
            items[next] =
                static_cast<uint128>(place) << kRow | ranked<uint64_t>(static_cast<uint64_t>(next), kind == kYes);
            range->weights.push_back(weights[row++]);
          } else {
            items[next] = ranked<Item>(place, kind == kYes);
          }
          ++next;
        }
      }
    }
    kinds.clear();
  };
  if constexpr (weigh) {
    range->weights.reserve(count);
    range->items = sorted<uint128, kRow>(count, bits, [&](std::span<uint128> items) { fill(items); });
  } else {
    const auto sort = [&]<class Item>(Item) {
      range->items = sorted<Item>(count, bits, [&](std::span<Item> items) { fill(items); });
    };
    using Wider = std::conditional_t<sizeof(Key) == 4, uint64_t, uint128>;
    bits < static_cast<int>(8 * sizeof(Key)) ? sort(Key{}) : sort(Wider{});
  }
  return range;
}

// --- Rows and values.

/// A column that is here as a whole.
struct WholeColumn final : RowRange {
  Kept from;
  Reading reading;
  KeptColumns columns;
  CurveRule rule;
  Question question{0, 1};
};

class RangedScores final : public RangedRows, public WholeColumns {
 public:
  /// `with_thresholds`: whether a value needs them.
  RangedScores(const CurvePlan& plan, bool together, bool with_thresholds)
      : plan_(plan), together_(together), with_thresholds_(with_thresholds) {}

  // Thresholds of classes are made of their softmax, which travels with whole columns.
  std::string key() const override {
    return update_key(rule()) + (together_ ? ", together" : "") + (with_thresholds_ && classes() ? ", softmax" : "");
  }
  RangeBytes facts(const States& local) const override {
    Facts facts;
    const Kept from = kept(local, rule(), /*order_tells=*/false);
    facts.logits = rule().input == ScoreInput::Logits || from.logits;
    facts.results = from.results;
    if (!from.scores.defined()) return bytes_of_range(facts);
    facts.wide = from.scores.scalar_type() == at::kDouble;
    facts.weigh = from.weights.defined();
    facts.decided = from.decided;
    return bytes_of_range(facts);
  }
  int64_t columns() const override { return together_ ? 1 : rule().labels; }
  int64_t kinds() const override { return kKinds; }

  RangedRows::Layout layout(int64_t kind, std::span<const RangeBytes> facts) const override {
    const Facts all = of_all(facts);
    RangedRows::Layout layout;
    layout.keys = ranks_are_wide(all) ? at::kLong : at::kInt;
    if (kind == kMany) {
      layout.values = all.weigh ? at::kDouble : at::kLong;
      layout.row = {all.weigh ? 4 : 2};
    } else if (all.weigh) {
      layout.values = at::kDouble;
    }
    return layout;
  }

  Column rows(const States& local, std::span<const RangeBytes> facts, int64_t column) const override {
    const Facts all = of_all(facts);
    const Kept& from = local_scores(local, all);
    if (column == 0) {
      reading_ = reading_of(from, rule());
      by_label_ = from.scores.dim() == 2 ? from.scores.t().contiguous() : from.scores;
    }
    Column rows = all.wide ? rows_as<double>(from, all, column) : rows_as<float>(from, all, column);
    if (column + 1 == columns()) by_label_.reset();
    return rows;
  }

  std::unique_ptr<Range> range(std::vector<std::vector<KeyedRows>> kinds,
                               std::span<const RangeBytes> facts) const override {
    const Facts all = of_all(facts);
    Kept none;
    none.scores = at::empty({0, rule().labels}, all.wide ? at::kDouble : at::kFloat);
    none.logits = reads(all) && all.logits;
    none.decided = all.decided;
    none.results = all.results;
    const AsThreshold as_threshold = reading_of(none, rule()).as_threshold;
    if (ranks_are_wide(all)) {
      return all.weigh ? range_of<uint64_t, DoubleDouble>(std::move(kinds), as_threshold)
                       : range_of<uint64_t, int64_t>(std::move(kinds), as_threshold);
    }
    return all.weigh ? range_of<uint32_t, DoubleDouble>(std::move(kinds), as_threshold)
                     : range_of<uint32_t, int64_t>(std::move(kinds), as_threshold);
  }
  RangeBytes summary(const Range& range) const override { return static_cast<const RangeOfScores&>(range).summary(); }
  std::size_t summary_bytes() const override { return sizeof(RangeTotals<DoubleDouble>); }

  // --- As whole columns: the scores of one as they are, and beside them the codes, what rows weigh, and for logits of
  // classes the norms of rows.

  const WholeColumns* whole_columns() const override { return together_ ? nullptr : this; }
  // A point's threshold is told by the softmax of lower points, too, which are not in the same range.
  bool always(std::span<const RangeBytes> facts) const override {
    return with_thresholds_ && classes() && of_all(facts).logits;
  }
  std::vector<WholeColumns::Layout> of_column(std::span<const RangeBytes> facts) const override {
    const Facts all = of_all(facts);
    const at::ScalarType scores = all.wide ? at::kDouble : at::kFloat;
    std::vector<WholeColumns::Layout> layouts{{scores}};
    if (!classes()) layouts.push_back({at::kChar});
    if (sends_softmax(all)) layouts.push_back({scores});
    return layouts;
  }
  std::vector<WholeColumns::Layout> in_common(std::span<const RangeBytes> facts) const override {
    const Facts all = of_all(facts);
    std::vector<WholeColumns::Layout> layouts;
    if (classes()) layouts.push_back({at::kInt});
    if (classes() && all.logits) layouts.push_back({at::kDouble, {2}});
    if (all.weigh) layouts.push_back({at::kDouble});
    return layouts;
  }
  int64_t rows(const States& local) const override { return local.at(0).rows(); }
  std::vector<Tensor> columns(const States& local, std::span<const RangeBytes> facts, int64_t first,
                              int64_t last) const override {
    const Facts all = of_all(facts);
    const Kept& from = local_scores(local, all);
    const auto some = [&](const Tensor& by_row) {
      return (by_row.dim() == 2 ? by_row.narrow(1, first, last - first).t() : by_row.unsqueeze(0)).contiguous();
    };
    std::vector<Tensor> columns{some(from.scores)};
    if (!classes()) columns.push_back(some(from.codes));
    if (sends_softmax(all)) {
      if (!softmax_.defined()) softmax_ = class_probabilities(from);
      columns.push_back(softmax_.narrow(0, first, last - first));
    }
    return columns;
  }
  std::vector<Tensor> common(const States& local, std::span<const RangeBytes> facts) const override {
    const Facts all = of_all(facts);
    const Kept& from = local_scores(local, all);
    std::vector<Tensor> common;
    if (classes()) common.push_back(from.codes);
    if (classes() && all.logits) {
      const std::vector<kernels::RowNorm> norms = row_norms(from);
      Tensor numbers = at::empty({from.scores.size(0), 2}, at::kDouble);
      static_assert(sizeof(kernels::RowNorm) == 2 * sizeof(double));
      if (!norms.empty()) std::memcpy(numbers.mutable_data_ptr(), norms.data(), norms.size() * sizeof(norms.front()));
      common.push_back(numbers);
    }
    if (all.weigh)
      common.push_back(from.weights.defined() ? from.weights : at::ones({from.scores.size(0)}, at::kDouble));
    return common;
  }
  std::unique_ptr<RowRange> range(int64_t column, const std::vector<Tensor>& rows, const std::vector<Tensor>& common,
                                  std::span<const RangeBytes> facts) const override {
    const Facts all = of_all(facts);
    auto here = std::make_unique<WholeColumn>();
    auto of_column = rows.begin();
    auto shared = common.begin();
    Kept& from = here->from;
    from.scores = *of_column++;
    from.codes = classes() ? *shared++ : *of_column++;
    from.logits = reads(all) && all.logits;
    from.decided = all.decided;
    from.results = all.results;
    here->columns = {from.scores.numel(), column, from.scores, sends_softmax(all) ? *of_column++ : Tensor()};
    here->rule = rule();
    here->question = {column, column + 1};
    // The question of a label is that of a binary metric.
    if (!classes()) {
      here->rule.task = Task::Binary;
      here->rule.labels = 1;
    }
    std::vector<kernels::RowNorm> norms;
    if (classes() && all.logits) {
      norms.resize(static_cast<std::size_t>(from.scores.numel()));
      if (!norms.empty()) std::memcpy(norms.data(), shared->const_data_ptr(), norms.size() * sizeof(norms.front()));
      ++shared;
    }
    if (all.weigh) from.weights = *shared++;
    here->reading = reading_of(from, here->rule, std::move(norms));
    return here;
  }

 private:
  const CurveRule& rule() const { return plan_.rule(); }
  bool classes() const { return rule().task == Task::Multiclass; }
  /// Whether it matters how scores are read.
  bool reads(const Facts& all) const { return all.decided || with_thresholds_ || classes(); }
  /// Whether keys have 64 bits: those of float64, which what is ranked by is where scores are read one by one.
  bool ranks_are_wide(const Facts& all) const { return all.wide || (all.logits && (all.decided || classes())); }
  bool sends_softmax(const Facts& all) const { return with_thresholds_ && classes() && all.logits; }

  /// This rank's scores, as all ranks read them; looked at once.
  const Kept& local_scores(const States& local, const Facts& all) const {
    if (local_) return *local_;
    Kept& from = local_.emplace(kept(local, rule(), /*order_tells=*/false));
    if (!from.scores.defined()) {
      from.scores = at::empty(
          rule().task == Task::Binary ? std::vector<int64_t>{0} : std::vector<int64_t>{0, rule().labels}, at::kFloat);
      from.codes = at::empty(rule().task == Task::Multilabel ? from.scores.sizes() : at::IntArrayRef{0},
                             classes() ? at::kInt : at::kChar);
    }
    if (all.wide) from.scores = from.scores.to(at::kDouble);
    from.logits = reads(all) && all.logits;
    from.decided = all.decided;
    return from;
  }

  template <class T>
  Column rows_as(const Kept& from, const Facts& all, int64_t column) const {
    const Question question = together_ ? Question{0, rule().labels} : Question{column, column + 1};
    const KeptColumns columns{from.scores.size(0), 0, by_label_, {}};
    const std::span<const T> scores = columns.of<T>(by_label_, question);
    if (!reading_.rank_by) return rows_of_column(column_of(from, scores, rule(), question), all.weigh);
    std::vector<double> ranks;
    ranks.reserve(scores.size());
    each_row(from, rule(), question, [&](int64_t row, int32_t code) {
      ranks.push_back(reading_.rank_by(static_cast<double>(scores[ranks.size()]), row, code));
    });
    return rows_of_column(column_of<double>(from, ranks, rule(), question), all.weigh);
  }

  CurvePlan plan_;
  bool together_, with_thresholds_;
  mutable std::optional<Kept> local_;
  mutable Reading reading_;
  mutable Tensor by_label_, softmax_;  // the first from the first column to the last
};

/// What `To` makes of curves, of ranges of their points.
template <template <class> class To>
class RangedCurve final : public RangedValue {
 public:
  RangedCurve(const CurvePlan& plan, bool together, const Goal<To>& goal)
      : rows_(plan, together, needs_reading<To>), goal_(goal) {}

  const RangedRows& rows() const override { return rows_; }
  RangeBytes part(const RowRange& range, std::span<const RangeBytes> summaries, std::size_t own) const override {
    if (const auto* column = dynamic_cast<const WholeColumn*>(&range)) {
      return part_of_column<To>(column->from, column->reading, column->columns, column->rule, column->question, goal_);
    }
    if (const auto* of_floats = dynamic_cast<const RangeOf<uint32_t, int64_t>*>(&range)) {
      return part_of(*of_floats, summaries, own);
    }
    if (const auto* of_doubles = dynamic_cast<const RangeOf<uint64_t, int64_t>*>(&range)) {
      return part_of(*of_doubles, summaries, own);
    }
    if (const auto* weighed = dynamic_cast<const RangeOf<uint32_t, DoubleDouble>*>(&range)) {
      return part_of(*weighed, summaries, own);
    }
    return part_of(dynamic_cast<const RangeOf<uint64_t, DoubleDouble>&>(range), summaries, own);
  }
  std::size_t part_bytes(std::span<const RangeBytes>) const override {
    return std::max(sizeof(typename To<int64_t>::Part), sizeof(typename To<DoubleDouble>::Part));
  }

 private:
  template <class Key, class Number>
  RangeBytes part_of(const RangeOf<Key, Number>& range, std::span<const RangeBytes> summaries, std::size_t own) const {
    RangeTotals<Number> all, before;
    for (std::size_t i = summaries.size(); i > 0; --i) {
      const auto totals = from_range_bytes<RangeTotals<Number>>(summaries[i - 1]);
      all.add(totals);
      if (i - 1 > own) before.add(totals);
    }
    To<Number> to(goal_);
    to.begin(all.yes, all.no, 0);
    if constexpr (requires { to.begin_at_nothing(); }) to.begin_at_nothing();
    if constexpr (std::is_same_v<To<Number>, ToRocArea<int64_t>>) {
      if (range.often.empty()) {
        typename To<Number>::Part part = to.part();
        const CountedArea<int64_t> here =
            std::visit([](const auto& sorted) { return area_of(sorted.items); }, range.items);
        part.twice = here.twice + 2 * static_cast<uint128>(before.yes) * static_cast<uint128>(here.negatives);
        return bytes_of_range(part);
      }
    }
    to.go_on_from(before.yes, before.no);
    range.each_point([&](const Number& yes, const Number& no, Key place) {
      to.add(before.yes + yes, before.no + no, [&] { return range.threshold_at(place); });
    });
    return bytes_of_range(to.part());
  }

  RangedScores rows_;
  Goal<To> goal_;
};

template <template <class> class To>
std::shared_ptr<const RangedValue> ranged_curve(const CurvePlan& plan, bool together, const Goal<To>& goal = {}) {
  return plan.bins() ? nullptr : std::make_shared<RangedCurve<To>>(plan, together, goal);
}

}  // namespace

bool ranks_weigh(std::span<const RangeBytes> facts) {
  return of_all(facts).weigh;
}

std::shared_ptr<const RangedValue> ranged_roc_areas(const CurvePlan& plan, bool together) {
  return ranged_curve<ToRocArea>(plan, together);
}

std::shared_ptr<const RangedValue> ranged_precision_sums(const CurvePlan& plan, bool together) {
  return ranged_curve<ToPrecisionSum>(plan, together);
}

std::shared_ptr<const RangedValue> ranged_partial_areas(const CurvePlan& plan, double greatest_fpr) {
  return ranged_curve<ToPartialArea>(plan, false, greatest_fpr);
}

std::shared_ptr<const RangedValue> ranged_equal_errors(const CurvePlan& plan, bool together) {
  return ranged_curve<ToEqualErrors>(plan, together);
}

std::shared_ptr<const RangedValue> ranged_log_areas(const CurvePlan& plan, const std::array<double, 2>& fpr_range) {
  return ranged_curve<ToLogArea>(plan, false, fpr_range);
}

std::shared_ptr<const RangedValue> ranged_greatest_rates(const CurvePlan& plan, const GreatestRate& goal) {
  return ranged_curve<ToGreatest>(plan, false, goal);
}

}  // namespace metrics::classification::curves
