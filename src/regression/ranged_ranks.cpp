#include "ranged_ranks.h"

#include "kernels/ordered_bits.h"
#include "kernels/radix_sort.h"
#include "ranks.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace metrics::regression {
namespace {

/// What a rank says of its pairs.
struct PairFacts {
  bool wide_x = false, wide_y = false;  // kept in float64
  bool weigh = false;
  int64_t rows = 0;
};

PairFacts facts_of_all(std::span<const RangeBytes> facts) {
  PairFacts all;
  for (const RangeBytes& bytes : facts) {
    const auto one = from_range_bytes<PairFacts>(bytes);
    all.wide_x |= one.wide_x;
    all.wide_y |= one.wide_y;
    all.weigh |= one.weigh;
    all.rows += one.rows;
  }
  return all;
}

/// A row by what it is ordered by.
struct Keyed {
  uint64_t key;
  int64_t value;

  static constexpr bool weighs = false;
};
struct WeighedKeyed : Keyed {
  double weight;

  static constexpr bool weighs = true;
};
template <class Row>
std::vector<Row> in_order_of_keys(std::vector<Row> rows) {
  std::vector<Row> scratch(rows.size());
  const std::span<Row> sorted =
      kernels::radix_sorted(std::span(rows), std::span(scratch), [](const Row& row) { return row.key; });
  return sorted.data() == rows.data() ? std::move(rows) : std::move(scratch);
}

at::ScalarType dtype_of_keys(bool wide) {
  return wide ? at::kLong : at::kInt;
}

/// Integers that are ordered as the numbers of a column are, those of float64 where `wide`.
std::vector<uint64_t> ordered_keys(const State& state, int64_t column, bool wide) {
  if (state.rows() == 0) return {};
  const Tensor numbers = column_in(state, column).to(wide ? at::kDouble : at::kFloat);
  std::vector<uint64_t> keys(static_cast<std::size_t>(numbers.numel()));
  const auto fill = [&](const auto* from) {
    for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = kernels::ordered_bits(from[i]);
  };
  wide ? fill(numbers.const_data_ptr<double>()) : fill(numbers.const_data_ptr<float>());
  return keys;
}

/// Integers as a tensor, and back.
template <class Rows, class NumberOf>
Tensor integers(const Rows& rows, at::ScalarType dtype, const NumberOf& number_of) {
  Tensor numbers = at::empty({static_cast<int64_t>(rows.size())}, dtype);
  const auto fill = [&](auto* to) {
    for (const auto& row : rows) *to++ = static_cast<std::remove_pointer_t<decltype(to)>>(number_of(row));
  };
  dtype == at::kLong ? fill(numbers.mutable_data_ptr<int64_t>()) : fill(numbers.mutable_data_ptr<int32_t>());
  return numbers;
}
/// What travels beside a key: an integer, or where rows weigh an integer and the bits of a weight, [n, 2].
template <class Row>
Tensor values_of(const std::vector<Row>& rows, at::ScalarType dtype) {
  if constexpr (!Row::weighs) {
    return integers(rows, dtype, [](const Row& row) { return row.value; });
  } else {
    Tensor both = at::empty({static_cast<int64_t>(rows.size()), 2}, at::kLong);
    int64_t* to = both.mutable_data_ptr<int64_t>();
    for (const Row& row : rows) {
      *to++ = row.value;
      *to++ = std::bit_cast<int64_t>(row.weight);
    }
    return both;
  }
}
RangedRows::Layout layout_of(at::ScalarType keys, at::ScalarType values, bool weigh) {
  return weigh ? RangedRows::Layout{keys, at::kLong, {2}} : RangedRows::Layout{keys, values, {}};
}
/// Appends rows that have come. Whether values are keys, and so unsigned, matters where they have 32 bits.
template <class Row>
void append_rows(const KeyedRows& come, bool values_are_keys, std::vector<Row>& rows) {
  const std::size_t first = rows.size(), count = static_cast<std::size_t>(come.keys.numel());
  rows.resize(first + count);
  const auto with = [&](const Tensor& integers, bool is_unsigned, const auto& put) {
    const auto each = [&](const auto* numbers) {
      for (std::size_t i = 0; i < count; ++i) put(rows[first + i], numbers[i]);
    };
    if (integers.scalar_type() == at::kLong) {
      each(integers.const_data_ptr<int64_t>());
    } else if (is_unsigned) {
      each(reinterpret_cast<const uint32_t*>(integers.const_data_ptr<int32_t>()));
    } else {
      each(integers.const_data_ptr<int32_t>());
    }
  };
  with(come.keys, true, [](Row& row, auto key) { row.key = static_cast<uint64_t>(key); });
  if constexpr (Row::weighs) {
    const auto* both = come.values.const_data_ptr<int64_t>();
    for (std::size_t i = first; i < rows.size(); ++i) {
      rows[i].value = *both++;
      rows[i].weight = std::bit_cast<double>(*both++);
    }
  } else {
    with(come.values, values_are_keys, [](Row& row, auto value) { row.value = static_cast<int64_t>(value); });
  }
}

/// Rows, and what they weigh where they do.
struct Amount {
  int64_t rows = 0;
  DoubleDouble weight{};

