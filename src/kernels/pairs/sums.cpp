#include "sums.h"

#include "kernels/half_formats.h"
#include "kernels/multiversioned.h"
#include "exact_products.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <type_traits>

namespace metrics::kernels::pairs {
namespace {

// --- What is summed of a pair (x, y), given the pair (first_x, first_y) that begins its block: numbers less one of
// --- their own are as small as they differ, so that their squares lose nothing to a large offset.

// --- Written out term by term: what is gathered in an array or a loop inside of a loop over lanes is not vectorised.

METRICS_INLINE void raise(double& into, double value) {
  into = value > into ? value : into;
}
METRICS_INLINE void lower(double& into, double value) {
  into = value < into ? value : into;
}

struct SquaredError {
  static constexpr int64_t sums = 1, maxima = 0, minima = 0, lanes = 32;
  static METRICS_INLINE void fold(double* into, int64_t, double x, double y, double, double) {
    const double error = x - y;
    into[0] += error * error;
  }
};

struct AbsoluteError {
  static constexpr int64_t sums = 1, maxima = 0, minima = 0, lanes = 32;
  static METRICS_INLINE void fold(double* into, int64_t, double x, double y, double, double) {
    const double error = x - y;
    into[0] += error < 0 ? -error : error;
  }
};

struct Fit {
  static constexpr int64_t sums = 3, maxima = 0, minima = 0, lanes = 16;
  static METRICS_INLINE void fold(double* into, int64_t stride, double x, double y, double, double first_y) {
    const double error = x - y;
    const double v = y - first_y;
    into[0] += v;
    into[stride] += v * v;
    into[2 * stride] += error * error;
  }
};

struct Moments {
  static constexpr int64_t sums = 5, maxima = 2, minima = 2, lanes = 16;
  static METRICS_INLINE void fold(double* into, int64_t stride, double x, double y, double first_x, double first_y) {
    const double u = x - first_x;
    const double v = y - first_y;
    into[0] += u;
    into[stride] += v;
    into[2 * stride] += u * u;
    into[3 * stride] += v * v;
    into[4 * stride] += u * v;
    raise(into[5 * stride], u);
    raise(into[6 * stride], v);
    lower(into[7 * stride], u);
    lower(into[8 * stride], v);
  }
};

/// How many numbers a lane holds: its sums, then its maxima, then its minima.
template <class Terms>
constexpr int64_t width = Terms::sums + Terms::maxima + Terms::minima;

/// Writes to the lanes what changes nothing.
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

/// Sums one column. Lanes, not one sum for each term: they keep the adders busy, and their number fixes the bits.
template <class Terms, class T>
METRICS_INLINE void sum_column(const T* preds, const T* target, int64_t rows, double* results) {
  constexpr int64_t lanes = Terms::lanes;
  const auto first_x = static_cast<double>(preds[0]);
  const auto first_y = static_cast<double>(target[0]);
  double kept[width<Terms> * lanes];
  clear<Terms>(kept, lanes);
  int64_t i = 0;
  for (; i + lanes <= rows; i += lanes) {
#pragma omp simd
    for (int64_t lane = 0; lane < lanes; ++lane) {
      Terms::fold(kept + lane, lanes, static_cast<double>(preds[i + lane]), static_cast<double>(target[i + lane]),
                  first_x, first_y);
    }
  }
  for (int64_t lane = 0; i < rows; ++i, ++lane) {
    Terms::fold(kept + lane, lanes, static_cast<double>(preds[i]), static_cast<double>(target[i]), first_x, first_y);
  }
  clear<Terms>(results, 1);
  for (int64_t lane = 0; lane < lanes; ++lane) fold_lane<Terms>(results, 1, kept + lane, lanes);
}

/// Sums several columns into `results` [width, columns]. A lane is a column, or with few columns one of several rows
/// that are read together.
template <class Terms, class T>
METRICS_INLINE void sum_columns(const T* preds, const T* target, int64_t rows, int64_t columns, double* results) {
  const int64_t together = std::max<int64_t>(1, 32 / columns);
  const int64_t lanes = together * columns;
  std::vector<double> kept(static_cast<std::size_t>(width<Terms> * lanes));
  clear<Terms>(kept.data(), lanes);
  std::vector<double> first_preds(static_cast<std::size_t>(lanes));
  std::vector<double> first_target(static_cast<std::size_t>(lanes));
  for (int64_t lane = 0; lane < lanes; ++lane) {
    first_preds[static_cast<std::size_t>(lane)] = static_cast<double>(preds[lane % columns]);
    first_target[static_cast<std::size_t>(lane)] = static_cast<double>(target[lane % columns]);
  }
  const double* first_x = first_preds.data();
  const double* first_y = first_target.data();
  double* sums = kept.data();
  for (int64_t row = 0; row < rows; row += together) {
    const T* x = preds + row * columns;
    const T* y = target + row * columns;
    const int64_t used = std::min(together, rows - row) * columns;
#pragma omp simd
    for (int64_t lane = 0; lane < used; ++lane) {
      Terms::fold(sums + lane, lanes, static_cast<double>(x[lane]), static_cast<double>(y[lane]), first_x[lane],
                  first_y[lane]);
    }
  }
  clear<Terms>(results, columns);
  for (int64_t lane = 0; lane < lanes; ++lane) {
    fold_lane<Terms>(results + lane % columns, columns, sums + lane, lanes);
  }
}

#define METRICS_SUM_BLOCK(Terms, T)                                                                            \
  METRICS_MULTIVERSIONED void sum_block(Terms, const T* preds, const T* target, int64_t rows, int64_t columns, \
                                        double* results) {                                                     \
    columns == 1 ? sum_column<Terms>(preds, target, rows, results)                                             \
                 : sum_columns<Terms>(preds, target, rows, columns, results);                                  \
  }
METRICS_SUM_BLOCK(SquaredError, float)
METRICS_SUM_BLOCK(SquaredError, double)
METRICS_SUM_BLOCK(AbsoluteError, float)
METRICS_SUM_BLOCK(AbsoluteError, double)
METRICS_SUM_BLOCK(Fit, float)
METRICS_SUM_BLOCK(Fit, double)
METRICS_SUM_BLOCK(Moments, float)
METRICS_SUM_BLOCK(Moments, double)
#undef METRICS_SUM_BLOCK

METRICS_MULTIVERSIONED void widen(const BFloat16* from, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = wide(from[i]);
}
METRICS_MULTIVERSIONED void widen(const Half* from, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = wide(from[i]);
}

// --- Blocks.

constexpr int64_t elements_per_block = 8192;
constexpr int64_t fewest_rows_per_block = 64;
constexpr int64_t blocks_per_task = 4;

/// The rows of one block, and where its results lie.
struct Block {
  int64_t rows, columns;
  const double* results;  // [width, columns]
  const double* firsts;   // [2, columns]

