#pragma once

#include "kernels/fastest.h"
#include "kernels/half_formats.h"
#include "kernels/parallel.h"
#include "sums.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <type_traits>

// One pass over pairs (x, y), by which all sums over them are computed: in blocks of rows, the columns of a block in
// lanes. What is summed are terms, structs that carry their numbers:
//
//   struct Terms {
//     static constexpr int64_t sums, maxima, minima, lanes;
//     void fold(double* into, int64_t stride, double x, double y, double first_x, double first_y) const;
//   };
//
// `first_x` and `first_y` are the first pair of the block. Subtracting them leaves only the spread of the numbers, so
// that squares lose nothing to a large offset. `fold` is written out term by term, because the compiler vectorises no
// loop over lanes that has another loop or an array inside.

namespace metrics::kernels::pairs {

METRICS_INLINE void raise(double& into, double value) {
  into = value > into ? value : into;
}
METRICS_INLINE void lower(double& into, double value) {
  into = value < into ? value : into;
}

/// Sums one function of a pair.
template <class Term>
struct SumOf {
  static constexpr int64_t sums = 1, maxima = 0, minima = 0, lanes = 32;
  Term term;

  METRICS_INLINE void fold(double* into, int64_t, double x, double y, double, double) const { into[0] += term(x, y); }
};

/// How many numbers a lane holds: its sums, then its maxima, then its minima.
template <class Terms>
constexpr int64_t width = Terms::sums + Terms::maxima + Terms::minima;

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

/// Writes the neutral elements to the lanes.
template <class Terms>
METRICS_INLINE void clear(double* into, int64_t lanes) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  double* maxima = std::fill_n(into, Terms::sums * lanes, 0.0);
  double* minima = std::fill_n(maxima, Terms::maxima * lanes, -infinity);
  std::fill_n(minima, Terms::minima * lanes, infinity);
}

/// Folds a lane into another.
template <class Terms>
METRICS_INLINE void fold_lane(double* into, int64_t into_stride, const double* lane, int64_t stride) {
  constexpr int64_t minima = Terms::sums + Terms::maxima;
  for (int64_t t = 0; t < Terms::sums; ++t) into[t * into_stride] += lane[t * stride];
  for (int64_t t = Terms::sums; t < minima; ++t) raise(into[t * into_stride], lane[t * stride]);
  for (int64_t t = minima; t < width<Terms>; ++t) lower(into[t * into_stride], lane[t * stride]);
}

/// Sums one column in several lanes, because one sum alone would wait for each addition. Their number fixes the bits.
template <class Terms, class T>
METRICS_INLINE void sum_column(Terms terms, const T* preds, const T* target, int64_t rows, double* results) {
  constexpr int64_t lanes = Terms::lanes;
  const auto first_x = static_cast<double>(preds[0]);
  const auto first_y = static_cast<double>(target[0]);
  double lane_values[width<Terms> * lanes];
  clear<Terms>(lane_values, lanes);
  int64_t i = 0;
  for (; i + lanes <= rows; i += lanes) {
#pragma omp simd
    for (int64_t lane = 0; lane < lanes; ++lane) {
      terms.fold(lane_values + lane, lanes, static_cast<double>(preds[i + lane]), static_cast<double>(target[i + lane]),
                 first_x, first_y);
    }
  }
  for (int64_t lane = 0; i < rows; ++i, ++lane) {
    terms.fold(lane_values + lane, lanes, static_cast<double>(preds[i]), static_cast<double>(target[i]), first_x,
               first_y);
  }
  clear<Terms>(results, 1);
  for (int64_t lane = 0; lane < lanes; ++lane) fold_lane<Terms>(results, 1, lane_values + lane, lanes);
}

// What the sums of few columns, and of few rows of a half type, need lies on the stack.
inline constexpr std::size_t most_lanes_in_place = 32, most_halves_in_place = 64;