  void add(const Amount& other) {
    rows += other.rows;
    weight = weight + other.weight;
  }
};

/// What the other ranges have to know of one to rank its rows: equal keys may be in several.
struct Extent {
  Amount all, of_least, of_greatest;
  uint64_t least = 0, greatest = 0;
};

template <class Row>
Amount amount_of(std::span<const Row> rows) {
  Amount amount;
  amount.rows = static_cast<int64_t>(rows.size());
  if constexpr (Row::weighs) {
    for (const Row& row : rows) amount.weight = amount.weight + row.weight;
  }
  return amount;
}

/// Rows of a range, by their keys.
struct PairsInRange : RowRange {
  virtual Extent extent() const = 0;

  /// The indices of rows in the order of the keys that are their values; made when they are asked for.
  mutable std::vector<Keyed> by_value;
};
template <class Row>
struct PairRange final : PairsInRange {
  std::vector<Row> rows;

  PairRange(std::vector<KeyedRows> of_ranks, bool values_are_keys) {
    std::size_t count = 0;
    for (const KeyedRows& come : of_ranks) count += static_cast<std::size_t>(come.keys.numel());
    rows.reserve(count);
    for (const KeyedRows& come : of_ranks) append_rows(come, values_are_keys, rows);
    of_ranks.clear();  // because sorting takes as much memory
    rows = in_order_of_keys(std::move(rows));
  }