  double of(int64_t term, int64_t column) const { return results[term * columns + column]; }
  double first_x(int64_t column) const { return firsts[column]; }
  double first_y(int64_t column) const { return firsts[columns + column]; }
};

template <class Terms, class T>
void sum_rows(const Pairs& pairs, int64_t row, int64_t rows, double* results) {
  const int64_t columns = pairs.columns;
  const auto* preds = static_cast<const T*>(pairs.preds) + row * columns;
  const auto* target = static_cast<const T*>(pairs.target) + row * columns;
  double* firsts = results + width<Terms> * columns;
  auto sum = [&](const auto* x, const auto* y) {
    for (int64_t column = 0; column < columns; ++column) {
      firsts[column] = static_cast<double>(x[column]);
      firsts[columns + column] = static_cast<double>(y[column]);
    }
    sum_block(Terms{}, x, y, rows, columns, results);
  };
  if constexpr (std::is_floating_point_v<T>) {
    sum(preds, target);
  } else {
    const int64_t count = rows * columns;
    std::vector<float> buffer(2 * static_cast<std::size_t>(count));
    widen(preds, count, buffer.data());
    widen(target, count, buffer.data() + count);
    sum(static_cast<const float*>(buffer.data()), static_cast<const float*>(buffer.data() + count));
  }
}

template <class Terms>
void sum_rows(const Pairs& pairs, int64_t row, int64_t rows, double* results) {
  with_element(pairs.preds, pairs.element, [&]<class E>(const E*) { sum_rows<Terms, E>(pairs, row, rows, results); });
}

/// Sums all blocks, at once as far as there are threads, and calls take(block) for one after the other.
template <class Terms, class F>
void each_block(const Pairs& pairs, const F& take) {
  if (pairs.rows == 0 || pairs.columns == 0) return;
  const int64_t rows_per_block = std::max(fewest_rows_per_block, elements_per_block / pairs.columns);
  const int64_t blocks = (pairs.rows + rows_per_block - 1) / rows_per_block;
  const int64_t stride = (width<Terms> + 2) * pairs.columns;
  std::vector<double> results(static_cast<std::size_t>(blocks * stride));
  auto rows_of = [&](int64_t block) { return std::min(rows_per_block, pairs.rows - block * rows_per_block); };
  auto sum_blocks = [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      sum_rows<Terms>(pairs, block * rows_per_block, rows_of(block), results.data() + block * stride);
    }
  };
  if (blocks <= blocks_per_task) {
    sum_blocks(0, blocks);
  } else {
    at::parallel_for(0, blocks, blocks_per_task, sum_blocks);
  }
  for (int64_t block = 0; block < blocks; ++block) {
    const double* own = results.data() + block * stride;
    take(Block{.rows = rows_of(block),
               .columns = pairs.columns,
               .results = own,
               .firsts = own + width<Terms> * pairs.columns});
  }
}

template <class Terms>
std::vector<DoubleDouble> plain_sums(const Pairs& pairs) {
  std::vector<DoubleDouble> totals(static_cast<std::size_t>(pairs.columns));
  each_block<Terms>(pairs, [&](const Block& block) {
    for (int64_t column = 0; column < pairs.columns; ++column) {
      DoubleDouble& total = totals[static_cast<std::size_t>(column)];
      total = total + block.of(0, column);
    }
  });
  return totals;
}

}  // namespace