/// Sums several columns into `results` [width, columns]. A lane is a column, or with few columns one of several rows
/// that are read together.
template <class Terms, class T>
METRICS_INLINE void sum_columns(Terms terms, const T* preds, const T* target, int64_t rows, int64_t columns,
                                double* results) {
  const int64_t together = std::max<int64_t>(1, 32 / columns);
  const int64_t lanes = together * columns;
  Scratch<double, width<Terms> * most_lanes_in_place> lane_values(width<Terms> * lanes);
  clear<Terms>(lane_values.data(), lanes);
  Scratch<double, most_lanes_in_place> first_preds(lanes);
  Scratch<double, most_lanes_in_place> first_target(lanes);
  double* const first_x = first_preds.data();
  double* const first_y = first_target.data();
  for (int64_t lane = 0; lane < lanes; ++lane) {
    first_x[lane] = static_cast<double>(preds[lane % columns]);
    first_y[lane] = static_cast<double>(target[lane % columns]);
  }
  double* sums = lane_values.data();
  for (int64_t row = 0; row < rows; row += together) {
    const T* x = preds + row * columns;
    const T* y = target + row * columns;
    const int64_t used = std::min(together, rows - row) * columns;
#pragma omp simd
    for (int64_t lane = 0; lane < used; ++lane) {
      terms.fold(sums + lane, lanes, static_cast<double>(x[lane]), static_cast<double>(y[lane]), first_x[lane],
                 first_y[lane]);
    }
  }
  clear<Terms>(results, columns);
  for (int64_t lane = 0; lane < lanes; ++lane) {
    fold_lane<Terms>(results + lane % columns, columns, sums + lane, lanes);
  }
}

/// Writes the sums, maxima and minima [width, columns] of a block's rows.
template <class Terms, class T>
void sum_block(const Terms& terms, const T* preds, const T* target, int64_t rows, int64_t columns, double* results) {
  fastest([&]() METRICS_INLINED {
    columns == 1 ? sum_column(terms, preds, target, rows, results)
                 : sum_columns(terms, preds, target, rows, columns, results);
  });
}

/// The numbers of a half type in float32.
void widen(const BFloat16* from, int64_t count, float* to);
void widen(const Half* from, int64_t count, float* to);

inline constexpr int64_t elements_per_block = 8192;
inline constexpr int64_t fewest_rows_per_block = 64;

/// The rows of one block, and where its results lie.
struct Block {
  int64_t rows, columns;
  const double* results;  // [width, columns]
  const double* firsts;   // [2, columns]

  double of(int64_t term, int64_t column) const { return results[term * columns + column]; }
  double first_x(int64_t column) const { return firsts[column]; }
  double first_y(int64_t column) const { return firsts[columns + column]; }
};

template <class T, class Terms>
void sum_rows_of(const Terms& terms, const Pairs& pairs, int64_t row, int64_t rows, double* results) {
  const int64_t columns = pairs.columns;
  const auto* preds = static_cast<const T*>(pairs.preds) + row * columns;
  const auto* target = static_cast<const T*>(pairs.target) + row * columns;
  double* firsts = results + width<Terms> * columns;
  auto sum = [&](const auto* x, const auto* y) {
    for (int64_t column = 0; column < columns; ++column) {
      firsts[column] = static_cast<double>(x[column]);
      firsts[columns + column] = static_cast<double>(y[column]);
    }
    sum_block(terms, x, y, rows, columns, results);
  };
  if constexpr (std::is_floating_point_v<T>) {
    sum(preds, target);
  } else {
    const int64_t count = rows * columns;
    Scratch<float, 2 * most_halves_in_place> buffer(2 * count);
    widen(preds, count, buffer.data());
    widen(target, count, buffer.data() + count);
    sum(static_cast<const float*>(buffer.data()), static_cast<const float*>(buffer.data() + count));
  }
}

template <class Terms>
void sum_rows(const Terms& terms, const Pairs& pairs, int64_t row, int64_t rows, double* results) {
  with_element(pairs.preds, pairs.element,
               [&]<class E>(const E*) { sum_rows_of<E>(terms, pairs, row, rows, results); });
}

/// Sums all blocks, at once as far as there are threads, and calls take(block) for one after the other.
template <class Terms, class F>
void each_block(const Terms& terms, const Pairs& pairs, const F& take) {
  if (pairs.rows == 0 || pairs.columns == 0) return;
  const int64_t rows_per_block = std::max(fewest_rows_per_block, elements_per_block / pairs.columns);
  const int64_t blocks = (pairs.rows + rows_per_block - 1) / rows_per_block;
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
               .firsts = own + width<Terms> * pairs.columns});
  }
}