  Extent extent() const override {
    Extent extent;
    extent.all = amount_of(std::span<const Row>(rows));
    if (rows.empty()) return extent;
    extent.least = rows.front().key;
    extent.greatest = rows.back().key;
    const auto of = [&](uint64_t key) {
      const auto equal = std::ranges::equal_range(rows, key, {}, &Keyed::key);
      return amount_of(std::span<const Row>(equal.begin(), equal.end()));
    };
    extent.of_least = of(extent.least);
    extent.of_greatest = of(extent.greatest);
    return extent;
  }
};

/// How much of one key ranges before and after this one have.
std::pair<Amount, Amount> elsewhere(uint64_t key, std::span<const RangeBytes> summaries, std::size_t own) {
  Amount before, after;
  for (std::size_t i = 0; i < summaries.size(); ++i) {
    const auto extent = from_range_bytes<Extent>(summaries[i]);
    if (i == own || extent.all.rows == 0) continue;
    Amount& amount = i < own ? before : after;
    if (extent.greatest == key) {
      amount.add(extent.of_greatest);
    } else if (extent.least == key) {
      amount.add(extent.of_least);
    }
  }
  return {before, after};
}

Amount amount_of_all(std::span<const RangeBytes> summaries) {
  Amount all;
  for (const RangeBytes& summary : summaries) all.add(from_range_bytes<Extent>(summary).all);
  return all;
}

DoubleDouble negative(const DoubleDouble& number) {
  return {-number.high, -number.low};
}

/// A rank less the mean of all: twice that, an integer; of rows that weigh itself, as the bits of a double.
int64_t centred_rank(const Amount& below, const Amount& equal, const Amount& all, bool weighs) {
  if (!weighs) return 2 * below.rows + equal.rows - all.rows;
  // Where all are equal nothing may be left by rounding.
  if (equal.rows == all.rows) return std::bit_cast<int64_t>(0.0);
  const DoubleDouble twice = below.weight + below.weight + equal.weight + negative(all.weight);
  return std::bit_cast<int64_t>(twice.value() / 2);
}

/// Calls f(row, its centred rank) for the rows of a range; equal ones have the mean of their ranks.
template <class Row, class F>
void each_rank(const std::vector<Row>& rows, std::span<const RangeBytes> summaries, std::size_t own, const F& f) {
  const Amount all = amount_of_all(summaries);
  Amount below = amount_of_all(summaries.first(own));
  for (std::size_t begin = 0; begin < rows.size();) {
    std::size_t end = begin + 1;
    while (end < rows.size() && rows[end].key == rows[begin].key) ++end;
    const Amount here = amount_of(std::span(rows).subspan(begin, end - begin));
    Amount equal = here, below_equal = below;
    if (begin == 0 || end == rows.size()) {
      const auto [before, after] = elsewhere(rows[begin].key, summaries, own);
      below_equal.rows -= before.rows;
      below_equal.weight = below_equal.weight + negative(before.weight);
      equal.add(before);
      equal.add(after);
    }
    const int64_t rank = centred_rank(below_equal, equal, all, Row::weighs);
    for (; begin < end; ++begin) f(rows[begin], rank);
    below.add(here);
  }
}

/// Calls f(rows) for those of a range.
template <class F>
void with_rows(const RowRange& range, const F& f) {
  if (const auto* weighed = dynamic_cast<const PairRange<WeighedKeyed>*>(&range)) return f(weighed->rows);
  f(dynamic_cast<const PairRange<Keyed>&>(range).rows);
}

/// The rank of a number that is none: no rank has these bits.
constexpr int64_t no_rank = std::numeric_limits<int64_t>::max(), no_narrow_rank = std::numeric_limits<int32_t>::max();

void add_ranks(RankSums& sums, int64_t x, int64_t y, const Keyed&) {
  sums.of_x += RankSums::Wide{x} * x;
  sums.of_y += RankSums::Wide{y} * y;
  sums.of_both += RankSums::Wide{x} * y;
}
void add_ranks(RankSums& sums, int64_t x, int64_t y, const WeighedKeyed& row) {
  const auto u = std::bit_cast<double>(x), v = std::bit_cast<double>(y);
  sums.weighted_x = sums.weighted_x + row.weight * u * u;
  sums.weighted_y = sums.weighted_y + row.weight * v * v;
  sums.weighted_both = sums.weighted_both + row.weight * u * v;
}

// --- What travels.

/// Both columns as they are.
struct WholePair final : RowRange {
  Tensor preds, target, weights;
};

class RankedPairs final : public RangedRows, public SecondRows, public WholeColumns {
 public:
  explicit RankedPairs(int64_t columns) : columns_(columns) {}

  std::string key() const override { return "pairs by their ranks"; }
  RangeBytes facts(const States& local) const override {
    const auto wide = [&](const char* name) {
      return local[name].rows() > 0 && local[name].tensor().scalar_type() == at::kDouble;
    };
    const bool weigh = local.row_weights() != nullptr && local.row_weights()->rows() > 0;
    return bytes_of_range(PairFacts{wide("preds"), wide("target"), weigh, local["preds"].rows()});
  }
  int64_t columns() const override { return columns_; }
  int64_t kinds() const override { return 1; }
  bool ties_part() const override { return true; }
  const SecondRows* second() const override { return this; }
  const WholeColumns* whole_columns() const override { return this; }

