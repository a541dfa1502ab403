#pragma once

#include "kernels/fastest.h"
#include "kernels/lanes.h"
#include "kernels/parallel.h"
#include "sums.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>

// One pass over pairs (x, y), by which all sums over them are computed: in blocks of rows, the columns of a block in
// lanes. What is summed are terms, structs that carry their numbers:
//
//   struct Terms {
//     static constexpr int64_t sums, maxima, minima;
//     template <class N, class Weigh>
//     void fold(N* into, int64_t stride, const Weigh& weigh, const N& x, const N& y, const N& first_x,
//               const N& first_y) const;
//   };
//
// N is a number or several side by side. `weigh(term)` is what a term counts for: itself, or times the weight of its
// row. `first_x` and `first_y` are the first pair of the block. Subtracting them leaves only the spread of the numbers,
// so that squares lose nothing to a large offset.

namespace metrics::kernels::pairs {

template <class N>
METRICS_INLINE void raise(N& into, const N& value) {
  if constexpr (std::is_same_v<N, double>) {
    into = value > into ? value : into;
  } else {
    into = chosen(value > into, value, into);
  }
}
template <class N>
METRICS_INLINE void lower(N& into, const N& value) {
  if constexpr (std::is_same_v<N, double>) {
    into = value < into ? value : into;
  } else {
    into = chosen(value < into, value, into);
  }
}

/// Terms of rows that count once.
struct Once {
  template <class N>
  METRICS_INLINE N operator()(const N& term) const {
    return term;
  }
};

/// Terms of rows that weigh.
template <class N>
struct Times {
  N weight;
  METRICS_INLINE N operator()(const N& term) const { return weight * term; }
};

/// Whether terms take so long that it does not show when all numbers are written as float64 first, and rows that count
/// once are given weights of 1. Their kernels are large, and compiled once for each machine and layout; those of quick
/// terms for float32 and float64, each alone and with weights in float64, and for a column of float32 with weights that
/// lie as such beside it.
template <class Terms>
constexpr bool takes_long() {
  if constexpr (requires { Terms::is_long; }) return Terms::is_long;
  return false;
}

/// Sums one function of a pair.
template <class Term>
struct SumOf {
  static constexpr int64_t sums = 1, maxima = 0, minima = 0;
  static constexpr bool is_long = takes_long<Term>();
  Term term;

  template <class N, class Weigh>
  METRICS_INLINE void fold(N* into, int64_t, const Weigh& weigh, const N& x, const N& y, const N&, const N&) const {
    into[0] += weigh(term(x, y));
  }
};

/// How many numbers a lane holds: its sums, then its maxima, then its minima, and last the sum of its weights.
template <class Terms>
constexpr int64_t width = Terms::sums + Terms::maxima + Terms::minima + 1;

/// Memory for so many numbers, which are not set: on the stack where they are few.
template <class T, std::size_t few>
class Scratch {
 public:
  explicit Scratch(int64_t count) {
    if (count > static_cast<int64_t>(few)) many_ = std::make_unique_for_overwrite<T[]>(static_cast<std::size_t>(count));
  }
  T* data() { return many_ ? many_.get() : few_; }

 private:
  T few_[few];
  std::unique_ptr<T[]> many_;
};

/// The neutral element of a term.
template <class Terms>
constexpr double neutral(int64_t term) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const bool is_maximum = term >= Terms::sums && term < Terms::sums + Terms::maxima;
  const bool is_minimum = term >= Terms::sums + Terms::maxima && term + 1 < width<Terms>;
  return is_maximum ? -infinity : is_minimum ? infinity : 0;
}

/// Writes the neutral elements to the lanes.
template <class Terms>
METRICS_INLINE void clear(double* into, int64_t lanes) {
  for (int64_t term = 0; term < width<Terms>; ++term) std::fill_n(into + term * lanes, lanes, neutral<Terms>(term));
}