/// Sums `weight * term(x, y)` of a block's rows: several rows at a time where there is one column.
template <class Term, class T>
METRICS_INLINE void sum_weighted_block(const Term& term, const T* preds, const T* target, const double* weights,
                                       int64_t rows, int64_t columns, double* sums) {
  const auto weighted = [&](int64_t row, int64_t i) METRICS_INLINED {
    return weights[row] * term(static_cast<double>(preds[i]), static_cast<double>(target[i]));
  };
  if (columns > 1) {
    for (int64_t row = 0; row < rows; ++row) {
#pragma omp simd
      for (int64_t column = 0; column < columns; ++column) sums[column] += weighted(row, row * columns + column);
    }
    return;
  }
  constexpr int64_t lanes = 32;
  double lane_sums[lanes] = {};
  int64_t row = 0;
  for (; row + lanes <= rows; row += lanes) {
#pragma omp simd
    for (int64_t lane = 0; lane < lanes; ++lane) lane_sums[lane] += weighted(row + lane, row + lane);
  }
  for (int64_t lane = 0; row < rows; ++row, ++lane) lane_sums[lane] += weighted(row, row);
  for (const double sum : lane_sums) sums[0] += sum;
}

template <class T, class Term>
void sum_weighted_rows_of(const Term& term, const Pairs& pairs, const double* weights, int64_t row, int64_t rows,
                          double* sums) {
  const int64_t first = row * pairs.columns, count = rows * pairs.columns;
  const auto* preds = static_cast<const T*>(pairs.preds) + first;
  const auto* target = static_cast<const T*>(pairs.target) + first;
  const auto sum = [&](const auto* x, const auto* y) {
    fastest([&]() METRICS_INLINED { sum_weighted_block(term, x, y, weights + row, rows, pairs.columns, sums); });
  };
  if constexpr (std::is_floating_point_v<T>) {
    sum(preds, target);
  } else {
    Scratch<float, 2 * most_halves_in_place> buffer(2 * count);
    widen(preds, count, buffer.data());
    widen(target, count, buffer.data() + count);
    sum(static_cast<const float*>(buffer.data()), static_cast<const float*>(buffer.data() + count));
  }
}

/// Returns the sum of `weight * term(x, y)` of each column; `weights` has one for each row.
template <class Term>
ByColumn<DoubleDouble> weighted_sums_of(const Term& term, const Pairs& pairs, const double* weights) {
  ByColumn<DoubleDouble> totals(static_cast<std::size_t>(pairs.columns));
  if (pairs.rows == 0 || pairs.columns == 0) return totals;
  const int64_t rows_per_block = std::max(fewest_rows_per_block, elements_per_block / pairs.columns);
  const int64_t blocks = (pairs.rows + rows_per_block - 1) / rows_per_block;
  Scratch<double, 64> sums(blocks * pairs.columns);
  std::fill_n(sums.data(), blocks * pairs.columns, 0.0);
  parallel(blocks, elements_per_block, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t row = block * rows_per_block;
      const int64_t rows = std::min(rows_per_block, pairs.rows - row);
      with_element(pairs.preds, pairs.element, [&]<class E>(const E*) {
        sum_weighted_rows_of<E>(term, pairs, weights, row, rows, sums.data() + block * pairs.columns);
      });
    }
  });
  for (int64_t i = 0; i < blocks * pairs.columns; ++i) {
    DoubleDouble& total = totals[static_cast<std::size_t>(i % pairs.columns)];
    total = total + sums.data()[i];
  }
  return totals;
}

/// Returns the sum of `term(x, y)` of each column.
template <class Term>
ByColumn<DoubleDouble> sums_of(const Term& term, const Pairs& pairs) {
  ByColumn<DoubleDouble> totals(static_cast<std::size_t>(pairs.columns));
  each_block(SumOf<Term>{term}, pairs, [&](const Block& block) {
    for (int64_t column = 0; column < pairs.columns; ++column) {
      DoubleDouble& total = totals[static_cast<std::size_t>(column)];
      total = total + block.of(0, column);
    }
  });
  return totals;
}

}  // namespace metrics::kernels::pairs