  // --- By predictions, beside them the key of the target.

  RangedRows::Layout layout(int64_t, std::span<const RangeBytes> facts) const override {
    const PairFacts all = facts_of_all(facts);
    return layout_of(dtype_of_keys(all.wide_x), dtype_of_keys(all.wide_y), all.weigh);
  }
  Column rows(const States& local, std::span<const RangeBytes> facts, int64_t column) const override {
    const PairFacts all = facts_of_all(facts);
    return {all.weigh ? sorted_pairs<WeighedKeyed>(local, all, column) : sorted_pairs<Keyed>(local, all, column)};
  }
  std::unique_ptr<Range> range(std::vector<std::vector<KeyedRows>> kinds,
                               std::span<const RangeBytes> facts) const override {
    return pairs_of(std::move(kinds.front()), facts, /*values_are_keys=*/true);
  }
  RangeBytes summary(const RowRange& range) const override {
    return bytes_of_range(static_cast<const PairsInRange&>(range).extent());
  }
  std::size_t summary_bytes() const override { return sizeof(Extent); }

  // --- By targets, beside them the rank of the prediction.

  RangedRows::Layout layout(std::span<const RangeBytes> facts) const override {
    const PairFacts all = facts_of_all(facts);
    return layout_of(dtype_of_keys(all.wide_y), dtype_of_ranks(all.rows), all.weigh);
  }
  Tensor keys(const States& local, std::span<const RangeBytes> facts, int64_t column) const override {
    const PairFacts all = facts_of_all(facts);
    wide_y_ = all.wide_y;
    std::vector<uint64_t> keys = ordered_keys(local["target"], column, all.wide_y), scratch(keys.size());
    const auto sorted =
        kernels::radix_sorted(std::span(keys), std::span(scratch), [](const uint64_t& key) { return key; });
    return integers(sorted, dtype_of_keys(all.wide_y), [](uint64_t key) { return key; });
  }
  Tensor keys(const RowRange& first) const override {
    std::vector<Keyed>& order = static_cast<const PairsInRange&>(first).by_value;
    with_rows(first, [&](const auto& rows) {
      if (order.size() == rows.size()) return;
      order.reserve(rows.size());
      for (const Keyed& row : rows) {
        order.push_back({static_cast<uint64_t>(row.value), static_cast<int64_t>(order.size())});
      }
      order = in_order_of_keys(std::move(order));
    });
    return integers(order, dtype_of_keys(wide_y_), [](const Keyed& row) { return row.key; });
  }
  Tensor values(const RowRange& first, std::span<const RangeBytes> summaries, std::size_t own) const override {
    const at::ScalarType dtype = dtype_of_ranks(amount_of_all(summaries).rows);
    Tensor values;
    with_rows(first, [&]<class Row>(const std::vector<Row>& rows) {
      const int64_t none = Row::weighs || dtype == at::kLong ? no_rank : no_narrow_rank;
      std::vector<Row> ranked;
      ranked.reserve(rows.size());
      each_rank(rows, summaries, own, [&](Row row, int64_t rank) {
        row.value = row.key == 0 ? none : rank;
        ranked.push_back(row);
      });
      std::vector<Row> in_order;
      in_order.reserve(rows.size());
      for (const Keyed& place : static_cast<const PairsInRange&>(first).by_value) {
        in_order.push_back(ranked[static_cast<std::size_t>(place.value)]);
      }
      values = values_of(in_order, dtype);
    });
    return values;
  }
  std::unique_ptr<RowRange> range(std::vector<KeyedRows> rows_by_rank,
                                  std::span<const RangeBytes> facts) const override {
    return pairs_of(std::move(rows_by_rank), facts, /*values_are_keys=*/false);
  }

  // --- As whole columns.