/// Folds so many lanes into as many others.
template <class Terms>
METRICS_INLINE void fold_lanes(double* into, int64_t into_stride, const double* from, int64_t stride, int64_t lanes) {
  constexpr int64_t minima = Terms::sums + Terms::maxima;
  for (int64_t term = 0; term < width<Terms>; ++term) {
    double* const to = into + term * into_stride;
    const double* const of = from + term * stride;
    if (term >= Terms::sums && term < minima) {
      for (int64_t lane = 0; lane < lanes; ++lane) raise(to[lane], of[lane]);
    } else if (term >= minima && term + 1 < width<Terms>) {
      for (int64_t lane = 0; lane < lanes; ++lane) lower(to[lane], of[lane]);
    } else {
      for (int64_t lane = 0; lane < lanes; ++lane) to[lane] += of[lane];
    }
  }
}

/// In so many lanes the rows of one column are summed, because one sum alone would wait for each addition. Their number
/// fixes the bits.
inline constexpr int64_t column_lanes = 16;

/// Some rows of one column or several. Without weights `weights` is null; else there is one for each element.
template <class T, class Weight>
struct Part {
  const T* preds;
  const T* target;
  const Weight* weights;
};
template <class T, class Weight>
Part(const T*, const T*, const Weight*) -> Part<T, Weight>;

/// Begins sums anew. By constants, because a term that is only known at run time is not kept in a register.
template <class Terms, class N, std::size_t... terms>
METRICS_INLINE void begin_sums(N* of, std::index_sequence<terms...>) {
  ((of[terms] = N(neutral<Terms>(static_cast<int64_t>(terms)))), ...);
}

/// Folds a multiple of `column_lanes` rows of a column into sums that begin anew, which it writes [width, lanes].
template <bool weighted, int64_t lanes, class Terms, class T, class Weight, std::size_t... registers>
METRICS_INLINE void sum_full_rows(const Terms& terms, const Part<T, Weight>& part, int64_t rows, double first_x,
                                  double first_y, double* written, std::index_sequence<registers...>) {
  using N = Doubles<lanes>;
  N sums[sizeof...(registers)][width<Terms>];
  (begin_sums<Terms>(sums[registers], std::make_index_sequence<width<Terms>>{}), ...);
  const N of_first_x(first_x), of_first_y(first_y);
  for (int64_t row = 0; row < rows; row += column_lanes) {
    const auto fold = [&](N* into, int64_t first) METRICS_INLINED {
      const N x = read_lanes<lanes>(part.preds + first), y = read_lanes<lanes>(part.target + first);
      if constexpr (weighted) {
        const Times<N> weigh{read_lanes<lanes>(part.weights + first)};
        terms.fold(into, 1, weigh, x, y, of_first_x, of_first_y);
        into[width<Terms> - 1] += weigh.weight;
      } else {
        terms.fold(into, 1, Once{}, x, y, of_first_x, of_first_y);
      }
    };
    (fold(sums[registers], row + static_cast<int64_t>(registers) * lanes), ...);
  }
  const auto write = [&](const N* of, int64_t first) METRICS_INLINED {
#pragma GCC unroll 16
    for (int64_t term = 0; term < width<Terms>; ++term) write_lanes(of[term], written + term * column_lanes + first);
  };
  (write(sums[registers], static_cast<int64_t>(registers) * lanes), ...);
}

/// Folds the lanes of a column into one after the other, which fixes the bits.
template <class Terms>
METRICS_INLINE void fold_column(const double* lanes, double* into) {
  const auto fold = [&](auto term) METRICS_INLINED {
    constexpr int64_t own = term();
    constexpr int64_t maxima = Terms::sums, minima = maxima + Terms::maxima;
    double total = neutral<Terms>(own);
#pragma GCC unroll 16
    for (int64_t lane = 0; lane < column_lanes; ++lane) {
      const double of_lane = lanes[own * column_lanes + lane];
      if constexpr (own >= maxima && own < minima) {
        raise(total, of_lane);
      } else if constexpr (own >= minima && own + 1 < width<Terms>) {
        lower(total, of_lane);
      } else {
        total += of_lane;
      }
    }
    into[own] = total;
  };
  [&]<std::size_t... own>(std::index_sequence<own...>) METRICS_INLINED {
    (fold(std::integral_constant<int64_t, static_cast<int64_t>(own)>{}), ...);
  }
  (std::make_index_sequence<width<Terms>>{});
}