std::vector<DoubleDouble> squared_errors(const Pairs& pairs) {
  return plain_sums<SquaredError>(pairs);
}

std::vector<double> row_squared_errors(const Pairs& pairs) {
  std::vector<double> totals(static_cast<std::size_t>(pairs.rows));
  const Pairs flat{.preds = pairs.preds,
                   .target = pairs.target,
                   .element = pairs.element,
                   .rows = pairs.rows * pairs.columns,
                   .columns = 1};
  const auto sum_one = [&](int64_t row) {
    const int64_t end = (row + 1) * pairs.columns;
    DoubleDouble total;
    for (int64_t begin = row * pairs.columns; begin < end; begin += elements_per_block) {
      double results[width<SquaredError> + 2];
      sum_rows<SquaredError>(flat, begin, std::min(elements_per_block, end - begin), results);
      total = total + results[0];
    }
    totals[static_cast<std::size_t>(row)] = total.value();
  };
  const int64_t rows_per_task = blocks_per_task * elements_per_block / std::max<int64_t>(1, pairs.columns) + 1;
  at::parallel_for(0, pairs.rows, rows_per_task, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) sum_one(row);
  });
  return totals;
}

std::vector<DoubleDouble> absolute_errors(const Pairs& pairs) {
  return plain_sums<AbsoluteError>(pairs);
}

namespace {

/// The sums of y and y² from those of y = first + v: Σ y = Σ v + n first, and Σ y² = Σ v² + first (Σ v + Σ y).
struct TargetSums {
  DoubleDouble sum, squares;

  TargetSums(double n, double first, double sum_of_v, double squares_of_v)
      : sum(exact_product(n, first) + sum_of_v),
        squares(product(sum + sum_of_v, DoubleDouble{first, 0}) + squares_of_v) {}
};

/// Whether squares of this sum are neither lost nor too many for float64.
bool is_tame(double sum_of_squares) {
  return sum_of_squares >= 0x1p-500 && sum_of_squares <= 0x1p500;
}

/// Which of the scales squares of numbers up to `largest` take.
std::size_t square_scale_of(double largest) {
  if (largest == 0 || !std::isfinite(largest)) return 0;
  return largest > most_unscaled ? 1 : largest < least_unscaled ? 2 : 0;
}

/// The sums of one column of a block whose numbers are scaled before they are squared. Only float64 holds such numbers.
FitSums scaled_fit(const Pairs& pairs, int64_t row, int64_t rows, int64_t column) {
  const double* preds = static_cast<const double*>(pairs.preds) + row * pairs.columns + column;
  const double* target = static_cast<const double*>(pairs.target) + row * pairs.columns + column;
  double largest_target = 0, largest_error = 0;
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t at = i * pairs.columns;
    raise(largest_target, std::abs(target[at]));
    raise(largest_error, std::abs(preds[at] - target[at]));
  }
  std::vector<double> x(static_cast<std::size_t>(rows)), y(static_cast<std::size_t>(rows));
  const auto summed_at = [&](double scale) {
    for (int64_t i = 0; i < rows; ++i) {
      x[static_cast<std::size_t>(i)] = preds[i * pairs.columns] * scale;
      y[static_cast<std::size_t>(i)] = target[i * pairs.columns] * scale;
    }
    std::array<double, width<Fit>> sums{};
    sum_block(Fit{}, x.data(), y.data(), rows, 1, sums.data());
    return sums;
  };
  FitSums own;
  const std::size_t of_target = square_scale_of(largest_target);
  const double scale = square_scales[of_target];
  const auto scaled = summed_at(scale);
  const TargetSums sums(static_cast<double>(rows), target[0] * scale, scaled[0], scaled[1]);
  own.target = {sums.sum.high / scale, sums.sum.low / scale};
  own.squared_target[of_target] = sums.squares;
  const std::size_t of_error = square_scale_of(largest_error);
  own.squared_error[of_error] = own.squared_error[of_error] + summed_at(square_scales[of_error])[2];
  return own;
}

void add(SquareSums& into, const SquareSums& sums) {
  for (std::size_t scale = 0; scale < sums.size(); ++scale) into[scale] = into[scale] + sums[scale];
}

}  // namespace