  std::vector<WholeColumns::Layout> of_column(std::span<const RangeBytes> facts) const override {
    const PairFacts all = facts_of_all(facts);
    return {{all.wide_x ? at::kDouble : at::kFloat, {}}, {all.wide_y ? at::kDouble : at::kFloat, {}}};
  }
  std::vector<WholeColumns::Layout> in_common(std::span<const RangeBytes> facts) const override {
    if (!facts_of_all(facts).weigh) return {};
    return {{at::kDouble, {}}};
  }
  int64_t rows(const States& local) const override { return local["preds"].rows(); }
  std::vector<Tensor> columns(const States& local, std::span<const RangeBytes> facts, int64_t first,
                              int64_t last) const override {
    const PairFacts all = facts_of_all(facts);
    const auto some = [&](const char* name, bool wide) {
      const at::ScalarType dtype = wide ? at::kDouble : at::kFloat;
      if (local[name].rows() == 0) return at::empty({last - first, 0}, dtype);
      std::vector<Tensor> of_each;
      for (int64_t c = first; c < last; ++c) of_each.push_back(column_in(local[name], c).to(dtype));
      return at::stack(of_each);
    };
    return {some("preds", all.wide_x), some("target", all.wide_y)};
  }
  std::vector<Tensor> common(const States& local, std::span<const RangeBytes> facts) const override {
    if (!facts_of_all(facts).weigh) return {};
    return {row_weights_of(local)};
  }
  std::unique_ptr<RowRange> range(int64_t, const std::vector<Tensor>& rows, const std::vector<Tensor>& common,
                                  std::span<const RangeBytes>) const override {
    auto pair = std::make_unique<WholePair>();
    pair->preds = rows.front();
    pair->target = rows.back();
    if (!common.empty()) pair->weights = common.front();
    return pair;
  }

 private:
  // Centred ranks are between minus and plus the number of rows.
  static at::ScalarType dtype_of_ranks(int64_t rows) { return rows < no_narrow_rank ? at::kInt : at::kLong; }

  static Tensor row_weights_of(const States& local) {
    const State* const weights = local.row_weights();
    const int64_t rows = local["preds"].rows();
    if (weights == nullptr || weights->rows() == 0) return at::ones({rows}, at::kDouble);
    return weights->tensor().to(at::kCPU, at::kDouble).reshape({rows}).contiguous();
  }
  template <class Row>
  static KeyedRows sorted_pairs(const States& local, const PairFacts& all, int64_t column) {
    const std::vector<uint64_t> x = ordered_keys(local["preds"], column, all.wide_x),
                                y = ordered_keys(local["target"], column, all.wide_y);
    const Tensor weights = Row::weighs ? row_weights_of(local) : Tensor();
    std::vector<Row> pairs(x.size());
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      pairs[i].key = x[i];
      pairs[i].value = static_cast<int64_t>(y[i]);
      if constexpr (Row::weighs) pairs[i].weight = weights.const_data_ptr<double>()[i];
    }
    pairs = in_order_of_keys(std::move(pairs));
    return {integers(pairs, dtype_of_keys(all.wide_x), [](const Row& pair) { return pair.key; }),
            values_of(pairs, dtype_of_keys(all.wide_y))};
  }
  static std::unique_ptr<RowRange> pairs_of(std::vector<KeyedRows> of_ranks, std::span<const RangeBytes> facts,
                                            bool values_are_keys) {
    if (facts_of_all(facts).weigh)
      return std::make_unique<PairRange<WeighedKeyed>>(std::move(of_ranks), values_are_keys);
    return std::make_unique<PairRange<Keyed>>(std::move(of_ranks), values_are_keys);
  }

  int64_t columns_;
  mutable bool wide_y_ = false;  // known from the first call that is given facts on
};

class RangedRankSums final : public RangedValue {
 public:
  explicit RangedRankSums(int64_t columns) : rows_(columns) {}