/// Folds rows of a column into [width, column_lanes], which for the first rows holds nothing yet.
template <bool weighted, int64_t lanes, class Terms, class T, class Weight>
METRICS_INLINE void add_column(const Terms& terms, const Part<T, Weight>& part, int64_t rows, double first_x,
                               double first_y, bool is_begun, double* into) {
  const int64_t full = rows / column_lanes * column_lanes, rest = rows - full;
  T last_preds[column_lanes], last_target[column_lanes];
  Weight last_weights[column_lanes];
  double written[width<Terms> * column_lanes];
  // The last rows are filled up with the last one, of which nothing more is taken. One loop is for both, because what
  // it does of a row may be long.
  for (const bool is_last : {false, true}) {
    if ((is_last ? rest : full) == 0) continue;
    for (int64_t lane = 0; is_last && lane < column_lanes; ++lane) {
      const int64_t row = std::min(full + lane, rows - 1);
      last_preds[lane] = part.preds[row];
      last_target[lane] = part.target[row];
      if constexpr (weighted) last_weights[lane] = part.weights[row];
    }
    if (is_last && !is_begun) clear<Terms>(into, column_lanes);
    const bool in_place = !is_last && !is_begun;
    sum_full_rows<weighted, lanes>(terms, is_last ? Part<T, Weight>{last_preds, last_target, last_weights} : part,
                                   is_last ? column_lanes : full, first_x, first_y, in_place ? into : written,
                                   std::make_index_sequence<column_lanes / lanes>{});
    is_begun = true;
    if (in_place) continue;
    if (is_last) {
      fold_lanes<Terms>(into, column_lanes, written, column_lanes, rest);
    } else {
      fold_lanes<Terms>(into, column_lanes, written, column_lanes, column_lanes);
    }
  }
}

/// In how many lanes several columns are summed: a lane is a column, or with few columns one of several rows that are
/// read together.
inline int64_t lanes_of(int64_t columns) {
  return columns == 1 ? column_lanes : std::max<int64_t>(1, 32 / columns) * columns;
}

/// Folds rows of several columns into [width, lanes].
template <bool weighted, class Terms, class T>
METRICS_INLINE void add_columns(const Terms& terms, const Part<T, double>& part, int64_t rows, int64_t columns,
                                int64_t lanes, const double* first_x, const double* first_y, double* into) {
  for (int64_t first = 0; first < rows * columns; first += lanes) {
    const T* const x = part.preds + first;
    const T* const y = part.target + first;
    const double* const weights = part.weights + (weighted ? first : 0);
    const int64_t used = std::min(lanes, rows * columns - first);
#pragma omp simd
    for (int64_t lane = 0; lane < used; ++lane) {
      const auto pred = static_cast<double>(x[lane]), target = static_cast<double>(y[lane]);
      if constexpr (weighted) {
        terms.fold(into + lane, lanes, Times<double>{weights[lane]}, pred, target, first_x[lane], first_y[lane]);
        into[(width<Terms> - 1) * lanes + lane] += weights[lane];
      } else {
        terms.fold(into + lane, lanes, Once{}, pred, target, first_x[lane], first_y[lane]);
      }
    }
  }
}

/// Numbers of any type in float64, from `first` on.
void widen(const void* from, Element element, int64_t first, int64_t count, double* to);
/// Numbers of a half type in float32.
void widen(const void* from, Element element, int64_t first, int64_t count, float* to);

/// Numbers from `first` on: where they lie, if they are of that type, else written into `room`.
template <class T>
METRICS_INLINE const T* read_numbers(const void* from, Element element, int64_t first, int64_t count, T* room) {
  constexpr Element own = std::is_same_v<T, double> ? Element::Double : Element::Float;
  if (element == own) return static_cast<const T*>(from) + first;
  widen(from, element, first, count, room);
  return room;
}