std::vector<FitSums> fit_sums(const Pairs& pairs) {
  std::vector<FitSums> totals(static_cast<std::size_t>(pairs.columns));
  int64_t row = 0;
  each_block<Fit>(pairs, [&](const Block& block) {
    const int64_t first_row = row;
    row += block.rows;
    for (int64_t column = 0; column < pairs.columns; ++column) {
      FitSums& total = totals[static_cast<std::size_t>(column)];
      const double first = block.first_y(column);
      const bool tame = is_tame(block.of(1, column)) && is_tame(block.of(2, column)) && std::abs(first) < 0x1p250;
      if (pairs.element == Element::Double && !tame) {
        const FitSums own = scaled_fit(pairs, first_row, block.rows, column);
        total.target = total.target + own.target;
        add(total.squared_target, own.squared_target);
        add(total.squared_error, own.squared_error);
        continue;
      }
      const TargetSums own(static_cast<double>(block.rows), first, block.of(0, column), block.of(1, column));
      total.target = total.target + own.sum;
      total.squared_target[0] = total.squared_target[0] + own.squares;
      total.squared_error[0] = total.squared_error[0] + block.of(2, column);
    }
  });
  return totals;
}

namespace {

/// The largest distance of a block's column from its first number.
struct Spread {
  double x, y;
};

/// The moments of one column of a block whose deviations are scaled before anything of them is summed. Only float64
/// holds such numbers.
PairMoments<double> scaled_moments(const Pairs& pairs, int64_t row, int64_t rows, int64_t column, Spread spread) {
  const double* x = static_cast<const double*>(pairs.preds) + row * pairs.columns + column;
  const double* y = static_cast<const double*>(pairs.target) + row * pairs.columns + column;
  const double by_x = scale(spread.x), by_y = scale(spread.y);
  const auto n = static_cast<double>(rows);
  const auto each = [&](const auto& take) {
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t at = i * pairs.columns;
      take((x[at] - x[0]) * by_x, (y[at] - y[0]) * by_y);
    }
  };
  double mean_u = 0, mean_v = 0;
  each([&](double u, double v) {
    mean_u += u / n;
    mean_v += v / n;
  });
  PairMoments<double> own{};
  own.mean_x = x[0] + mean_u / by_x;
  own.mean_y = y[0] + mean_v / by_y;
  own.n_total = n;
  each([&](double u, double v) {
    raise(own.max_abs_dev_x, std::abs(u - mean_u));
    raise(own.max_abs_dev_y, std::abs(v - mean_v));
    own.var_x += (u - mean_u) * (u - mean_u);
    own.var_y += (v - mean_v) * (v - mean_v);
    own.corr_xy += (u - mean_u) * (v - mean_v);
  });
  own.max_abs_dev_x /= by_x;
  own.max_abs_dev_y /= by_y;
  return rescaled(own, scale(own.max_abs_dev_x) / by_x, scale(own.max_abs_dev_y) / by_y);
}

}  // namespace

std::vector<PairMoments<double>> pair_moments(const Pairs& pairs) {
  std::vector<PairMoments<double>> totals(static_cast<std::size_t>(pairs.columns));
  int64_t row = 0;
  each_block<Moments>(pairs, [&](const Block& block) {
    const auto n = static_cast<double>(block.rows);
    const int64_t first_row = row;
    row += block.rows;
    for (int64_t column = 0; column < pairs.columns; ++column) {
      PairMoments<double>& total = totals[static_cast<std::size_t>(column)];
      const Spread spread{.x = std::max(block.of(5, column), -block.of(7, column)),
                          .y = std::max(block.of(6, column), -block.of(8, column))};
      if (scale(spread.x) != 1 || scale(spread.y) != 1) {
        total = merged(total, scaled_moments(pairs, first_row, block.rows, column, spread));
        continue;
      }
      // Of x = first + u: the mean is first + mean(u), and the centred sum of squares Σ u² - Σ u mean(u).
      const double mean_u = block.of(0, column) / n;
      const double mean_v = block.of(1, column) / n;
      const PairMoments<double> own{
          .mean_x = block.first_x(column) + mean_u,
          .mean_y = block.first_y(column) + mean_v,
          .max_abs_dev_x = std::max(block.of(5, column) - mean_u, mean_u - block.of(7, column)),
          .max_abs_dev_y = std::max(block.of(6, column) - mean_v, mean_v - block.of(8, column)),
          .var_x = block.of(2, column) - block.of(0, column) * mean_u,
          .var_y = block.of(3, column) - block.of(1, column) * mean_v,
          .corr_xy = block.of(4, column) - block.of(0, column) * mean_v,
          .n_total = n,
      };
      total = merged(total, own);
    }
  });
  return totals;
}

}  // namespace metrics::kernels::pairs