  const RangedRows& rows() const override { return rows_; }
  RangeBytes part(const RowRange& range, std::span<const RangeBytes> summaries, std::size_t own) const override {
    if (const auto* pair = dynamic_cast<const WholePair*>(&range)) {
      return bytes_of_range(rank_sums(pair->preds, pair->target, pair->weights));
    }
    RankSums sums;
    const bool narrow = amount_of_all(summaries).rows < no_narrow_rank;
    with_rows(range, [&]<class Row>(const std::vector<Row>& rows) {
      const int64_t none = Row::weighs || !narrow ? no_rank : no_narrow_rank;
      each_rank(rows, summaries, own, [&](const Row& row, int64_t rank) {
        if (row.key == 0 || row.value == none) {
          sums.has_nan = true;
        } else {
          add_ranks(sums, row.value, rank, row);
        }
      });
    });
    return bytes_of_range(sums);
  }
  std::size_t part_bytes(std::span<const RangeBytes>) const override { return sizeof(RankSums); }

 private:
  RankedPairs rows_;
};

}  // namespace

void RankSums::add(const RankSums& other) {
  of_x += other.of_x;
  of_y += other.of_y;
  of_both += other.of_both;
  weighted_x = weighted_x + other.weighted_x;
  weighted_y = weighted_y + other.weighted_y;
  weighted_both = weighted_both + other.weighted_both;
  has_nan |= other.has_nan;
}

double RankSums::correlation() const {
  // One of the two is 0.
  const double x = static_cast<double>(of_x) + weighted_x.value(), y = static_cast<double>(of_y) + weighted_y.value();
  if (has_nan || x == 0 || y == 0) return std::numeric_limits<double>::quiet_NaN();
  const double both = static_cast<double>(of_both) + weighted_both.value();
  return std::clamp(both / (std::sqrt(x) * std::sqrt(y)), -1.0, 1.0);
}

namespace {

/// The centred ranks of a column's numbers by the same functions, as the only range.
std::vector<int64_t> weighted_ranks(const Tensor& column, const double* weights) {
  std::vector<WeighedKeyed> rows(static_cast<std::size_t>(column.numel()));
  const auto fill = [&](const auto* numbers) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i].key = kernels::ordered_bits(numbers[i]);
      rows[i].value = static_cast<int64_t>(i);
      rows[i].weight = weights[i];
    }
  };
  column.scalar_type() == at::kDouble ? fill(column.const_data_ptr<double>()) : fill(column.const_data_ptr<float>());
  rows = in_order_of_keys(std::move(rows));
  Extent extent;
  extent.all = amount_of(std::span<const WeighedKeyed>(rows));
  const RangeBytes all = bytes_of_range(extent);
  std::vector<int64_t> ranks(rows.size());
  each_rank(rows, {&all, 1}, 0,
            [&](const WeighedKeyed& row, int64_t rank) { ranks[static_cast<std::size_t>(row.value)] = rank; });
  return ranks;
}

}  // namespace

RankSums rank_sums(const Tensor& preds, const Tensor& target, const Tensor& weights) {
  RankSums sums;
  sums.has_nan = has_nan(preds) || has_nan(target);
  if (sums.has_nan) return sums;
  if (weights.defined()) {
    const double* const weight = weights.const_data_ptr<double>();
    const std::vector<int64_t> x = weighted_ranks(preds, weight), y = weighted_ranks(target, weight);
    WeighedKeyed row{};
    for (std::size_t i = 0; i < x.size(); ++i) {
      row.weight = weight[i];
      add_ranks(sums, x[i], y[i], row);
    }
    return sums;
  }
  const std::vector<int64_t> x = doubled_ranks(preds), y = doubled_ranks(target);
  const auto mean = static_cast<int64_t>(x.size()) + 1;
  for (std::size_t i = 0; i < x.size(); ++i) add_ranks(sums, x[i] - mean, y[i] - mean, Keyed{});
  return sums;
}

std::shared_ptr<const RangedValue> ranged_rank_sums(int64_t columns) {
  return std::make_shared<RangedRankSums>(columns);
}

RankSums rank_sums(const std::vector<RangeBytes>& parts) {
  RankSums sums;
  for (const RangeBytes& part : parts) sums.add(from_range_bytes<RankSums>(part));
  return sums;
}

}  // namespace metrics::regression