inline constexpr int64_t elements_per_block = 8192;
inline constexpr int64_t fewest_rows_per_block = 64;
/// What is written into other types first is that in parts of so many elements, which stay in the nearest cache. All
/// blocks are summed in such parts, because their number fixes the bits.
inline constexpr int64_t elements_per_part = 2048;
inline constexpr std::size_t most_lanes_in_place = 32, elements_in_place = elements_per_part;

/// The rows of one block, and where its results lie.
struct Block {
  int64_t rows, columns;
  const double* results;  // [width, columns]
  const double* firsts;   // [2, columns]
  const double* weights;  // [columns], of which all are the same; null where each row counts once

  double of(int64_t term, int64_t column) const { return results[term * columns + column]; }
  double first_x(int64_t column) const { return firsts[column]; }
  double first_y(int64_t column) const { return firsts[columns + column]; }
  /// How many rows there are, or what they weigh.
  double count() const { return weights != nullptr ? weights[0] : static_cast<double>(rows); }
};

/// Writes a weight for each element of rows.
void spread_weights(const Pairs& pairs, int64_t row, int64_t rows, double* to);

/// Writes the sums, maxima and minima [width, columns] of a block's rows, and behind them its first pair of each
/// column. What is not of type T is written so in parts.
template <class T, class Terms>
void sum_rows_of(const Terms& terms, const Pairs& pairs, int64_t row, int64_t rows, double* results) {
  const int64_t columns = pairs.columns, lanes = lanes_of(columns);
  double* const firsts = results + width<Terms> * columns;
  widen(pairs.preds, pairs.element, row * columns, columns, firsts);
  widen(pairs.target, pairs.element, row * columns, columns, firsts + columns);

  // Of the one column that there mostly is all is known without dividing, which a small batch would wait for.
  const int64_t rows_of_part =
      columns == 1 ? elements_per_part : std::max<int64_t>(1, elements_per_part / lanes) * (lanes / columns);
  const int64_t most = std::min(rows, rows_of_part) * columns;
  constexpr Element own = std::is_same_v<T, double> ? Element::Double : Element::Float;
  constexpr bool ones = takes_long<Terms>();
  const bool weighted = pairs.weighted(), is_of_element = columns == 1 && pairs.rows_of_weight == 1;
  const bool spread = weighted && !(is_of_element && pairs.real_weights != nullptr);
  Scratch<T, 2 * elements_in_place> room(pairs.element != own ? 2 * most : 0);
  Scratch<double, elements_in_place> spread_of_part(spread || ones ? most : 0);
  if (ones && !weighted) std::fill_n(spread_of_part.data(), most, 1.0);
  /// Calls add(part, rows, whether it is the first); `weights_of(first row, rows)` are those of a part.
  const auto each_part = [&](const auto& weights_of, const auto& add) METRICS_INLINED {
    for (int64_t begin = row; begin < row + rows; begin += rows_of_part) {
      const int64_t length = std::min(rows_of_part, row + rows - begin);
      const int64_t first = begin * columns, count = length * columns;
      const T* const preds = read_numbers(pairs.preds, pairs.element, first, count, room.data());
      const T* const target = read_numbers(pairs.target, pairs.element, first, count, room.data() + most);
      add(Part{preds, target, weights_of(begin, length)}, length, begin == row);
    }
  };
  const auto of_part = [&](int64_t begin, int64_t length) METRICS_INLINED -> const double* {
    if (spread) spread_weights(pairs, begin, length, spread_of_part.data());
    if (!weighted) return ones ? spread_of_part.data() : nullptr;
    return spread ? spread_of_part.data() : pairs.real_weights + begin;
  };
  const auto with_or_without = [&](const auto& sum) {
    if constexpr (ones) {
      sum(std::true_type{}, of_part);
    } else {
      weighted ? sum(std::true_type{}, of_part) : sum(std::false_type{}, of_part);
    }
  };
  if (columns == 1) {
    const auto sum = [&](auto has_weights, const auto& weights_of) {
      fastest_in_lanes([&](auto count) METRICS_INLINED {
        double sums[width<Terms> * column_lanes];
        each_part(weights_of, [&](const auto& part, int64_t length, bool is_first) METRICS_INLINED {
          add_column<has_weights(), count()>(terms, part, length, firsts[0], firsts[1], !is_first, sums);
        });
        fold_column<Terms>(sums, results);
      });
    };
    if constexpr (std::is_same_v<T, float> && !ones) {
      const auto as_they_lie = [&](int64_t begin, int64_t) METRICS_INLINED { return pairs.float_weights + begin; };
      if (is_of_element && pairs.float_weights != nullptr) return sum(std::true_type{}, as_they_lie);
    }
    return with_or_without(sum);
  }
  Scratch<double, 2 * most_lanes_in_place> first_of_lanes(2 * lanes);
  double* const first_x = first_of_lanes.data();
  double* const first_y = first_x + lanes;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    first_x[lane] = firsts[lane % columns];
    first_y[lane] = firsts[columns + lane % columns];
  }
  Scratch<double, width<Terms> * most_lanes_in_place> sums(width<Terms> * lanes);
  clear<Terms>(sums.data(), lanes);
  const auto sum = [&](auto has_weights, const auto& weights_of) {
    fastest([&]() METRICS_INLINED {
      each_part(weights_of, [&](const Part<T, double>& part, int64_t length, bool) METRICS_INLINED {
        add_columns<has_weights()>(terms, part, length, columns, lanes, first_x, first_y, sums.data());
      });
    });
  };
  with_or_without(sum);
  clear<Terms>(results, columns);
  for (int64_t lane = 0; lane < lanes; lane += columns) {
    fold_lanes<Terms>(results, columns, sums.data() + lane, lanes, columns);
  }
}

template <class Terms>
void sum_rows(const Terms& terms, const Pairs& pairs, int64_t row, int64_t rows, double* results) {
  if constexpr (!takes_long<Terms>()) {
    if (pairs.element != Element::Double) return sum_rows_of<float>(terms, pairs, row, rows, results);
  }
  sum_rows_of<double>(terms, pairs, row, rows, results);
}

/// Sums all blocks, at once as far as there are threads, and calls take(block) for one after the other.
template <class Terms, class F>
void each_block(const Terms& terms, const Pairs& pairs, const F& take) {
  if (pairs.rows == 0 || pairs.columns == 0) return;
  const int64_t rows_per_block =
      pairs.columns == 1 ? elements_per_block : std::max(fewest_rows_per_block, elements_per_block / pairs.columns);
  const int64_t blocks = pairs.rows <= rows_per_block ? 1 : (pairs.rows + rows_per_block - 1) / rows_per_block;
  const int64_t stride = (width<Terms> + 2) * pairs.columns;
  Scratch<double, 64> results(blocks * stride);
  auto rows_of = [&](int64_t block) { return std::min(rows_per_block, pairs.rows - block * rows_per_block); };
  auto sum_blocks = [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      sum_rows(terms, pairs, block * rows_per_block, rows_of(block), results.data() + block * stride);
    }
  };
  parallel(blocks, elements_per_block, sum_blocks);
  for (int64_t block = 0; block < blocks; ++block) {
    const double* own = results.data() + block * stride;
    take(Block{.rows = rows_of(block),
               .columns = pairs.columns,
               .results = own,
               .firsts = own + width<Terms> * pairs.columns,
               .weights = pairs.weighted() ? own + (width<Terms> - 1) * pairs.columns : nullptr});
  }
}

/// Returns the sum of `term(x, y)` of each column.
template <class Term>
Summed<DoubleDouble> sums_of(const Term& term, const Pairs& pairs) {
  Summed<DoubleDouble> totals(pairs);
  each_block(SumOf<Term>{term}, pairs, [&](const Block& block) {
    totals.add_weights(block);
    for (int64_t column = 0; column < pairs.columns; ++column) {
      DoubleDouble& total = totals.of[static_cast<std::size_t>(column)];
      total = total + block.of(0, column);
    }
  });
  return totals;
}

}  // namespace metrics::kernels::pairs
